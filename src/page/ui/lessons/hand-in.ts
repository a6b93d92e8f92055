/** What was done in the lessons, to be handed in; and a clean start for whoever comes next. */
import { html } from "lit";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";

export class HandIn extends PageElement {
  static override properties = { ...PageElement.properties, asked: { state: true } };
  /** Starting over was asked for, and is to be confirmed. */
  declare asked: boolean;

  constructor() {
    super();
    this.asked = false;
  }

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.lessons.done, state.lessons.group, state.lessons.handedIn];
  }

  override render() {
    const { group, handedIn } = this.state.lessons;
    return html`<details class="hand-in" ?open=${group !== ""}><summary>In a class</summary>
      <form class="hand-in-form" @submit=${this.#save}>
        <label>Your name <input name="name" autocomplete="name" required maxlength="200"></label>
        <label>Class <input name="group" maxlength="200" .value=${group}></label>
        <button class="button" type="submit">Save what I did, to hand it in</button>
        <span role="status" class="muted small">${handedIn ?? ""}</span>
      </form>
      <p class="muted small">A file with the steps that you reached, signed by this browser. Nothing is sent.
        <a href="./class.html">For teachers</a></p>
      <p>${
        this.asked
          ? html`Forget all progress in this browser?
            <button class="button" type="button" @click=${() => {
              this.asked = false;
              this.actions.lessons.startOver();
            }}>Forget it</button>
            <button class="button quiet" type="button" @click=${() => {
              this.asked = false;
            }}>Keep it</button>`
          : html`<button class="button quiet" type="button" @click=${() => {
              this.asked = true;
            }}>Start over for the next person …</button>`
      }</p>
    </details>`;
  }

  #save(event: Event): void {
    event.preventDefault();
    const data = new FormData(event.target as HTMLFormElement);
    this.actions.lessons.handIn(String(data.get("name")).trim(), String(data.get("group")).trim());
  }
}

customElements.define("hand-in", HandIn);
