/** One register by hand: read it, or write it as a value or bit by bit, 8 or 32 bits at a time. */
import { html, LitElement, nothing } from "lit";
import type { AccessSize } from "../../../device/frontend/port.ts";
import {
  bitMask,
  fieldValue,
  type Register,
  type RegisterField,
} from "../../../device/frontend/registers.ts";
import { hexNumber } from "../../../protocol/bytes/hex.ts";
import type { TpmHandle } from "../../../session/types.ts";
import { registerAddress } from "../../model/interface.ts";

/** Which bytes an access takes: all four, or one. */
type Lane = "32" | "8+0" | "8+1" | "8+2" | "8+3";
const LANES: readonly { lane: Lane; label: string }[] = [
  { lane: "32", label: "32 bits" },
  { lane: "8+0", label: "8 bits (0–7)" },
  { lane: "8+1", label: "8 bits (8–15)" },
  { lane: "8+2", label: "8 bits (16–23)" },
  { lane: "8+3", label: "8 bits (24–31)" },
];

export class RegisterHand extends LitElement {
  static override properties = {
    handle: { attribute: false },
    register: { attribute: false },
    locality: { type: Number },
    version: { type: String },
    driven: { type: Boolean },
    value: { state: true },
    lane: { state: true },
    outcome: { state: true },
  };
  declare handle: TpmHandle;
  declare register: Register;
  declare locality: number;
  declare version: string;
  /** Whether a guest's driver uses the registers, and would be disturbed. */
  declare driven: boolean;
  /** What would be written, as a whole register. */
  declare value: number;
  declare lane: Lane | undefined;
  declare outcome: string;

  constructor() {
    super();
    this.value = 0;
    this.outcome = "";
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override willUpdate(changed: Map<string, unknown>): void {
    // Another TPM: it was not asked yet.
    if (changed.get("handle")) this.outcome = "";
  }

  get #lane(): Lane {
    return this.lane ?? (this.register.size === 1 ? "8+0" : "32");
  }

  get #access(): { address: number; size: AccessSize; shift: number } {
    const byte = this.#lane === "32" ? 0 : Number(this.#lane.at(-1));
    return {
      address: registerAddress(this.locality, this.register.offset) + byte,
      size: this.#lane === "32" ? 4 : 1,
      shift: byte * 8,
    };
  }

  override render() {
    const { name } = this.register;
    const { size, shift } = this.#access;
    const part = lowPart(this.value >>> shift, size);
    const writable = this.register.fields.filter(
      ({ access, only }) => access !== "r" && (!only || only === this.version),
    );
    return html`<form class="hand" @submit=${this.#write} aria-label="${name} by hand">
      <div class="hand-row">
        <label><span class="visually-hidden">How many bits of ${name}</span>
          <select @change=${this.#setLane}>${LANES.map(
            ({ lane, label }) =>
              html`<option value=${lane} ?selected=${lane === this.#lane}>${label}</option>`,
          )}</select></label>
        <button class="button" type="button" @click=${this.#read}>Read</button>
        <label class="hand-value"><span class="visually-hidden">Value for ${name}, in hex</span>
          <input class="mono" size="10" spellcheck="false" autocomplete="off" .value=${hexNumber(part, size * 2)}
            @change=${this.#typed}></label>
        <button class="button" type="submit">Write</button>
        <output class="mono small">${this.outcome}</output>
      </div>
      ${
        writable.length
          ? html`<div class="hand-bits" role="group" aria-label="Bits to write to ${name}">${writable.map((field) => this.#bits(field))}</div>`
          : nothing
      }
      ${this.driven ? html`<p class="muted">A guest drives this TPM: writing disturbs its driver.</p>` : nothing}
    </form>`;
  }

  #bits(field: RegisterField) {
    const { name, bits, values, meaning } = field;
    const now = fieldValue(field, this.value);
    if (bits[0] === bits[1]) {
      return html`<label title=${meaning}><input type="checkbox" .checked=${now === 1}
        @change=${() => this.#setField(field, now ? 0 : 1)}> ${name}</label>`;
    }
    return html`<label title=${meaning}>${name} <select @change=${(event: Event) =>
      this.#setField(field, Number((event.target as HTMLSelectElement).value))}>${Object.entries(
      values ?? {},
    ).map(
      ([value, text]) => html`<option value=${value} ?selected=${Number(value) === now}>${text}</option>`,
    )}</select></label>`;
  }

  #setField(field: RegisterField, value: number): void {
    const mask = bitMask(field.bits);
    this.value = ((this.value & ~mask) | (value << field.bits[1])) >>> 0;
  }

  #setLane(event: Event): void {
    this.lane = (event.target as HTMLSelectElement).value as Lane;
  }

  #typed(event: Event): void {
    const field = event.target as HTMLInputElement;
    const { size, shift } = this.#access;
    const value = Number.parseInt(field.value.replace(/^0x/i, ""), 16);
    const valid = /^(0x)?[0-9a-f]{1,8}$/i.test(field.value.trim()) && lowPart(value, size) === value;
    field.setCustomValidity(
      valid ? "" : `A hex number of ${size * 8} bits, such as ${hexNumber(32, size * 2)}.`,
    );
    field.reportValidity();
    if (!valid) return;
    const lanes = lowPart(-1, size) << shift;
    this.value = ((this.value & ~lanes) | (value << shift)) >>> 0;
  }

  #read(): void {
    const { address, size } = this.#access;
    this.outcome = `read ${hexNumber(this.handle.read(address, size), size * 2)}`;
  }

  #write(event: SubmitEvent): void {
    event.preventDefault();
    const { address, size, shift } = this.#access;
    const value = lowPart(this.value >>> shift, size);
    this.handle.write(address, size, value);
    this.outcome = `wrote ${hexNumber(value, size * 2)}`;
    this.dispatchEvent(new CustomEvent("by-hand", { bubbles: true }));
  }
}

function lowPart(value: number, size: AccessSize): number {
  return size === 4 ? value >>> 0 : value & 0xff;
}

customElements.define("register-hand", RegisterHand);
