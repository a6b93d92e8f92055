/**
 * Playing the driver: the steps that take a command through the registers, each a plain register access, with a hex
 * editor for its bytes. What comes next is marked, yet every step can be taken at any time, to see what it does.
 */
import { html, LitElement, nothing } from "lit";
import type { InterfaceName } from "../../../device/interfaces/interfaces.ts";
import { fromHex } from "../../../protocol/bytes/hex.ts";
import { commandName, responseCodeName } from "../../../protocol/tpm2/names.ts";
import { commandCode, responseCode } from "../../../protocol/tpm2/parse.ts";
import type { TpmHandle } from "../../../session/types.ts";
import { hexdump } from "../parts/hexdump.ts";
import { CRB_STEPS } from "./crb-steps.ts";
import type { DriverStep, DriverSteps, StepId } from "./driver-steps.ts";
import { TIS_STEPS } from "./tis-steps.ts";

type Family = "2.0" | "1.2";

/** Commands to begin with; a TPM that was just switched on wants Startup first. */
const EXAMPLES: Record<Family, readonly { hex: string; note: string }[]> = {
  "2.0": [
    { hex: "80 01 00 00 00 0c 00 00 01 44 00 00", note: "after power-on" },
    { hex: "80 01 00 00 00 0c 00 00 01 7b 00 08", note: "8 bytes" },
    { hex: "80 01 00 00 00 14 00 00 01 7e 00 00 00 01 00 0b 03 01 00 00", note: "PCR 0, SHA-256" },
    { hex: "80 01 00 00 00 0b 00 00 01 43 01", note: "full" },
    { hex: "80 01 00 00 00 16 00 00 01 7a 00 00 00 06 00 00 01 00 00 00 00 10", note: "properties" },
  ],
  "1.2": [
    { hex: "00 c1 00 00 00 0c 00 00 00 99 00 01", note: "after power-on" },
    { hex: "00 c1 00 00 00 0e 00 00 00 46 00 00 00 08", note: "8 bytes" },
    { hex: "00 c1 00 00 00 0e 00 00 00 15 00 00 00 00", note: "PCR 0" },
    { hex: "00 c1 00 00 00 0a 00 00 00 53", note: "continue" },
  ],
};

/** How each interface is driven. */
export const STEPS: Readonly<Record<InterfaceName, DriverSteps>> = { TIS: TIS_STEPS, CRB: CRB_STEPS };

export class DriverPanel extends LitElement {
  static override properties = {
    handle: { attribute: false },
    interface: { type: String },
    locality: { type: Number },
    family: { type: String },
    next: { type: String },
    text: { state: true },
    problem: { state: true },
    said: { state: true },
    response: { state: true },
  };
  declare handle: TpmHandle;
  declare interface: InterfaceName;
  declare locality: number;
  declare family: Family;
  /** The step that makes sense now; see `DriverSteps.next`. */
  declare next: StepId | "wait" | undefined;
  declare text: string;
  declare problem: string;
  declare said: string;
  declare response: Uint8Array | undefined;
  /** Of the command written last, whose response is named after it. */
  #code: number | undefined;

  constructor() {
    super();
    this.family = "2.0";
    this.interface = "TIS";
    this.text = EXAMPLES["2.0"][0]!.hex;
    this.problem = this.said = "";
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("family") && changed.get("family") !== undefined)
      this.text = EXAMPLES[this.family][0]!.hex;
    // Another TPM: what the last one said is not its doing.
    if (changed.get("handle")) {
      this.said = "";
      this.response = undefined;
    }
  }

  override render() {
    const command = this.#parse();
    const code = command && commandCode(command);
    return html`<section class="driver" aria-label="Play the driver">
      <div class="driver-steps" role="group" aria-label="Steps of a driver at locality ${this.locality}">
        ${STEPS[this.interface].steps.map((step) => this.#step(step))}
      </div>
      <p class="driver-said small" role="status">${this.said || this.#hint}</p>
      <div class="driver-bytes">
        <label class="driver-command"><span class="driver-caption"><span>Command bytes, in hex</span>
          <span class="mono">${code === undefined ? "" : commandName(code, this.family)}</span></span>
          <textarea class="mono" rows="2" spellcheck="false" autocomplete="off" aria-describedby="driver-problem"
            aria-invalid=${this.problem !== ""} .value=${this.text} @input=${this.#typed}></textarea></label>
        <label class="driver-example"><span class="driver-caption">Examples</span>
          <select @change=${this.#example}><option value="">choose …</option>${EXAMPLES[this.family].map(
            ({ hex, note }) =>
              html`<option value=${hex}>${commandName(commandCode(fromHex(hex)) ?? 0, this.family)} (${note})</option>`,
          )}</select></label>
      </div>
      <p id="driver-problem" class="is-error small">${this.problem}</p>
      ${this.response ? this.#showResponse(this.response) : nothing}
    </section>`;
  }

  #step(step: DriverStep) {
    const next = this.next === step.id;
    return html`<button class="button ${next ? "primary" : ""}" type="button" title=${step.title}
      aria-current=${next ? "step" : "false"} @click=${() => this.#act(step)}>${step.label}</button>`;
  }

  get #hint(): string {
    if (this.next === "wait") return "The TPM runs the command.";
    return STEPS[this.interface].steps.find(({ id }) => id === this.next)?.hint ?? "";
  }

  #showResponse(response: Uint8Array) {
    const code = responseCode(response);
    return html`<div class="driver-response"><span class="driver-caption"><span>Response, ${response.length} bytes${
      this.#code === undefined ? "" : html` to ${commandName(this.#code, this.family)}`
    }</span> <span class="mono">${code === undefined ? "" : responseCodeName(code, this.family)}</span></span>
      ${hexdump(response)}</div>`;
  }

  #act(step: DriverStep): void {
    const { handle, locality } = this;
    const command = this.#parse();
    const done = step.act({ handle, locality, command });
    if (!done) return;
    if (step.id === "write" && command) this.#code = commandCode(command);
    if (done.response) this.response = done.response;
    this.said = done.said;
    this.dispatchEvent(new CustomEvent("by-hand", { bubbles: true }));
  }

  // --- the text ---

  #parse(): Uint8Array | undefined {
    try {
      const bytes = fromHex(this.text);
      return bytes.length ? bytes : undefined;
    } catch {
      return undefined; // the field says what is wrong as soon as something is typed
    }
  }

  #typed(event: Event): void {
    this.text = (event.target as HTMLTextAreaElement).value;
    try {
      const bytes = fromHex(this.text);
      const declared = bytes.length >= 6 ? new DataView(bytes.buffer).getUint32(2) : bytes.length;
      this.problem =
        declared === bytes.length
          ? ""
          : `The size field says ${declared} bytes, but there are ${bytes.length}.`;
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }

  #example(event: Event): void {
    const choice = event.target as HTMLSelectElement;
    if (choice.value) this.text = choice.value;
    this.problem = "";
    choice.value = "";
  }
}

customElements.define("driver-panel", DriverPanel);
