/** Keeps the page's address such that it leads back to the same settings and pane. */
import type { PageState } from "../ui/model.ts";
import { toParameters } from "./options.ts";

/** What is left in the address as it came. */
const KEPT = ["theme", "bridge", "boot"] as const;
/** The panes that the page shows first by itself. */
const FIRST_PANES = ["machine", "serial"];

export function showAddress({ settings, panes, kept: { chosen: machine } }: Readonly<PageState>): void {
  const now = new URLSearchParams(location.search);
  const kept = Object.fromEntries(
    KEPT.flatMap((name) => {
      const value = now.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
  const pane = panes[panes.front];
  const query = toParameters(settings, {
    ...kept,
    ...(machine !== undefined && { machine }),
    ...(!FIRST_PANES.includes(pane) && { pane }),
  }).toString();
  history.replaceState(null, "", `${location.pathname}${query ? `?${query}` : ""}${location.hash}`);
}
