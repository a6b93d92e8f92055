/** Small things that the page remembers about how it is looked at. A browser may forbid it; the page then forgets. */

const PREFIX = "webtpm.";

export function recall(name: string): string | undefined {
  try {
    return localStorage.getItem(PREFIX + name) ?? undefined;
  } catch {
    return undefined; // storage is switched off for this page
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // As above: the choice holds until the page is closed.
  }
}
