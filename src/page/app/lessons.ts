/** Runs the lessons: which step is open, what its checks find, what the reader asks the page to do. */

import { INTERFACES } from "../../device/interfaces/interfaces.ts";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { own } from "../../protocol/bytes/own.ts";
import type { Finding, Goal, Lesson, Offer, World } from "../lessons/index.ts";
import type { LessonActions, OpenLesson, StageState } from "../model/lessons.ts";
import type { PageActions, PageState, PageStore } from "../model/model.ts";
import { recall, remember } from "../ui/parts/preferences.ts";
import { showHash } from "./address.ts";
import { lessonOf, withCourse } from "./course.ts";
import { sendByHand, writeAccess } from "./lesson-hand.ts";
import { forgetReader, keepProgress, type Progress, recallProgress } from "./lesson-progress.ts";
import { hasShell, type Moment, Witness } from "./lesson-witness.ts";
import { TypedLine } from "./typed-line.ts";

/** How often the goals of an open step are looked at, in milliseconds. */
const LOOK_MS = 300;

type Page = Pick<
  PageActions,
  "boot" | "change" | "variables" | "openBench" | "reset" | "sendSerial" | "showPane"
>;

/** What is remembered of the class, and how long its name may be. */
const GROUP = "class";
const MOST_GROUP = 200;

export class Lessons implements LessonActions {
  readonly #store: PageStore;
  readonly #page: Page;
  #progress: Progress = recallProgress();
  readonly #witness: Witness;
  /** When each step began, by "lesson step". */
  readonly #began = new Map<string, Moment>();
  /** What has to be done one after the other by hand. */
  #hand: Promise<void> = Promise.resolve();
  #looking = false;
  readonly #typing: TypedLine;

