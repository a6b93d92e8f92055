/** Says when a snapshot is due that nobody asked for. */
import type { AutoSnapshot } from "../model/machines.ts";

const EVERY_MS = 5 * 60_000;
/** Where the choice outlives the page. */
const KEY = "webtpm:auto-snapshot";

export class SnapshotTimer {
  readonly #due: (reason: "timer" | "hidden") => void;
  #auto: AutoSnapshot = "off";
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(due: (reason: "timer" | "hidden") => void) {
    this.#due = due;
    this.#set(remembered());
    document.addEventListener("visibilitychange", () => {
      if (this.#auto === "hidden" && document.visibilityState === "hidden") due("hidden");
    });
  }

  get auto(): AutoSnapshot {
    return this.#auto;
  }

  set auto(auto: AutoSnapshot) {
    this.#set(auto);
    try {
      localStorage.setItem(KEY, auto);
    } catch {
      // A page without storage forgets it, which is no failure.
    }
  }

  #set(auto: AutoSnapshot): void {
    this.#auto = auto;
    clearInterval(this.#timer);
    if (auto === "timer") this.#timer = setInterval(() => this.#due("timer"), EVERY_MS);
  }
}

function remembered(): AutoSnapshot {
  try {
    const auto = localStorage.getItem(KEY);
    return auto === "timer" || auto === "hidden" ? auto : "off";
  } catch {
    return "off";
  }
}
