/** What is known of the boot that PCRs and event log are of: what was checked, or what went wrong and what to do. */
import { html, nothing } from "lit";
import "./boot-banner.css";
import { adviceFor, measurementTitle, troubleText, troubleTitle } from "../../boot-check/index.ts";
import type { PageState } from "../../model/model.ts";
import { ViewElement } from "../parts/element.ts";
import { measurementTone } from "./tone.ts";

export class BootBanner extends ViewElement {
  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.boot];
  }

  override render() {
    const { boot } = this.state;
    if (!boot) return nothing;
    const { measurement, tpmTroubles } = boot;
    const tone = measurementTone(measurement);
    if (tpmTroubles.length)
      return tpmTroubles.map(
        (trouble) => html`<div class="boot-banner" data-tone=${tone}>
          <strong>${troubleTitle(trouble)}</strong>
          <p>${troubleText(trouble)}</p><p>${adviceFor(trouble)}</p></div>`,
      );
    const title = measurementTitle(measurement);
    if (measurement.kind !== "measured")
      return html`<div class="boot-banner" data-tone=${tone}>${title}</div>`;
    return html`<details class="boot-banner" data-tone=${tone}><summary>${title}</summary>
      <ul>${measurement.checks.map((check) => html`<li>${check}</li>`)}</ul></details>`;
  }
}

customElements.define("boot-banner", BootBanner);
