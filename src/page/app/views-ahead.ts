/**
 * Loads the views that nobody has opened yet, once the page has something for them to show and its first wait is over:
 * a page that is open needs no server to look at what it has.
 */
import type { PageStore } from "../model/model.ts";
import { takesLine } from "../model/prompt.ts";
import { loadPanes } from "../ui/shell/panes.ts";

/** Characters of the console that are looked at. */
const TAIL = 20;

let asked = false;

/**
 * Loads them; a page that is told twice does it once. `data-views="here"` on the root element says that all are here, the
 * mark `webtpm:views` when they were asked for.
 */
export async function loadViews(): Promise<void> {
  if (asked) return;
  asked = true;
  performance.mark("webtpm:views");
  asked = await loadPanes();
  if (asked) document.documentElement.dataset.views = "here";
}

/** Loads them when a guest has come to its shell: until then, its images have the network to themselves. */
export function loadViewsAtShell(store: PageStore): void {
  const decoder = new TextDecoder();
  let said = "";
  const end = store.state.serial.onData((bytes) => {
    said = (said + decoder.decode(bytes, { stream: true })).slice(-TAIL);
    // A recording has a console, too.
    if (store.state.machine.phase !== "running" || !takesLine(said)) return;
    end();
    void loadViews();
  });
}
