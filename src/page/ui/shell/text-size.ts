/** The page's text as usual, or large enough for the last row of a lecture hall. */
import { recall, remember } from "../parts/preferences.ts";

const KEY = "text";
const LARGE = "large";

/** At the start of the page: as it was chosen last. */
export function startTextSize(): void {
  show(recall(KEY) === LARGE);
}

export const isLarge = (): boolean => document.documentElement.dataset.text === LARGE;

/** Shows a size and remembers it. */
export function applyTextSize(large: boolean): void {
  remember(KEY, large ? LARGE : "");
  show(large);
  // The console and the screen measure themselves.
  window.dispatchEvent(new Event("resize"));
}

function show(large: boolean): void {
  if (large) document.documentElement.dataset.text = LARGE;
  else delete document.documentElement.dataset.text;
}
