/** Keeps the page's address such that it leads back to the same settings and pane. */
import { machineName } from "../model/machine-name.ts";
import type { PageState } from "../model/model.ts";
import type { LinkGuard } from "./link-guard.ts";
import { toParameters } from "./options.ts";

/** What is left in the address as it came. */
const KEPT = ["theme", "boot"] as const;
/** The panes that the page shows first by itself. */
const FIRST_PANES = ["machine", "serial"];

/** What the tab's history remembers beside an address; only this page can have written it. */
interface Remembered {
  /** Name of the machine that the address may have: its owner made or allowed it. */
  grantedTo?: string;
}

export function showAddress(state: Readonly<PageState>, link: Pick<LinkGuard, "bridge" | "trusts">): void {
  const { settings, panes, kept } = state;
  const now = new URLSearchParams(location.search);
  const left = Object.fromEntries(
    KEPT.flatMap((name) => {
      const value = now.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
  const pane = panes[panes.front];
  const query = toParameters(settings, {
    ...left,
    ...(link.bridge !== undefined && { bridge: link.bridge }),
    ...(kept.chosen !== undefined && { machine: kept.chosen }),
    ...(!FIRST_PANES.includes(pane) && { pane }),
  }).toString();
  const name = machineName(state);
  const remembered: Remembered = link.trusts(name) ? { grantedTo: name } : {};
  history.replaceState(remembered, "", `${location.pathname}${query ? `?${query}` : ""}${location.hash}`);
}

/** The machine for which the page has written this address, or its owner has allowed it; undefined for a link. */
export function addressGrantedTo(): string | undefined {
  const { grantedTo } = (history.state ?? {}) as Remembered;
  return typeof grantedTo === "string" ? grantedTo : undefined;
}

/** Another hash for the same page. */
export function showHash(hash: string): void {
  const remembered: unknown = history.state;
  history.replaceState(remembered, "", `${location.pathname}${location.search}${hash ? `#${hash}` : ""}`);
}
