/** Shows a pane and puts the keyboard where its work begins. */
import type { PageActions } from "../model.ts";

/** In this order: the step that makes sense now, then whatever can be used first. */
const FIRST = ['[aria-current="step"]', "button, input, select, textarea, summary, [tabindex='0']"];

export function goToPane(actions: PageActions, pane: string): void {
  actions.showPane(pane);
  // The pane is drawn in the next frame, what is in it perhaps one later.
  requestAnimationFrame(() => requestAnimationFrame(() => focusIn(pane)));
}

function focusIn(pane: string): void {
  const section = document.getElementById(`pane-${pane}`);
  for (const selector of FIRST) {
    const target = section?.querySelector<HTMLElement>(selector);
    if (!target) continue;
    target.focus();
    return;
  }
}
