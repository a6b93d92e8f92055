/** The lessons: a list of them, or one, step by step. A step is done when its goals are met, never by a click. */

import { html, nothing } from "lit";
import { own } from "../../../protocol/bytes/own.ts";
import { GLOSSARY } from "../../lessons/glossary.ts";
import { LESSONS, type Lesson, lessonOf } from "../../lessons/index.ts";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import "./hand-in.ts";
import "./lessons.css";
import "./lesson-step.ts";

export class TpmLessons extends PageElement {
  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.lessons];
  }

  override render() {
    const { open } = this.state.lessons;
    const lesson = lessonOf(open?.lesson);
    return lesson && open ? this.#lesson(lesson, open.step) : this.#list();
  }

  #done({ id, steps }: Lesson): number {
    const done = own(this.state.lessons.done, id) ?? [];
    return steps.filter((step) => done.includes(step.id)).length;
  }

  #list() {
    return html`<div class="lessons scroll">
      <h3 class="lessons-title">Lessons</h3>
      <p>A TPM is a small security chip: it notes how a machine was started, and keeps keys and secrets. New to it? Begin at the top.</p>
      <p class="muted">A few minutes each, with the real thing: each step is checked against what machine and TPM did.</p>
      <ol class="lesson-list">${LESSONS.map((lesson) => this.#row(lesson))}</ol>
      <hand-in .store=${this.store} .actions=${this.actions} .active=${this.active}></hand-in>
      <details class="glossary"><summary>The words of this field</summary>
        <dl>${GLOSSARY.map(
          ({ word, text, spec }) =>
            html`<dt>${word}</dt><dd>${text} <span class="muted small">${spec}.</span></dd>`,
        )}</dl></details>
    </div>`;
  }

  #row(lesson: Lesson) {
    const { id, title, about, minutes, steps } = lesson;
    const done = this.#done(lesson);
    const state =
      done === steps.length ? "done" : done ? `${done} of ${steps.length} steps` : `${minutes} min`;
    return html`<li><button class="lesson-row" type="button" data-lesson=${id} @click=${() => this.actions.lessons.open(id)}>
      <span class="lesson-name">${title}</span>
      <span class="lesson-state" data-done=${done === steps.length}>${done === steps.length ? "✓ " : ""}${state}</span>
      <span class="lesson-about muted">${about}</span></button></li>`;
  }

  #lesson(lesson: Lesson, at: number) {
    const { lessons } = this.actions;
    const done = own(this.state.lessons.done, lesson.id) ?? [];
    return html`<div class="lessons scroll">
      <div class="lesson-head">
        <button class="button quiet" type="button" @click=${() => lessons.close()}>← All lessons</button>
        <h3>${lesson.title}</h3>
        ${
          done.length
            ? html`<button class="button quiet" type="button" @click=${() => lessons.forget(lesson.id)}>Start over</button>`
            : nothing
        }
      </div>
      <nav aria-label="Steps of this lesson"><ol class="lesson-steps">${lesson.steps.map(
        (step, i) => html`<li><button type="button" data-done=${done.includes(step.id)}
          aria-current=${i === at ? "step" : "false"} title=${step.title}
          aria-label="Step ${i + 1}: ${step.title}${done.includes(step.id) ? ", done" : ""}"
          @click=${() => lessons.open(lesson.id, i)}>${done.includes(step.id) ? "✓" : i + 1}</button></li>`,
      )}</ol></nav>
      <lesson-step .store=${this.store} .actions=${this.actions} .active=${this.active}></lesson-step>
    </div>`;
  }
}

customElements.define("tpm-lessons", TpmLessons);
