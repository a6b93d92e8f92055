/** The way from what a list says was measured to the command that extended it. */
import { html, nothing } from "lit";
import type { SeenExtend } from "../../model/chains.ts";
import type { ViewActions } from "../../model/model.ts";

/** @param found undefined: it was not seen. */
export function extendedBy(found: SeenExtend | undefined, actions: ViewActions) {
  if (!found) return nothing;
  const { id, name } = found.change.record;
  return html`<p>Extended by <button class="link" type="button" @click=${() => {
    actions.select({ command: id });
    actions.showPane("commands");
  }}>command ${id}, ${name}</button>.</p>`;
}
