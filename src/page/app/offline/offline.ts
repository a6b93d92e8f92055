/** How much of the page is kept for a life without the network, and the owner's wish for all of it. */
import type { OfflineState } from "../../model/model.ts";
import type { OfflineNews } from "./messages.ts";

/** The owner wants all of it kept, of later versions too. */
const WANTED = "webtpm.offline";

class Offline {
  #state: OfflineState | undefined;
  #fill: (() => void) | undefined;
  readonly #listeners = new Set<(state: OfflineState) => void>();

  /** Undefined where nothing can be kept: this page has no service worker. */
  get state(): OfflineState | undefined {
    return this.#state;
  }

  get wanted(): boolean {
    try {
      return localStorage.getItem(WANTED) !== null;
    } catch {
      return false; // no storage for this page
    }
  }

  /** @param fill has the service worker fetch what is missing. */
  begin(fill: () => void): void {
    this.#fill = fill;
  }

  /** Fetches all of the page, now and whenever it changes. */
  keep(): void {
    try {
      localStorage.setItem(WANTED, "1");
    } catch {
      // As above: kept once.
    }
    if (this.#state) this.#show({ ...this.#state, filling: true, problem: undefined });
    this.#fill?.();
  }

  heard({ offline }: OfflineNews): void {
    const { kept, total, problem } = offline;
    const filling = this.wanted && kept < total && problem === undefined;
    this.#show({ kept, total, filling, problem });
  }

  onChange(listener: (state: OfflineState) => void): void {
    this.#listeners.add(listener);
    if (this.#state) listener(this.#state);
  }

  #show(state: OfflineState): void {
    this.#state = state;
    document.documentElement.dataset.offline = inWords(state);
    for (const listener of this.#listeners) listener(state);
  }
}

/** For scripts, and for whoever looks: `data-offline` of the page's root element. */
function inWords({ kept, total, filling, problem }: OfflineState): string {
  if (problem !== undefined) return `incomplete: ${problem}`;
  if (kept >= total) return "ready";
  return filling ? `${Math.floor((100 * kept) / total)} %` : "partly";
}

/** The page's own; its start and its main part share it. */
export const offline = new Offline();
