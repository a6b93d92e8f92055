/**
 * Which wanted differences keep the models from being alike: each part of the state in which they differ remembers
 * the differences that made it so.
 */
import type { World } from "./sides.ts";

export class Attribution {
  readonly #world: World;
  /** Differing parts, and what made them differ. */
  #parts = new Map<string, ReadonlySet<string>>();
  /** How often each difference came to bear. */
  readonly occurrences = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Of the last step. */
  #noted: ReadonlySet<string> = new Set();

  /** The differences at work now, as text; empty when the models are alike. */
  get causes(): string {
    return [...this.#all()].sort().join(" + ");
  }

  /** The differences that the last step itself has met, as text: they may show in what it read alone. */
  get noted(): string {
    return [...this.#noted].sort().join(" + ");
  }

  /** To be called after each step of the models. */
  update(): void {
    const noted = this.#world.noted();
    this.#noted = noted;
    for (const id of noted) this.occurrences.set(id, (this.occurrences.get(id) ?? 0) + 1);
    if (noted.size === 0 && this.#parts.size === 0) return;
    const [first, ...others] = this.#world.sides.map(({ model }) => model.parts());
    // What differs anew without a cause of its own follows from what differed before.
    const cause = noted.size > 0 ? noted : this.#all();
    const parts = new Map<string, ReadonlySet<string>>();
    for (const [part, text] of Object.entries(first!)) {
      if (others.some((other) => other[part] !== text)) parts.set(part, this.#parts.get(part) ?? cause);
    }
    this.#parts = parts;
  }

  #all(): Set<string> {
    return new Set([...this.#parts.values()].flatMap((ids) => [...ids]));
  }
}
