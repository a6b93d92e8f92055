/** Shows a pane and puts the keyboard where its work begins. */
import type { PageActions } from "../../model/model.ts";

/** Below this width one pane is seen at a time; as in the page's layout. */
export const WIDE = "(min-width: 960px)";

/** In this order: the step that makes sense now, then whatever can be used first. */
const FIRST = [
  '[aria-current="step"]',
  ":is(button, input, select, textarea):not(:disabled), summary, [tabindex='0']",
];
/** A pane may still be drawn, or its TPM be switched on; in milliseconds. */
const AGAIN_MS = 150;
const PATIENCE_MS = 10_000;

export function goToPane(actions: PageActions, pane: string): void {
  const from = document.activeElement;
  const end = performance.now() + PATIENCE_MS;
  actions.showPane(pane);
  const attempt = () => {
    const now = document.activeElement;
    // Who has moved on meanwhile is left alone.
    if (now !== from && now !== document.body && now !== null) return;
    if (!focusIn(pane) && performance.now() < end) setTimeout(attempt, AGAIN_MS);
  };
  setTimeout(attempt, AGAIN_MS);
}

function focusIn(pane: string): boolean {
  const section = document.getElementById(`pane-${pane}`);
  for (const selector of FIRST) {
    const target = section?.querySelector<HTMLElement>(selector);
    if (!target) continue;
    // What is folded away cannot have the focus.
    const fold = target.parentElement?.closest("details");
    if (fold) fold.open = true;
    target.focus();
    if (document.activeElement === target) return true;
  }
  return false;
}
