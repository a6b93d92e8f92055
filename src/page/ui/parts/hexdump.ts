/** Bytes as people read them: offset, hex, characters; bounded, so that a long message does not stop the page. */
import { html, nothing, type TemplateResult } from "lit";

const PER_ROW = 16;
const MOST_ROWS = 256;

/** E.g. "0010  80 01 00 00 00 0c 00 00  01 44 00 00              .......D.." */
export function hexRows(bytes: Uint8Array, perRow = PER_ROW): string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += perRow) {
    const row = Array.from(bytes.subarray(at, at + perRow));
    const cells = row.map((byte) => byte.toString(16).padStart(2, "0"));
    const half = perRow / 2;
    const hex = `${cells.slice(0, half).join(" ")}  ${cells.slice(half).join(" ")}`.padEnd(perRow * 3);
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    rows.push(`${at.toString(16).padStart(4, "0")}  ${hex}  ${text}`);
  }
  return rows;
}

export function hexdump(bytes: Uint8Array): TemplateResult {
  if (!bytes.length) return html`<p class="muted small">no bytes</p>`;
  const rows = hexRows(bytes.subarray(0, MOST_ROWS * PER_ROW));
  const rest = bytes.length - MOST_ROWS * PER_ROW;
  return html`<pre class="hexdump mono" tabindex="0" role="region" aria-label="Bytes">${rows.join("\n")}</pre>
    ${rest > 0 ? html`<p class="muted small">and ${rest} more bytes</p>` : nothing}`;
}
