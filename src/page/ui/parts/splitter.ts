/**
 * The bar between the two halves, to be dragged or moved by keys (ARIA Authoring Practices, "Window Splitter"):
 * arrows move it, Home and End go to its limits, Enter puts it back to where it started.
 */

import { LitElement } from "lit";
import { own } from "../../../protocol/bytes/own.ts";
import { recall, remember } from "./preferences.ts";

const LEAST = 25;
const MOST = 75;
const STEP = 2;
const MIDDLE = 50;
/** Where the bar stands is remembered for windows of about this width: what fits a large screen does not fit a small one. */
const stored = () =>
  `split.${["small", "medium", "large"][innerWidth < 1280 ? 0 : innerWidth < 1920 ? 1 : 2]}`;

export class PaneSplitter extends LitElement {
  #value = MIDDLE;

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.role = "separator";
    this.tabIndex = 0;
    this.ariaOrientation = "vertical";
    this.ariaLabel = "Width of the left half";
    this.ariaValueMin = String(LEAST);
    this.ariaValueMax = String(MOST);
    this.addEventListener("pointerdown", this.#drag);
    this.addEventListener("keydown", this.#key);
    this.#recall();
    addEventListener("resize", this.#recall);
  }

  readonly #drag = (event: PointerEvent): void => {
    event.preventDefault();
    this.setPointerCapture(event.pointerId);
    const box = this.parentElement!.getBoundingClientRect();
    const move = ({ clientX }: PointerEvent) => this.#move((100 * (clientX - box.left)) / box.width);
    this.addEventListener("pointermove", move);
    this.addEventListener("lostpointercapture", () => this.removeEventListener("pointermove", move), {
      once: true,
    });
  };

  readonly #key = (event: KeyboardEvent): void => {
    const to: Record<string, number> = {
      ArrowLeft: this.#value - STEP,
      ArrowRight: this.#value + STEP,
      Home: LEAST,
      End: MOST,
      Enter: MIDDLE,
    };
    const value = own(to, event.key);
    if (value === undefined) return;
    event.preventDefault();
    this.#move(value);
  };

  readonly #recall = (): void => this.#set(Number(recall(stored())) || MIDDLE);

  override disconnectedCallback(): void {
    removeEventListener("resize", this.#recall);
    super.disconnectedCallback();
  }

  /** The reader's choice. */
  #move(percent: number): void {
    this.#set(percent);
    remember(stored(), String(this.#value));
  }

  #set(percent: number): void {
    this.#value = Math.round(Math.min(MOST, Math.max(LEAST, percent)) * 10) / 10;
    this.ariaValueNow = String(Math.round(this.#value));
    this.parentElement?.style.setProperty("--split", `${this.#value}%`);
  }
}

customElements.define("pane-splitter", PaneSplitter);
