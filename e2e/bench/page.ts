/** What the benchmark calls in the page, as `window.bench`. */
import { benchLink } from "../link/bench.ts";
import { timeKeeping } from "./keeping.ts";
import { timeMachine } from "./machine.ts";

const bench = { link: benchLink, machine: timeMachine, keeping: timeKeeping };

declare global {
  interface Window {
    bench: typeof bench;
  }
}
window.bench = bench;
