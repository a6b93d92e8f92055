/** One step: what to know, what to do, and what the machine's doings say about it. */

import { html, nothing, type PropertyValues } from "lit";
import { own } from "../../../protocol/bytes/own.ts";
import {
  type Finding,
  type Goal,
  LESSONS,
  type Lesson,
  lessonOf,
  type Offer,
  type Step,
} from "../../lessons/index.ts";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import "../parts/copy.ts";
import "./guest-output.ts";
import type { Term } from "../../lessons/glossary.ts";
import type { OpenLesson } from "../../model/lessons.ts";
import { goToPane } from "./go.ts";
import { prose } from "./text.ts";

const STAGES: Record<Lesson["stage"], { need: string; label: string }> = {
  bench: {
    need: "This lesson needs a TPM on the bench, without a computer.",
    label: "Put a TPM on the bench",
  },
  guest: { need: "This lesson needs Linux with a TPM 2.0.", label: "Boot Linux with a TPM 2.0" },
  "guest-1.2": { need: "This lesson needs Linux with a TPM 1.2.", label: "Boot Linux with a TPM 1.2" },
  any: { need: "", label: "" },
};

export class LessonStep extends PageElement {
  #shown = "";

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.lessons, state.machine.phase, state.machine.step];
  }

  override render() {
    const { open } = this.state.lessons;
    const lesson = lessonOf(open?.lesson);
    const step = open && lesson?.steps[open.step];
    if (!open || !lesson || !step) return nothing;
    const done = own(this.state.lessons.done, lesson.id)?.includes(step.id) ?? false;
    const seen = new Set<Term>();
    return html`<article class="lesson-step" aria-labelledby="lesson-step-title">
      <h4 id="lesson-step-title" tabindex="-1"><span class="muted">${open.step + 1}/${lesson.steps.length}</span> ${step.title}</h4>
      ${step.text.map((text) => html`<p>${prose(text, seen)}</p>`)}
      ${this.#stage(lesson, step, open)}
      ${this.#offers(step.offers, open)}
      ${this.#goals(step, open, done)}
      ${this.#hint(step, open, done)}
      ${this.#onward(lesson, open, done)}
      ${step.offers?.some(({ kind }) => kind === "type") && open.shell ? this.#shell() : nothing}
    </article>`;
  }

  /** A new step is read from its title on. */
  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const { open } = this.state.lessons;
    const now = open ? `${open.lesson} ${open.step}` : "";
    if (this.#shown && now !== this.#shown) this.querySelector<HTMLElement>("h4")?.focus();
    this.#shown = now;
  }

  /** What is missing before the step makes sense; nothing where the step itself brings it up. */
  #stage({ stage }: Lesson, step: Step, open: OpenLesson) {
    const own = step.offers?.some(({ kind }) => kind === "bench" || kind === "boot" || kind === "reload");
    if (open.stage === "ready" || (own && open.stage === "absent")) return nothing;
    if (open.stage === "coming") {
      const { step: doing } = this.state.machine;
      return html`<p class="lesson-stage" role="status">Starting${doing ? `: ${doing}` : ""} …</p>`;
    }
    const { need, label } = STAGES[stage];
    const runs = this.state.machine.phase === "running" || this.state.machine.phase === "paused";
    return html`<p class="lesson-stage">${need}${runs ? " The machine that runs now is switched off for it." : ""} <button class="button primary" type="button"
      @click=${() => this.actions.lessons.prepare()}>${label}</button></p>`;
  }

  #offers(offers: readonly Offer[] | undefined, open: OpenLesson) {
    if (!offers?.length) return nothing;
    return html`<ul class="lesson-offers">${offers.map((offer) => this.#offer(offer, open))}</ul>`;
  }

  #hint({ hint, remedies }: Step, open: OpenLesson, done: boolean) {
    if (!hint || done) return nothing;
    return html`<details class="lesson-hint"><summary>Hint</summary><p>${prose(hint)}</p>
      ${this.#offers(remedies, open)}</details>`;
  }

  /** What the guest's shell says, and the way to it for who wants to type. */
  #shell() {
    return html`<div class="lesson-shell"><p class="muted small">The shell of Linux says:
        <button class="button quiet" type="button" @click=${() => goToPane(this.actions, "serial")}>Type there yourself</button></p>
      <guest-output .serial=${this.state.serial}></guest-output></div>`;
  }

  #offer(offer: Offer, open: OpenLesson) {
    const take = () => this.actions.lessons.take(offer);
    switch (offer.kind) {
      case "type": {
        const line = typeof offer.line === "string" ? offer.line : offer.line(open.notes);
        if (line === undefined)
          return html`<li class="muted">An earlier step of this lesson comes first.</li>`;
        return html`<li class="lesson-line">${noteOf(offer)}<code>${line}</code>
          <span class="lesson-line-buttons"><button class="button" type="button" ?disabled=${!open.shell || open.typing !== undefined}
            title=${typingHint(open)}
            aria-label="Type it for me: ${line}" @click=${take}>${open.typing === line ? "Running …" : "Type it for me"}</button>
          <copy-button .text=${line} label="Copy the line" .caption=${""}></copy-button></span></li>`;
      }
      case "pane":
        return html`<li><button class="button" type="button" @click=${() => goToPane(this.actions, offer.pane)}>${offer.label}</button></li>`;
      case "send":
        return html`<li class="lesson-line">${noteOf(offer)}<code>${offer.hex}</code><span class="lesson-line-buttons"><button class="button" type="button"
          ?disabled=${open.stage !== "ready"} @click=${take}>${offer.label}</button>
          <copy-button .text=${offer.hex} label="Copy the bytes" .caption=${""}></copy-button></span></li>`;
      case "access":
        return html`<li><button class="button" type="button" ?disabled=${open.stage !== "ready"} @click=${take}>${offer.label}</button></li>`;
      default:
        return html`<li><button class="button" type="button" ?disabled=${open.stage === "coming"} @click=${take}>${offer.label}</button></li>`;
    }
  }

  #goals(step: Step, open: OpenLesson, done: boolean) {
    return html`<ul class="lesson-goals" aria-label="Goals of this step" aria-live="polite">${step.goals.map(
      (goal, i) => this.#goal(goal, open.findings[i], done),
    )}</ul>`;
  }

  #goal({ text }: Goal, finding: Finding | undefined, done: boolean) {
    const met = finding?.met ?? false;
    const before = done && !met;
    const state = met ? "met" : before ? "before" : "open";
    const found = before ? "Done before." : finding?.text;
    return html`<li data-state=${state}><span class="lesson-mark" aria-hidden="true">${met || before ? "✓" : "○"}</span>
      <span><span class="visually-hidden">${met || before ? "Reached: " : "Not yet: "}</span><strong>${prose(text)}</strong>
      ${found ? html`<span class="lesson-found">${prose(found)}</span>` : nothing}</span></li>`;
  }

  #onward({ id, steps }: Lesson, { step }: OpenLesson, done: boolean) {
    const { lessons } = this.actions;
    const last = step === steps.length - 1;
    const after = LESSONS[LESSONS.findIndex((lesson) => lesson.id === id) + 1];
    const onward = last
      ? html`<button class="button ${done ? "primary" : ""}" type="button" @click=${() => lessons.close()}>${done ? "Finished: all lessons" : "All lessons"}</button>`
      : html`<button class="button ${done ? "primary" : ""}" type="button"
          @click=${() => lessons.open(id, step + 1)}>${done ? "Next step" : "Skip to the next step"}</button>`;
    return html`<div class="lesson-onward">
      ${step > 0 ? html`<button class="button" type="button" @click=${() => lessons.open(id, step - 1)}>Back</button>` : nothing}
      ${onward}
      ${last && done && after ? html`<button class="button" type="button" @click=${() => lessons.open(after.id)}>Next lesson: ${after.title}</button>` : nothing}</div>`;
  }
}

function typingHint({ shell, typing }: OpenLesson): string {
  if (!shell) return "The guest's shell is not there yet";
  return typing === undefined
    ? "Types this line into the guest's console"
    : `The shell is busy with: ${typing}. Ctrl+C in the serial console ends that`;
}

function noteOf({ note }: { note?: string }) {
  return note ? html`<span class="lesson-note muted small">${note}</span>` : nothing;
}

customElements.define("lesson-step", LessonStep);
