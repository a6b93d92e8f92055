/** Dark or light: as the system has it, unless the user chose. */
import type { Theme } from "../../model/model.ts";
import { recall, remember } from "../parts/preferences.ts";

const KEY = "theme";
const THEMES: readonly Theme[] = ["auto", "light", "dark"];
const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen: Theme = "auto";

/** Shows a theme and remembers it. */
export function applyTheme(theme: Theme): void {
  remember(KEY, theme);
  show(theme);
}

/** At the start of the page. @param asked by the address; "auto" stands for what was chosen last. */
export function startTheme(asked: Theme): Theme {
  const stored = THEMES.find((theme) => theme === recall(KEY));
  show(asked === "auto" ? (stored ?? "auto") : asked);
  dark.addEventListener("change", () => show(chosen));
  return chosen;
}

function show(theme: Theme): void {
  chosen = theme;
  const actual = theme === "auto" ? (dark.matches ? "dark" : "light") : theme;
  document.documentElement.dataset.theme = actual;
}
