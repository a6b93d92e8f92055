/** Brings the row of a list into sight that was selected elsewhere: once, so that the reader may scroll away. */
export class Reveal {
  readonly #attribute: string;
  #last: number | undefined;

  /** @param attribute names the selection in its row, e.g. "data-event" */
  constructor(attribute: string) {
    this.#attribute = attribute;
  }

  /** Whether there is a selection that has not been brought into sight, and may have to be folded out first. */
  isDue(selected: number | undefined): selected is number {
    return selected !== undefined && selected !== this.#last;
  }

  /** It was selected in this very list: its place is under the pointer already. */
  done(selected: number): void {
    this.#last = selected;
  }

  /** To be called when the list has been drawn; tries again with the next drawing where the row is not there yet. */
  show(list: Element, selected: number | undefined): void {
    if (selected === this.#last) return;
    const row = list.querySelector(`[${this.#attribute}="${selected}"]`);
    if (selected !== undefined && !row) return;
    this.#last = selected;
    row?.scrollIntoView({ block: "center" });
  }
}
