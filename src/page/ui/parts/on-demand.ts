/**
 * Elements whose code is loaded when they are first shown. Their tag must not stand in the page before: an element that
 * gets its class afterwards begins without the properties that were set on it.
 */
import { html, type TemplateResult } from "lit";

export class OnDemand {
  readonly #import: () => Promise<unknown>;
  readonly #quiet: boolean;
  #phase: "unasked" | "loading" | "here" | "failed" = "unasked";
  #loaded: Promise<void> | undefined;
  #wasShown = false;
  /** Who is told when there is something else to show. */
  readonly #waiting = new Set<() => void>();

  /**
   * @param load an `import()` of the module that defines the element.
   * @param options `quiet`: says nothing until it is there, since something else on the page does.
   */
  constructor(load: () => Promise<unknown>, { quiet = false } = {}) {
    this.#import = load;
    this.#quiet = quiet;
  }

  /**
   * What to show: the element once its code is here; until then nothing, or why it cannot be shown.
   * @param wanted begins to load; an element that was shown stays when it is not.
   * @param changed is called when there is something else to show.
   */
  show(wanted: boolean, changed: () => void, element: () => TemplateResult): TemplateResult | undefined {
    this.#wasShown ||= wanted;
    if (!this.#wasShown) return undefined;
    if (this.#phase === "unasked") this.#load();
    if (this.#phase === "loading") this.#waiting.add(changed);
    if (this.#phase === "here") return element();
    if (this.#quiet) return undefined;
    if (this.#phase === "loading") return html`<p class="empty" role="status">Loading …</p>`;
    return html`<div class="empty" role="alert"><strong>This view could not be loaded.</strong> Is the server that gave
      this page still there?
      <button class="button" type="button" @click=${() => {
        this.#load();
        changed();
      }}>Try again</button></div>`;
  }

  /**
   * Loads the code before it is asked for, so that what is shown later needs no server.
   * @returns whether it is here; what cannot be loaded now is tried again when it is shown.
   */
  async ahead(): Promise<boolean> {
    if (this.#phase === "unasked" || this.#phase === "failed") this.#load();
    await this.#loaded;
    return this.#phase === "here";
  }

  #load(): void {
    this.#phase = "loading";
    this.#loaded = this.#import().then(
      () => this.#end("here"),
      // Who waits for it is told, and asks again by the button.
      () => this.#end(this.#waiting.size > 0 ? "failed" : "unasked"),
    );
  }

  #end(phase: "here" | "failed" | "unasked"): void {
    this.#phase = phase;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const changed of waiting) changed();
  }
}
