/** While a lesson is open and out of sight: which step it is, whether it is done, and the way back. */

import { html, nothing } from "lit";
import { own } from "../../../protocol/bytes/own.ts";
import { lessonOf } from "../../lessons/index.ts";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { goToPane, WIDE } from "./go.ts";

export class LessonBar extends PageElement {
  readonly #wide = matchMedia(WIDE);
  readonly #again = () => this.requestUpdate();

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.lessons, state.panes];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#wide.addEventListener("change", this.#again);
  }

  override disconnectedCallback(): void {
    this.#wide.removeEventListener("change", this.#again);
    super.disconnectedCallback();
  }

  override render() {
    const { lessons, panes } = this.state;
    const lesson = lessonOf(lessons.open?.lesson);
    const step = lesson?.steps[lessons.open?.step ?? 0];
    const seen = panes.left === "lessons" && (this.#wide.matches || panes.front === "left");
    if (!lesson || !step || seen) return nothing;
    const done = own(lessons.done, lesson.id)?.includes(step.id);
    return html`<section class="lesson-bar" aria-label="Lesson">
      <span><strong>${lesson.title}</strong>: ${step.title}</span>
      <span role="status">${done ? "✓ This step is done." : ""}</span>
      <button class="button ${done ? "primary" : ""}" type="button" @click=${() => goToPane(this.actions, "lessons")}>Back to the lesson</button>
    </section>`;
  }
}

customElements.define("lesson-bar", LessonBar);