  constructor(store: PageStore, page: Page) {
    this.#typing = new TypedLine(store.state.serial, () => this.#restage());
    this.#store = store;
    this.#page = page;
    this.#witness = new Witness(store);
    this.#show({ done: this.#progress.done, group: recall(GROUP) ?? "" });
    this.#openFromAddress();
    addEventListener("hashchange", () => this.#openFromAddress());
    setInterval(() => this.#look(), LOOK_MS);
  }

  open(id: string, step?: number): void {
    this.#read(() => this.#open(id, step));
  }

  /** Where the course cannot be loaded, the pane says so, and offers another try. */
  #read(work: () => void): void {
    withCourse(work).catch((error: Error) => console.warn(error.message));
  }

  #open(id: string, step?: number): void {
    const lesson = lessonOf(id);
    if (!lesson) return;
    const at = Math.min(step ?? this.#firstOpen(lesson), lesson.steps.length - 1);
    if (!own(this.#progress.notes, id)) this.#note(lesson, {});
    this.#begin(lesson, at);
    this.#show({
      open: {
        lesson: id,
        step: at,
        findings: [],
        ...this.#stage(lesson),
        notes: own(this.#progress.notes, id) ?? {},
      },
    });
    showLink(`lesson=${id}&step=${at + 1}`);
    this.#look();
  }

  /** A step begins where the one before it was done, so that nobody is too quick for it; else when it is opened. */
  #begin({ id, steps }: Lesson, at: number): void {
    const key = `${id} ${steps[at]?.id}`;
    if (!this.#began.has(key)) this.#began.set(key, this.#witness.now());
  }

  #firstOpen({ id, steps }: Lesson): number {
    const done = own(this.#progress.done, id) ?? [];
    const first = steps.findIndex((step) => !done.includes(step.id));
    return Math.max(first, 0);
  }

  close(): void {
    this.#show({ open: undefined });
    showLink("");
  }

  forget(id: string): void {
    const lesson = lessonOf(id);
    if (!lesson) return;
    const { [id]: _, ...notes } = this.#progress.notes;
    this.#progress = { done: { ...this.#progress.done, [id]: [] }, notes };
    for (const step of lesson.steps) this.#began.delete(`${id} ${step.id}`);
    keepProgress(this.#progress);
    this.#show({ done: this.#progress.done });
    this.open(id, 0);
  }

  prepare(): void {
    const lesson = lessonOf(this.#store.state.lessons.open?.lesson);
    if (lesson?.stage === "bench") this.#openBench();
    else this.#boot({ tpm: lesson?.stage === "guest-1.2" ? "1.2" : "2.0" });
  }

  take(offer: Offer): void {
    switch (offer.kind) {
      case "type":
        this.#type(offer.line);
        break;
      case "pane":
        this.#page.showPane(offer.pane);
        break;
      case "bench":
        this.#openBench();
        break;
      case "boot":
        this.#boot(offer);
        break;
      case "reset":
        this.#page.reset();
        this.#restage();
        break;
      case "variables":
        // A machine that runs boots what it has booted.
        this.#page.change({ firmware: "uefi", tpm: "2.0" });
        this.#page.variables[offer.change]();
        this.#restage();
        break;
      case "reload":
        location.reload();
        break;
      case "send":
      case "access":
        this.#byHand(offer);
    }
  }

  #type(line: Extract<Offer, { kind: "type" }>["line"]): void {
    const { open } = this.#store.state.lessons;
    const text = typeof line === "string" ? line : line(open?.notes ?? {});
    if (text === undefined || !open || this.#typing.line !== undefined) return;
    this.#typing.begin(text);
    this.#restage();
    this.#page.sendSerial(`${text}\n`);
  }

  #byHand(offer: Extract<Offer, { kind: "send" | "access" }>): void {
    const { handle } = this.#store.state;
    if (!handle) return;
    this.#hand = this.#hand
      .then(() =>
        offer.kind === "send"
          ? sendByHand(handle, offer.locality, fromHex(offer.hex))
          : writeAccess(handle, offer.locality, offer.value),
      )
      // The goals tell what is missing; the reader can see in the registers where it stands.
      .catch((error: Error) => console.warn(error.message));
  }

  /** With the registers that the lesson is about. */
  #openBench(): void {
    const { interface: registers = "TIS" } = lessonOf(this.#store.state.lessons.open?.lesson) ?? {};
    this.#page.change({ interface: registers, ...(registers === "CRB" && { tpm: "2.0" }) });
    this.#page.openBench();
  }

  /** Really from power-on, measured, with the standard command line or that and some more. */
  #boot({ tpm, extra, ...of }: Omit<Extract<Offer, { kind: "boot" }>, "kind" | "label">): void {
    const { images } = this.#store.state;
    const standard = images?.kernels.find(({ name }) => name === images.kernel)?.cmdline;
    const cmdline = extra !== undefined && standard !== undefined ? `${standard} ${extra}` : undefined;
    this.#page.change({
      tpm,
      cmdline,
      firmware: of.firmware ?? "bios",
      signature: of.signature ?? "none",
      measured: true,
      start: "power-on",
      bootMenu: false,
      interface: "TIS",
      interrupt: of.interrupt ?? false,
    });
    this.#page.boot();
    this.#restage();
  }

  // --- checking ---

  #look(): void {
    const { open } = this.#store.state.lessons;
    const lesson = lessonOf(open?.lesson);
    const step = open && lesson?.steps[open.step];
    if (!open || !lesson || !step || this.#looking) return;
    this.#looking = true;
    const since = this.#began.get(`${lesson.id} ${step.id}`) ?? this.#witness.now();
    const now = this.#witness.now();
    const world = this.#witness.world(since, open.notes);
    Promise.all(step.goals.map((goal) => checked(goal, world)))
      .then((findings) => this.#found(lesson, open, findings, now))
      .finally(() => {
        this.#looking = false;
      });
  }

  #found(lesson: Lesson, looked: OpenLesson, findings: readonly Finding[], now: Moment): void {
    const { open } = this.#store.state.lessons;
    const step = lesson.steps[looked.step];
    if (!open || !step || open.lesson !== looked.lesson || open.step !== looked.step) return;
    const kept = Object.assign({}, ...findings.map(({ met, keep }) => (met ? keep : undefined)));
    const notes = differs(kept, open.notes) ? this.#note(lesson, kept) : open.notes;
    const next: OpenLesson = { ...open, findings, notes, ...this.#stage(lesson) };
    if (JSON.stringify(next) !== JSON.stringify(open)) this.#show({ open: next });
    if (findings.every(({ met }) => met)) this.#stepDone(lesson, looked.step, now);
  }

  #stepDone(lesson: Lesson, at: number, now: Moment): void {
    const { id, steps } = lesson;
    const step = steps[at];
    const done = own(this.#progress.done, id) ?? [];
    if (!step || done.includes(step.id)) return;
    const after = steps[at + 1];
    if (after) this.#began.set(`${id} ${after.id}`, now);
    this.#progress.done = { ...this.#progress.done, [id]: [...done, step.id] };
    keepProgress(this.#progress);
    this.#show({ done: this.#progress.done });
  }

  #note(lesson: Lesson, notes: Record<string, string>): Record<string, string> {
    const { notes: all } = this.#progress;
    const now = { ...(own(all, lesson.id) ?? lesson.begin?.(randomHex)), ...notes };
    this.#progress.notes = { ...all, [lesson.id]: now };
    keepProgress(this.#progress);
    return now;
  }

  #stage(lesson: Lesson): Pick<OpenLesson, "stage" | "shell" | "typing"> {
    const { state } = this.#store;
    return { stage: stageOf(lesson, state), shell: hasShell(state), typing: this.#typing.line };
  }

  /** At once, not with the next look: a line must not be typed for a machine that is going. */
  #restage(): void {
    const { open } = this.#store.state.lessons;
    const lesson = lessonOf(open?.lesson);
    if (open && lesson) this.#show({ open: { ...open, ...this.#stage(lesson) } });
  }

  #show(patch: Partial<PageState["lessons"]>): void {
    this.#store.update({ lessons: { ...this.#store.state.lessons, ...patch } });
  }

