/** The decoder: TPM messages, captures and event logs explained, with no machine and no TPM. */
import { html, LitElement, nothing } from "lit";
import "../commands/commands.ts";
import "../eventlog/event-log.ts";
import "../parts/file-reading.ts";
import "./decode.css";
import type { DecoderActions, DecoderState } from "../../model/decoder.ts";
import type { FileKind } from "../../model/files.ts";
import type { PageStore, ViewActions } from "../../model/model.ts";
import { ICONS } from "../shell/icons.ts";

/** Things to begin with: hex that stands for itself. */
const EXAMPLES: readonly [title: string, hex: string][] = [
  ["A power-on", "80010000000c000001440000 80010000000a00000000"],
  [
    "PCR 16 is extended",
    "80020000004100000182000000100000000940000009000000000000000001000ba5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5 800200000013000000000000000000000100 00",
  ],
  ["A refusal", "80010000001600000143000000000000000000000000 80010000000a00000149"],
];

/** What a file is read as, one after the other. */
const READ: readonly FileKind[] = ["messages", "eventLog"];

export class DecodePage extends LitElement {
  static override properties = {
    store: { attribute: false },
    views: { attribute: false },
    actions: { attribute: false },
    state: { attribute: false },
    over: { state: true },
  };
  declare store: PageStore;
  declare views: ViewActions;
  declare actions: DecoderActions;
  declare state: DecoderState;
  /** A file is held over the page. */
  declare over: boolean;

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    for (const name of ["dragover", "dragleave", "drop"] as const) addEventListener(name, this.#drag);
  }

  override disconnectedCallback(): void {
    for (const name of ["dragover", "dragleave", "drop"] as const) removeEventListener(name, this.#drag);
    super.disconnectedCallback();
  }

  readonly #drag = (event: DragEvent): void => {
    event.preventDefault();
    this.over = event.type === "dragover";
    const file = event.type === "drop" ? event.dataTransfer?.files[0] : undefined;
    if (file) this.actions.open(file);
  };

  override render() {
    const { shows, source, problems, said } = this.state;
    return html`<header class="header">
        <h1 class="brand">${ICONS.chip}<span>TPM decoder</span></h1>
        <p class="tagline">Nothing that you put in leaves this browser</p>
        <a class="button" href="./">A PC with a TPM</a>
      </header>
      <main class="decoder ${this.over ? "is-over" : ""}">
        ${this.#form()}
        <section class="pane decoder-result" aria-label="What it is">
          <div class="decoder-source">
            <h2>${shows ? source : "Nothing yet"}</h2>
            <span class="spacer"></span>
            <span role="status" class="muted small">${said}</span>
            <button class="button" type="button" ?disabled=${!shows} @click=${() => this.actions.share()}>Copy a link to this</button>
          </div>
          ${problems.length ? html`<div class="decoder-problems" role="alert">${problems.map((problem) => html`<p>${problem}</p>`)}</div>` : nothing}
          ${READ.map((kind) => html`<file-reading .store=${this.store} .actions=${this.views} active kind=${kind}></file-reading>`)}
          ${this.#result(shows)}
        </section>
      </main>`;
  }

  #form() {
    return html`<form class="pane decoder-form" @submit=${this.#submit}>
        <label for="decoder-hex"><strong>Bytes, in hex</strong>
          <span class="muted small">A command, with its response behind it; spaces, 0x and the offsets of a hexdump do not matter.</span></label>
        <textarea id="decoder-hex" class="mono" rows="8" spellcheck="false" autocomplete="off" .value=${this.state.text}></textarea>
        <p class="decoder-buttons"><button class="button primary" type="submit">Explain</button>
          <label class="button">Open a file…<input class="visually-hidden" type="file" @change=${this.#open}></label></p>
        <p class="muted small">Or drop a file anywhere on this page: a firmware's event log
          (<code>binary_bios_measurements</code>), a packet capture of a TPM (<code>swtpm --pcap</code>, port 2321), or bytes.</p>
        <p class="small">To begin with: ${EXAMPLES.map(
          ([title, hex], i) =>
            html`${i ? ", " : ""}<button class="link" type="button" @click=${() => this.actions.type(hex)}>${title}</button>`,
        )}.</p>
      </form>`;
  }

  #result(shows: DecoderState["shows"]) {
    if (shows === "commands")
      return html`<tpm-commands class="decoder-view" .store=${this.store} .actions=${this.views}></tpm-commands>`;
    if (shows === "log")
      return html`<tpm-event-log class="decoder-view" plain .store=${this.store} .actions=${this.views}></tpm-event-log>`;
    return html`<p class="empty">What you put in is taken apart here, field by field, each with what it means and where the
      specification has it.</p>`;
  }

  #submit(event: Event): void {
    event.preventDefault();
    this.actions.type(this.querySelector("textarea")?.value ?? "");
  }

  #open(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (file) this.actions.open(file);
    input.value = "";
  }
}

customElements.define("decode-page", DecodePage);
