/** One command looked into: request and response, field by field and byte by byte. */
import { html, LitElement, nothing, type PropertyValues } from "lit";
import "../parts/copy.ts";
import { toHex } from "../../../protocol/bytes/hex.ts";
import { decodeCommand, decodeResponse } from "../../../protocol/tpm2/decode.ts";
import type { Message } from "../../../protocol/tpm2/message.ts";
import { responseCodeText } from "../../../protocol/tpm2/response-code.ts";
import type { CommandRecord } from "../../../session/types.ts";
import "./message-view.ts";
import { segments } from "../parts/segments.ts";
import { ICONS } from "../shell/icons.ts";
import { aboutCommand } from "./about.ts";

type Side = "request" | "response";

/** Fires `close`, and `again` when its bytes are to be sent again. */
export class CommandDetail extends LitElement {
  static override properties = {
    record: { attribute: false },
    done: { attribute: false },
    side: { state: true },
  };
  declare record: CommandRecord;
  /** Changes when the record, which is completed in place, has got its response. */
  declare done: number | undefined;
  declare side: Side;
  #decoded: { bytes: Uint8Array | undefined; message: Message | undefined } | undefined;

  constructor() {
    super();
    this.side = "request";
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  /** A command that failed opens where its reason is. */
  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("record") && this.record.responseCode) this.side = "response";
  }

  override render() {
    const { id, name, request, response, responseName } = this.record;
    const bytes = this.side === "request" ? request : response;
    const message = this.#decode();
    return html`<section class="detail" aria-label="Command ${id}, ${name}">
      <div class="toolbar">
        <h3 class="mono" title=${aboutCommand(this.record)}>${name}</h3>
        ${segments<Side>(
          "detail-side",
          "Which message",
          [
            { value: "request", label: "request" },
            { value: "response", label: "response" },
          ],
          this.side,
          (side) => {
            this.side = side;
          },
        )}
        <span class="spacer"></span>
        ${bytes ? html`<copy-button .text=${toHex(bytes)} label="Copy the ${this.side} as hex" caption="Copy hex"></copy-button>` : nothing}
        <button class="button quiet" type="button" title="Change these bytes and send them" @click=${this.#again}>Edit …</button>
        <button class="button quiet icon" type="button" aria-label="Close the command" @click=${this.#close}>${ICONS.close}</button>
      </div>
      <div class="scroll detail-body" tabindex="0" role="region" aria-label="Fields and bytes">
        ${message?.meaning ? html`<p class="muted">${message.meaning}${message.spec ? html` <span class="small">(${message.spec})</span>` : nothing}</p>` : nothing}
        ${this.side === "response" && responseName ? html`<p><code>${responseName}</code> <span class="muted">${message?.family === "2.0" ? responseCodeText(this.record.responseCode ?? 0) : nothing}</span></p>` : nothing}
        ${message && bytes ? html`<tpm-message .message=${message} .bytes=${bytes}></tpm-message>` : html`<p class="muted">No response yet.</p>`}
      </div>
    </section>`;
  }

  /** Decoded once: the tree keeps its identity while it is pointed at. */
  #decode(): Message | undefined {
    const { request, response } = this.record;
    const bytes = this.side === "request" ? request : response;
    if (this.#decoded?.bytes !== bytes) {
      const message =
        this.side === "request" ? decodeCommand(request) : response && decodeResponse(response, request);
      this.#decoded = { bytes, message };
    }
    return this.#decoded?.message;
  }

  #again(): void {
    this.dispatchEvent(new CustomEvent("again"));
  }

  #close(): void {
    this.dispatchEvent(new CustomEvent("close"));
  }
}

customElements.define("command-detail", CommandDetail);