  // --- a class ---

  handIn(name: string, group: string): void {
    const save = async () => {
      const { saveResult } = await import("./lesson-result.ts");
      await saveResult(name, group, this.#progress.done);
    };
    save().then(
      () => this.#show({ group, handedIn: "It is among your downloads." }),
      (error: Error) => this.#show({ handedIn: `It could not be saved: ${error.message}.` }),
    );
  }

  startOver(): void {
    this.#progress = forgetReader();
    this.#began.clear();
    this.#show({ done: {}, open: undefined, handedIn: undefined });
  }

  // --- the address ---

  /**
   * `#lesson=pcrs&step=2`; without a step, the first that is not done. With `view=registers` that view stands beside it,
   * and `class=7B` says for whom the results are.
   */
  #openFromAddress(): void {
    const link = new URLSearchParams(location.hash.slice(1));
    const group = link.get("class")?.slice(0, MOST_GROUP);
    if (group !== undefined) {
      remember(GROUP, group);
      this.#show({ group });
    }
    const view = link.get("view");
    if (view !== null) this.#page.showPane(view);
    const id = link.get("lesson");
    if (id === null) {
      if (group !== undefined) this.#page.showPane("lessons");
      return;
    }
    const step = Number.parseInt(link.get("step") ?? "", 10);
    this.#read(() => {
      if (!lessonOf(id)) return;
      this.#page.showPane("lessons");
      this.#open(id, step >= 1 ? step - 1 : undefined);
    });
  }
}

function showLink(hash: string): void {
  if (!hash && !location.hash.startsWith("#lesson=")) return;
  showHash(hash);
}

async function checked(goal: Goal, world: World): Promise<Finding> {
  try {
    return await goal.check(world);
  } catch (error) {
    return { met: false, text: `This could not be checked: ${(error as Error).message}` };
  }
}

function differs(kept: Record<string, string>, notes: Readonly<Record<string, string>>): boolean {
  return Object.entries(kept).some(([key, value]) => own(notes, key) !== value);
}

function stageOf({ stage, interface: registers = "TIS" }: Lesson, state: Readonly<PageState>): StageState {
  if (stage === "any") return "ready";
  if (stage === "bench") {
    const { frontEnd } = INTERFACES[registers];
    if (state.bench !== "closed" && state.tpm && state.tpm.interface !== frontEnd.name) return "absent";
    return state.bench === "open" ? "ready" : state.bench === "opening" ? "coming" : "absent";
  }
  const wanted = stage === "guest" ? "2.0" : "1.2";
  const { phase } = state.machine;
  if (phase !== "loading" && phase !== "running") return "absent";
  if ((state.tpm?.version ?? state.settings.tpm) !== wanted && state.tpm?.version !== "unspecified")
    return "absent";
  return hasShell(state) ? "ready" : "coming";
}

function randomHex(bytes: number): string {
  return toHex(crypto.getRandomValues(new Uint8Array(bytes)));
}
