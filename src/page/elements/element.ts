/** An element of anybody's page that shows one view of a TPM, in a shadow tree with its own styles. */
import type { TpmHandle } from "../../session/types.ts";
import type { PageStore, ViewActions } from "../model/model.ts";
import { endView, sharedView } from "./shared-view.ts";
import { styleSheets } from "./styles.ts";

/** The element of `page/ui` that does the work. */
interface Inner extends HTMLElement {
  store: PageStore;
  actions: ViewActions;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

export abstract class TpmElement extends HTMLElement {
  /** `dark` or `light`; as the system has it, where it says nothing. */
  static readonly observedAttributes = ["theme"];
  /** Tag of the element that is shown inside. */
  protected abstract readonly inner: string;
  /** As the page's own views name it: where links between the views lead. */
  protected abstract readonly pane: string;
  #tpm: TpmHandle | undefined;

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = styleSheets();
  }

  /** The TPM to show, as `attachTpm` gives it. All elements with the same one share what is chosen. */
  get tpm(): TpmHandle | undefined {
    return this.#tpm;
  }

  set tpm(tpm: TpmHandle | undefined) {
    if (tpm === this.#tpm) return;
    this.#leave();
    this.#tpm = tpm;
    if (this.isConnected) this.#show();
  }

  connectedCallback(): void {
    // Set before the class was there.
    if (Object.hasOwn(this, "tpm")) {
      const { tpm } = this;
      Reflect.deleteProperty(this, "tpm");
      this.#tpm = tpm;
    }
    this.dataset.pane = this.pane;
    dark.addEventListener("change", this.#paint);
    this.#paint();
    this.#show();
  }

  disconnectedCallback(): void {
    dark.removeEventListener("change", this.#paint);
    this.#leave();
  }

  attributeChangedCallback(): void {
    this.#paint();
  }

  readonly #paint = (): void => {
    const asked = this.getAttribute("theme");
    const isDark = asked === "dark" || (asked !== "light" && dark.matches);
    this.dataset.theme = isDark ? "dark" : "light";
  };

  #show(): void {
    if (!this.#tpm) return;
    const { store, actions } = sharedView(this.#tpm, this);
    const inner = Object.assign(document.createElement(this.inner) as Inner, { store, actions });
    inner.setAttribute("plain", "");
    inner.className = "view";
    this.shadowRoot?.replaceChildren(inner);
  }

  #leave(): void {
    this.shadowRoot?.replaceChildren();
    if (this.#tpm) endView(this.#tpm, this);
  }
}
