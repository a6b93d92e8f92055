/**
 * A message as fields and as bytes, side by side: what is pointed at, or has the focus, in one is marked in the
 * other. Every byte belongs to a field; those that no table describes are shown as such.
 */

import { html, LitElement, nothing } from "lit";
import { classMap } from "lit/directives/class-map.js";
import { own } from "../../../protocol/bytes/own.ts";
import type { Message } from "../../../protocol/tpm2/message.ts";
import { type Field, leaves, pathAt } from "../../../protocol/tpm2/tree.ts";

const PER_ROW = 16;

interface Row {
  field: Field;
  depth: number;
}

export class TpmMessage extends LitElement {
  static override properties = {
    message: { attribute: false },
    bytes: { attribute: false },
    hot: { state: true },
    at: { state: true },
  };
  declare message: Message;
  declare bytes: Uint8Array;
  /** The field that is pointed at. */
  declare hot: Field | undefined;
  /** The byte that the keyboard stands on in the dump. */
  declare at: number;
  #rows: Row[] = [];

  constructor() {
    super();
    this.at = 0;
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has("message")) return;
    this.hot = undefined;
    this.at = 0;
    this.#rows = rowsOf(this.message.fields, 0);
  }

  override render() {
    const { hot } = this;
    return html`<div class="fields" role="tree" aria-label="Fields" @keydown=${this.#treeKey}
        @mouseleave=${() => this.#point(undefined)}>${this.#rows.map((row, index) => this.#row(row, index))}</div>
      <p class="pointed small" role="status">${hot ? about(hot) : "Point at a field or a byte, or move there by keyboard."}</p>
      ${this.#dump()}`;
  }

  #row({ field, depth }: Row, index: number) {
    const { name, type, text, meaning, children, bits, note, error } = field;
    const set = bits
      ?.filter(({ value }) => value)
      .map((bit) => (bit.text ? `${bit.name} = ${bit.text}` : bit.name));
    const first = this.hot ? this.hot === field : index === 0;
    return html`<div class=${classMap({ field: true, "is-hot": this.hot === field, "is-unknown": isUnknown(field) })}
      role="treeitem" aria-level=${depth + 1} aria-selected=${this.hot === field} tabindex=${first ? 0 : -1} data-index=${index}
      style="--depth:${depth}" title=${meaning}
      @mouseenter=${() => this.#point(field)} @focus=${() => this.#point(field)}>
      <span class="field-name ${children ? "is-group" : ""}">${name}</span>
      <span class="field-value mono">${children && !text ? nothing : text}${set?.length ? html` <span class="muted">(${set.join(", ")})</span>` : nothing}
        ${note ? html`<span class="muted">${note}</span>` : nothing}${error ? html`<span class="is-error">${error}</span>` : nothing}</span>
      <span class="field-type muted">${type || (isUnknown(field) ? "unknown bytes" : "")}</span>
    </div>`;
  }

  #dump() {
    const { bytes } = this;
    const rows = Array.from({ length: Math.ceil(bytes.length / PER_ROW) }, (_, row) => row * PER_ROW);
    return html`<pre class="hexdump linked mono" tabindex="0" role="application"
      aria-label="Bytes: arrow keys move from byte to byte" @keydown=${this.#dumpKey}
      @focus=${() => this.#stand(this.at)} @mouseover=${this.#over} @mouseleave=${() => this.#point(undefined)}>${rows.map(
        (from) => this.#line(from),
      )}</pre>`;
  }

  #line(from: number) {
    const row = Array.from(this.bytes.subarray(from, from + PER_ROW));
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    const pad = "   ".repeat(PER_ROW - row.length) + (row.length <= PER_ROW / 2 ? " " : "");
    return html`${from.toString(16).padStart(4, "0")}  ${row.map(
      (byte, i) =>
        html`<span data-at=${from + i} class=${this.#byteClass(from + i)}>${byte.toString(16).padStart(2, "0")}</span>${i === PER_ROW / 2 - 1 ? "  " : " "}`,
    )}${pad} ${text}\n`;
  }

  #byteClass(at: number): string {
    const { hot } = this;
    return hot && at >= hot.offset && at < hot.offset + hot.length ? "is-hot" : "";
  }

  #point(field: Field | undefined): void {
    this.hot = field;
  }

  /** Puts the keyboard on a byte; the field that it belongs to is marked. */
  #stand(at: number): void {
    this.at = Math.max(0, Math.min(this.bytes.length - 1, at));
    this.hot = pathAt(this.message.fields, this.at).at(-1);
  }

  #over(event: MouseEvent): void {
    const at = (event.target as HTMLElement).dataset.at;
    if (at !== undefined) this.#stand(Number(at));
  }

  #dumpKey(event: KeyboardEvent): void {
    const { at, bytes } = this;
    const to: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - PER_ROW,
      ArrowDown: at + PER_ROW,
      Home: 0,
      End: bytes.length - 1,
    };
    const next = own(to, event.key);
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.#stand(next);
  }

  #treeKey(event: KeyboardEvent): void {
    const index = Number((event.target as HTMLElement).closest<HTMLElement>(".field")?.dataset.index);
    const last = this.#rows.length - 1;
    const to: Record<string, number> = {
      ArrowUp: Math.max(0, index - 1),
      ArrowDown: Math.min(last, index + 1),
      Home: 0,
      End: last,
    };
    const next = own(to, event.key);
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.querySelector<HTMLElement>(`.field[data-index="${next}"]`)?.focus();
  }
}

function rowsOf(fields: readonly Field[], depth: number): Row[] {
  return fields.flatMap((field) => [{ field, depth }, ...rowsOf(field.children ?? [], depth + 1)]);
}

/** Bytes that no table describes; the parts of a sized buffer have no definition either, but nothing is wrong there. */
function isUnknown({ children, definition, error }: Field): boolean {
  return !children && !definition && error !== undefined;
}

/** "bytes 10–13: pcrHandle = PCR 8 (TPMI_DH_PCR): the PCR". */
function about({ offset, length, name, text, type, meaning, children }: Field): string {
  const last = offset + length - 1;
  const where =
    length === 0 ? `at ${offset}, empty` : length === 1 ? `byte ${offset}` : `bytes ${offset}–${last}`;
  const inside = children ? `${leaves(children).length} fields` : text;
  return `${where}: ${name}${inside ? ` = ${inside}` : ""}${type ? ` (${type})` : ""}${meaning ? `: ${meaning}` : ""}`;
}

customElements.define("tpm-message", TpmMessage);
