/** Opens the files of the views: read beside the page, shown with progress, given up when the user says so. */
import { compareWithPcrs, type ReplayedBank } from "../../protocol/eventlog/index.ts";
import { readFile } from "../../session/reading/client.ts";
import { ReadingCanceledError } from "../../session/reading/errors.ts";
import { unpacked } from "../../session/reading/event-log.ts";
import type { Readings } from "../../session/reading/readers.ts";
import type { FileActions, FileKind, FileReading } from "../model/files.ts";
import type { PageStore } from "../model/model.ts";

export class Files implements FileActions {
  readonly #store: PageStore;
  readonly #underWay = new Map<FileKind, AbortController>();

  constructor(store: PageStore) {
    this.#store = store;
  }

  /**
   * What the file has. Whoever opens another one of that kind meanwhile, or cancels, gets that.
   * @throws {ReadingCanceledError} and all that `readFile` throws
   */
  async read<Kind extends FileKind, Result = Readings[Kind]["result"]>(
    kind: Kind,
    file: File,
    options: Readings[Kind]["options"],
    use: (result: Readings[Kind]["result"]) => Result | Promise<Result> = (result) => result as Result,
  ): Promise<Result> {
    this.cancel(kind);
    this.forget(kind);
    const underWay = new AbortController();
    const { signal } = underWay;
    this.#underWay.set(kind, underWay);
    const show = (step: string, done: number, total: number) =>
      this.#show(kind, { name: file.name, step, done, total });
    show("opening", 0, file.size);
    try {
      const result = await use(await readFile(kind, file, options, { signal, progress: show }));
      if (signal.aborted) throw new ReadingCanceledError();
      return result;
    } finally {
      if (this.#underWay.get(kind) === underWay) {
        this.#underWay.delete(kind);
        this.#show(kind, undefined);
      }
    }
  }

  openEventLog(file: File): void {
    const open = async () => {
      const view = await this.read("eventLog", file, {}, async ({ bytes, log, banks: packed }) => {
        const banks = await inSlices(unpacked(log, packed));
        return { bytes, log, banks, comparison: compareWithPcrs(banks, this.#store.state.pcrs) };
      });
      this.#change({ log: { name: file.name, view } });
    };
    this.#tell("eventLog", open(), (why) => `“${file.name}” could not be shown: ${why}.`);
  }

  openImaList(file: File): void {
    const { pcrs } = this.#store.state;
    const open = async () => {
      const { list, comparison } = await this.read("imaList", file, { pcrs });
      const source = `of the file ${file.name}`;
      this.#store.update({ ima: { list, source, compared: { pcrs, rows: comparison } } });
    };
    this.#tell("imaList", open(), (why) => `The list could not be read: “${file.name}” ${why}.`);
  }

  cancel(kind: FileKind): void {
    this.#underWay.get(kind)?.abort();
  }

  forget(kind: FileKind): void {
    this.#problem(kind, undefined);
  }

  #tell(kind: FileKind, opened: Promise<void>, words: (why: string) => string): void {
    opened.catch((error: Error) => {
      if (!(error instanceof ReadingCanceledError)) this.#problem(kind, words(error.message));
    });
  }

  #show(kind: FileKind, reading: FileReading | undefined): void {
    const { [kind]: _, ...others } = this.#store.state.files.reading;
    this.#change({ reading: reading ? { ...others, [kind]: reading } : others });
  }

  #problem(kind: FileKind, problem: string | undefined): void {
    const { [kind]: before, ...others } = this.#store.state.files.problems;
    if (before === problem) return;
    this.#change({ problems: problem === undefined ? others : { ...others, [kind]: problem } });
  }

  #change(change: Partial<PageStore["state"]["files"]>): void {
    this.#store.update({ files: { ...this.#store.state.files, ...change } });
  }
}

/** Runs to its end, and lets the page draw between two slices. */
async function inSlices(slices: Generator<undefined, ReplayedBank[], undefined>): Promise<ReplayedBank[]> {
  for (;;) {
    const next = slices.next();
    if (next.done) return next.value;
    await new Promise((resolve) => setTimeout(resolve));
  }
}
