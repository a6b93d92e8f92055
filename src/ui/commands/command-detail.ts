/** One command looked into: request and response, field by field and byte by byte. */
import { html, LitElement, nothing } from "lit";
import "../parts/copy.ts";
import { toHex } from "../../bytes/hex.ts";
import type { CommandRecord } from "../../session/types.ts";
import { decodeCommand, decodeResponse } from "../../tpm2/decode.ts";
import type { Message } from "../../tpm2/message.ts";
import type { Field } from "../../tpm2/tree.ts";
import { hexdump } from "../parts/hexdump.ts";
import { segments } from "../parts/segments.ts";
import { ICONS } from "../shell/icons.ts";

type Side = "request" | "response";

/** Fires `close`. */
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

  constructor() {
    super();
    this.side = "request";
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override render() {
    const { id, name, request, response, responseName } = this.record;
    const bytes = this.side === "request" ? request : response;
    const message = this.#decode();
    return html`<section class="detail" aria-label="Command ${id}, ${name}">
      <div class="toolbar">
        <h3 class="mono">${name}</h3>
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
        <button class="button quiet icon" type="button" aria-label="Close the command" @click=${this.#close}>${ICONS.close}</button>
      </div>
      <div class="scroll detail-body" tabindex="0" role="region" aria-label="Fields and bytes">
        ${message?.meaning ? html`<p class="muted">${message.meaning}${message.spec ? html` <span class="small">(${message.spec})</span>` : nothing}</p>` : nothing}
        ${this.side === "response" && responseName ? html`<p><code>${responseName}</code></p>` : nothing}
        ${message ? html`<div class="fields">${message.fields.map((field) => fieldRows(field, 0))}</div>` : nothing}
        ${bytes ? hexdump(bytes) : html`<p class="muted">No response yet.</p>`}
      </div>
    </section>`;
  }

  #decode(): Message | undefined {
    const { request, response } = this.record;
    if (this.side === "request") return decodeCommand(request);
    return response && decodeResponse(response, request);
  }

  #close(): void {
    this.dispatchEvent(new CustomEvent("close"));
  }
}

/** A field and what is inside it, indented by depth. */
function fieldRows(field: Field, depth: number): unknown {
  const { name, type, text, meaning, children, bits, note, error } = field;
  const set = bits
    ?.filter(({ value }) => value)
    .map((bit) => (bit.text ? `${bit.name} = ${bit.text}` : bit.name));
  return html`<div class="field" style="padding-left:${depth * 14}px" title=${meaning}>
      <span class="field-name ${children ? "is-group" : ""}">${name}</span>
      <span class="field-value mono">${children && !text ? nothing : text}${set?.length ? html` <span class="muted">(${set.join(", ")})</span>` : nothing}
        ${note ? html`<span class="muted">${note}</span>` : nothing}${error ? html`<span class="is-error">${error}</span>` : nothing}</span>
      <span class="field-type muted">${type}</span>
    </div>
    ${children?.map((child) => fieldRows(child, depth + 1))}`;
}

customElements.define("command-detail", CommandDetail);
