/** The breakpoints that the user keeps: on or off, each with how often it was hit. */
import { type Breakpoint, BreakpointSet } from "./breakpoints.ts";

/** A breakpoint as the user keeps it. */
export interface KeptBreakpoint {
  id: number;
  enabled: boolean;
  hits: number;
  breakpoint: Breakpoint;
}

export class KeptBreakpoints {
  readonly #changed: () => void;
  #list: readonly KeptBreakpoint[] = [];
  #set = new BreakpointSet([]);
  #lastId = 0;

  /** @param changed called when others are enabled than before. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** In the order in which they were added; a new array after each change. */
  get list(): readonly KeptBreakpoint[] {
    return this.#list;
  }

  /** Those that are enabled, to look accesses up in. */
  get enabled(): BreakpointSet {
    return this.#set;
  }

  add(breakpoint: Breakpoint): KeptBreakpoint {
    const kept = { id: ++this.#lastId, enabled: true, hits: 0, breakpoint };
    this.#keep([...this.#list, kept]);
    return kept;
  }

  remove(id: number): void {
    this.#keep(this.#list.filter((kept) => kept.id !== id));
  }

  enable(id: number, enabled: boolean): void {
    this.#keep(this.#list.map((kept) => (kept.id === id ? { ...kept, enabled } : kept)));
  }

  /** The machine has stopped at this one. */
  count(hit: Breakpoint): void {
    this.#list = this.#list.map((kept) =>
      kept.breakpoint === hit ? { ...kept, hits: kept.hits + 1 } : kept,
    );
  }

  #keep(list: readonly KeptBreakpoint[]): void {
    this.#list = list;
    this.#set = new BreakpointSet(list.filter(({ enabled }) => enabled).map(({ breakpoint }) => breakpoint));
    this.#changed();
  }
}
