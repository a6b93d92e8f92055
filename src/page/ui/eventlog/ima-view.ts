/** What the running Linux has measured: its IMA list, read from the guest or from a file, replayed and explained. */
import { html, nothing } from "lit";
import "../parts/file-reading.ts";
import { toHex } from "../../../protocol/bytes/hex.ts";
import {
  checkImaEntry,
  describeImaEntry,
  type ImaDigests,
  type ImaEntry,
  type ImaList,
  type ImaStep,
  parseImaAscii,
  replayIma,
} from "../../../protocol/eventlog/index.ts";
import { chainOf, extendOfEntry } from "../../model/chains.ts";
import type { ImaView, PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { Gradual } from "../parts/gradual.ts";
import { Reveal } from "../parts/reveal.ts";
import { extendedBy } from "./extended-by.ts";
import { readGuestFile } from "./guest-file.ts";
import { aggregateVerdict, imaComparison, imaVerdict } from "./ima-verdict.ts";
import { firstLines, type Verdict } from "./verdict.ts";

const PATH = "/sys/kernel/security/ima/ascii_runtime_measurements";
/** Makes the guest's kernel measure what it runs; files of a RAM file system of the other kind are left out by IMA. */
const POLICY = "ima_policy=tcb rootfstype=ramfs";
/** So many rows are drawn, and as many more each time that more are asked for. */
const ROWS = 1000;
const MOST_LINES = 10;

export class ImaPane extends PageElement {
  static override properties = {
    ...PageElement.properties,
    busy: { state: true },
    problem: { state: true },
    open: { state: true },
    shown: { state: true },
  };
  /** How many rows are drawn at most. */
  declare shown: number;
  declare busy: boolean;
  declare problem: string;
  /** Entries that are folded out, by index. */
  declare open: ReadonlySet<number>;
  readonly #reveal = new Reveal("data-ima");
  readonly #gradual = new Gradual(() => this.requestUpdate());
  /** The extends of the list that is shown, by bank, way and PCR: each is replayed once. */
  readonly #steps = new Map<string, ImaStep[]>();
  #stepsOf: ImaList | undefined;
  /** The list of which rows are folded out. */
  #shownList: ImaList | undefined;

  constructor() {
    super();
    this.busy = false;
    this.problem = "";
    this.open = new Set();
    this.shown = ROWS;
  }

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    const { imaList } = state.files.problems;
    return [state.ima, state.pcrs, state.bank, state.entry, state.machine.phase, imaList];
  }

  /** An entry that was selected elsewhere is folded out and brought into sight. */
  override willUpdate(): void {
    const { entry, ima } = this.state;
    if (ima?.list !== this.#shownList) {
      this.#shownList = ima?.list;
      this.open = new Set();
      this.shown = ROWS;
    }
    if (!this.active || !this.#reveal.isDue(entry)) return;
    this.open = new Set([...this.open, entry]);
    this.shown = Math.max(this.shown, entry + ROWS);
  }

  protected override updated(): void {
    if (this.active) this.#reveal.show(this, this.state.entry);
  }

  override render() {
    const { ima, machine, files } = this.state;
    const problem = this.problem || files.problems.imaList;
    return html`<div class="toolbar">
        <button class="button ${ima ? "" : "primary"}" type="button" ?disabled=${machine.phase !== "running" || this.busy}
          title="Types a command into the guest's shell, which prints the list" @click=${this.#readGuest}>Read it from the guest</button>
        <label class="button" title="ascii_runtime_measurements or binary_runtime_measurements of any Linux">Open a file…<input
          class="visually-hidden" type="file" aria-label="Open an IMA list" @change=${this.#openFile}></label>
        <span role="status" class="muted small">${this.busy ? "The shell is asked …" : ""}</span>
      </div>
      <file-reading .store=${this.store} .actions=${this.actions} ?active=${this.active} kind="imaList"></file-reading>
      ${problem ? html`<p class="is-error ima-problem" role="alert">${problem}</p>` : nothing}
      ${
        ima
          ? this.#list(ima)
          : html`<div class="empty"><strong>Linux's own list</strong> The firmware's log ends where Linux starts. From
        there on Linux may measure files before it uses them (IMA): each is extended into PCR 10 and written down in a list
        in the kernel, which only the guest can read. Replaying the list must give what PCR 10 holds.</div>`
      }
      ${ima ? html`<p class="pane-foot">${ima.list.entries.length} ${ima.list.entries.length === 1 ? "entry" : "entries"}, ${ima.source}.</p>` : nothing}`;
  }

  #list({ list, compared }: ImaView) {
    const { pcrs, bank } = this.state;
    const verdicts = [
      imaVerdict(imaComparison(list, pcrs, compared), list, bank, (pcr) => chainOf(this.state, pcr).length),
      aggregateVerdict(list, pcrs),
    ];
    const alone = list.entries.length === 1 && list.entries[0]?.name === "boot_aggregate";
    const shown = Math.min(list.entries.length, this.shown);
    const rows = list.entries.slice(0, this.#gradual.take(list, shown));
    return html`<div class="scroll" tabindex="0" role="region" aria-label="IMA list">
      <div class="verdicts">${verdicts.map((one) => (one ? verdict(one) : nothing))}
        ${
          list.problems.length
            ? verdict({
                tone: "bad",
                text: "Not all of it could be read.",
                lines: firstLines(
                  list.problems.map(({ offset, message }) => `At byte ${offset}: ${message}.`),
                  MOST_LINES,
                ),
              })
            : nothing
        }
        ${
          alone
            ? html`<div class="verdict" data-tone="plain">This kernel was not told to measure anything else. Put
          <code>${POLICY}</code> at the end of the command line (Machine), restart and read the list again: it then has
          each program that was run.</div>`
            : nothing
        }</div>
      <ol class="events">${rows.map((entry) => this.#row(entry, list))}</ol>
      ${
        shown < list.entries.length
          ? html`<p class="more-rows">The first ${shown} of ${list.entries.length} are shown.
        <button class="button quiet" type="button" @click=${() => {
          this.shown += ROWS;
        }}>Show more</button></p>`
          : nothing
      }
    </div>`;
  }

  #row(entry: ImaEntry, list: ImaList) {
    const { index, pcr, name, template, violation } = entry;
    const open = this.open.has(index);
    const chosen = this.state.entry === index;
    return html`<li class="event ${chosen ? "is-chosen" : ""}" data-ima=${index}><details ?open=${open}
      @toggle=${(event: Event) => this.#toggle(index, (event.target as HTMLDetailsElement).open)}>
      <summary><span class="event-index">${index}</span><span class="event-pcr">PCR ${pcr}</span>
        <span class="event-what"><span class="event-text">${name || "no name"}</span><code class="event-type">${template}</code></span>
        ${violation ? html`<span class="event-kind">violation</span>` : nothing}</summary>
      ${open ? this.#details(entry, list) : nothing}</details></li>`;
  }

  #details(entry: ImaEntry, list: ImaList) {
    const { file, templateDigest, violation } = entry;
    const { bank } = this.state;
    const step = this.#step(entry, list);
    const fits = checkImaEntry(entry);
    return html`<div class="event-body"><p>${describeImaEntry(entry)}.</p>
      ${extendedBy(extendOfEntry(this.state, entry.index), this.actions)}
      <dl class="facts">
        ${file ? html`<dt>${file.algorithm} of the content</dt><dd><code class="digest">${toHex(file.digest)}</code></dd>` : nothing}
        <dt>${entry.algorithm} of the entry</dt><dd class="event-digest"><code class="digest">${toHex(templateDigest)}</code>
          <span class="event-check" data-result=${fits === undefined ? "" : fits ? "matches" : "differs"}>${
            violation
              ? "zeros mark the violation; all ones were extended"
              : fits === undefined
                ? "cannot be checked here"
                : fits
                  ? "the hash of the entry's fields"
                  : "not the hash of the entry's fields: it was changed"
          }</span></dd>
        ${
          step
            ? html`<dt>${bank}: extended</dt><dd><code class="digest">${toHex(step.digest)}</code></dd>
          <dt>${bank}: PCR ${entry.pcr} then</dt><dd><code class="digest">${toHex(step.after)}</code></dd>`
            : nothing
        }
      </dl></div>`;
  }

  /** The extend that the entry made in the bank that is shown. */
  #step(entry: ImaEntry, list: ImaList) {
    const { bank, pcrs } = this.state;
    const value = pcrs.find(({ algorithm }) => algorithm === bank)?.values[entry.pcr];
    const ways = (["own hash", "padded SHA-1"] as const).map((way) =>
      this.#replayed(list, bank, way, entry.pcr),
    );
    const steps =
      ways.find((one) => one.some(({ after }) => value && toHex(after) === toHex(value))) ?? ways[0];
    return steps?.find((one) => one.entry === entry);
  }

  #replayed(list: ImaList, bank: string, way: ImaDigests, pcr: number): ImaStep[] {
    if (this.#stepsOf !== list) this.#steps.clear();
    this.#stepsOf = list;
    const key = [bank, way, pcr].join();
    const steps = this.#steps.get(key) ?? replayIma(list, bank, way, pcr);
    this.#steps.set(key, steps);
    return steps;
  }

  #toggle(index: number, open: boolean): void {
    if (this.open.has(index) === open) return;
    const indexes = new Set(this.open);
    if (open) indexes.add(index);
    else indexes.delete(index);
    this.open = indexes;
    if (!open) return;
    this.#reveal.done(index);
    this.actions.select({ entry: index });
  }

  #readGuest(): void {
    this.#take(async () => {
      const text = await readGuestFile(this.state.serial, (line) => this.actions.askGuest(line), PATH);
      return { list: parseImaAscii(text), source: `read from the guest's ${PATH}` };
    });
  }

  #openFile(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (file) this.actions.files.openImaList(file);
    input.value = "";
    this.problem = "";
  }

  #take(read: () => Promise<NonNullable<PageState["ima"]>>): void {
    this.busy = true;
    this.problem = "";
    this.actions.files.forget("imaList");
    read()
      .then((ima) => {
        this.store.update({ ima });
        // The list may have what is selected, or no longer have it.
        const { command } = this.state;
        this.actions.select(command === undefined ? undefined : { command });
      })
      .catch((error: Error) => {
        this.problem = `The list could not be read: ${error.message}.`;
      })
      .finally(() => {
        this.busy = false;
      });
  }
}

function verdict({ tone, text, lines }: Verdict) {
  return html`<div class="verdict" data-tone=${tone}><strong>${text}</strong>
    ${lines.length ? html`<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>` : nothing}</div>`;
}

customElements.define("ima-view", ImaPane);
