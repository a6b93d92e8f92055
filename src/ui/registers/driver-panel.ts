/**
 * Playing the driver: the steps that take a command through the registers, each a plain register access, with a hex
 * editor for the FIFO. What comes next is marked, yet every step can be taken at any time, to see what it does.
 */
import { html, LitElement, nothing } from "lit";
import { fromHex, hexNumber } from "../../bytes/hex.ts";
import { registerAddress } from "../../page-model/interface.ts";
import type { TpmHandle } from "../../session/types.ts";
import type { AccessSize } from "../../tis/ports.ts";
import { ACCESS, BURST_COUNT_SHIFT, REGISTERS, type RegisterKey, STS } from "../../tis/registers.ts";
import { commandName, responseCodeName } from "../../tpm2/names.ts";
import { commandCode, responseCode } from "../../tpm2/parse.ts";
import { hexdump } from "../parts/hexdump.ts";

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

type StepId = "request" | "ready" | "write" | "go" | "read" | "done" | "release";

export class DriverPanel extends LitElement {
  static override properties = {
    handle: { attribute: false },
    locality: { type: Number },
    family: { type: String },
    next: { type: String },
    text: { state: true },
    problem: { state: true },
    said: { state: true },
    response: { state: true },
  };
  declare handle: TpmHandle;
  declare locality: number;
  declare family: Family;
  /** The step that makes sense now; see `nextStep`. */
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
        ${this.#step("request", "requestUse", "Ask for the TPM: write requestUse to TPM_ACCESS", () =>
          this.#write("ACCESS", 1, ACCESS.REQUEST_USE),
        )}
        ${this.#step("ready", "commandReady", "Get ready for a command: write commandReady to TPM_STS", () =>
          this.#write("STS", 4, STS.COMMAND_READY),
        )}
        ${this.#step("write", "write command", "Write the bytes below to TPM_DATA_FIFO, one by one", () => this.#put())}
        ${this.#step("go", "tpmGo", "Run the command: write tpmGo to TPM_STS", () => this.#write("STS", 4, STS.TPM_GO))}
        ${this.#step("read", "read response", "Read burstCount bytes from TPM_DATA_FIFO while dataAvail is set", () => this.#take())}
        ${this.#step("release", "give back", "Give the TPM back: write activeLocality to TPM_ACCESS", () =>
          this.#write("ACCESS", 1, ACCESS.ACTIVE_LOCALITY),
        )}
      </div>
      <p class="driver-said small" role="status">${this.said || hint(this.next)}</p>
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

  #step(id: StepId, label: string, title: string, act: () => void) {
    const next = this.next === id;
    return html`<button class="button ${next ? "primary" : ""}" type="button" title=${title}
      aria-current=${next ? "step" : "false"} @click=${act}>${label}</button>`;
  }

  #showResponse(response: Uint8Array) {
    const code = responseCode(response);
    return html`<div class="driver-response"><span class="driver-caption"><span>Response, ${response.length} bytes${
      this.#code === undefined ? "" : html` to ${commandName(this.#code, this.family)}`
    }</span> <span class="mono">${code === undefined ? "" : responseCodeName(code, this.family)}</span></span>
      ${hexdump(response)}</div>`;
  }

  // --- accesses ---

  #at(register: RegisterKey): number {
    return registerAddress(this.locality, REGISTERS[register].offset);
  }

  #write(register: RegisterKey, size: AccessSize, value: number): void {
    this.handle.write(this.#at(register), size, value);
    this.#tell(
      `Wrote ${hexNumber(value, size * 2)} to ${REGISTERS[register].name} of locality ${this.locality}.`,
    );
  }

  #put(): void {
    const command = this.#parse();
    if (!command) return;
    const fifo = this.#at("DATA_FIFO");
    for (const byte of command) this.handle.write(fifo, 1, byte);
    this.#code = commandCode(command);
    this.#tell(`Wrote ${command.length} bytes to TPM_DATA_FIFO.`);
  }

  #take(): void {
    const bytes: number[] = [];
    for (let burst = this.#available(); burst > 0; burst = this.#available()) {
      for (let i = 0; i < burst; i++) bytes.push(this.handle.read(this.#at("DATA_FIFO"), 1));
    }
    if (bytes.length) this.response = Uint8Array.from(bytes);
    this.#tell(
      bytes.length ? `Read ${bytes.length} bytes.` : "dataAvail is not set: there is nothing to read.",
    );
  }

  /** Reads TPM_STS. @returns burstCount while dataAvail is set, else 0. */
  #available(): number {
    const sts = this.handle.read(this.#at("STS"), 4);
    // All ones: the TPM is another locality's.
    if (sts === 0xffff_ffff || (sts & STS.DATA_AVAIL) === 0) return 0;
    return (sts & STS.BURST_COUNT) >>> BURST_COUNT_SHIFT;
  }

  #tell(text: string): void {
    this.said = text;
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

function hint(next: DriverPanel["next"]): string {
  switch (next) {
    case "request":
      return "The locality does not have the TPM yet: ask for it with requestUse.";
    case "ready":
      return "The TPM is yours. commandReady makes it wait for a command.";
    case "write":
      return "It waits for a command: write one to the FIFO.";
    case "go":
      return "The command is whole (Expect is 0): tpmGo runs it.";
    case "wait":
      return "The TPM runs the command.";
    case "read":
      return "dataAvail is set: read the response from the FIFO.";
    case "release":
      return "The response was read. Give the TPM back, or begin again with commandReady.";
    default:
      return "";
  }
}

/** What a driver would do now, by the state of its locality and what its registers read. */
export function nextStep(handle: TpmHandle, locality: number): DriverPanel["next"] {
  const access = handle.peek(registerAddress(locality, REGISTERS.ACCESS.offset), 1);
  if ((access & ACCESS.VALID) === 0) return undefined;
  if ((access & ACCESS.ACTIVE_LOCALITY) === 0) return "request";
  const sts = handle.peek(registerAddress(locality, REGISTERS.STS.offset), 1);
  switch (handle.state(locality)) {
    case "idle":
      return "ready";
    case "ready":
      return "write";
    case "reception":
      return sts & STS.EXPECT ? "write" : "go";
    case "execution":
      return "wait";
    case "completion":
      return sts & STS.DATA_AVAIL ? "read" : "release";
  }
}

customElements.define("driver-panel", DriverPanel);
