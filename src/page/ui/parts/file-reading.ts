/** How far the reading of a file is, with a button that gives it up. Nothing while no file is read. */
import { html, nothing } from "lit";
import "./file-reading.css";
import type { FileKind } from "../../model/files.ts";
import type { PageState } from "../../model/model.ts";
import { sizeText } from "../machines/text.ts";
import { ViewElement } from "./element.ts";

export class FileReadingBar extends ViewElement {
  static override properties = { ...ViewElement.properties, kind: {} };
  declare kind: FileKind;

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.files.reading[this.kind]];
  }

  override render() {
    const reading = this.state.files.reading[this.kind];
    if (!reading) return nothing;
    const { name, step, done, total } = reading;
    const size = total ? `, ${sizeText(done)} of ${sizeText(total)}` : "";
    return html`<div class="file-reading">
      <span class="visually-hidden" role="status">Reading ${name}: ${step}</span>
      <label><span>“${name}”: ${step}${size}</span>
        <progress aria-label="Reading ${name}" max="1" value=${total ? done / total : nothing}></progress></label>
      <button class="button" type="button" @click=${() => this.actions.files.cancel(this.kind)}>Cancel</button>
    </div>`;
  }
}

customElements.define("file-reading", FileReadingBar);
