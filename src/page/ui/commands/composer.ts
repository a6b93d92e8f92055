/** Composes a command, from the tables or from hex, shows its bytes as they become, and sends it. */

import { html, LitElement, nothing } from "lit";
import { fromHex, toHex } from "../../../protocol/bytes/hex.ts";
import { own } from "../../../protocol/bytes/own.ts";
import { type CommandName, TPM_CC } from "../../../protocol/tpm2/command-codes.ts";
import { COMMANDS } from "../../../protocol/tpm2/commands/index.ts";
import { decodeCommand } from "../../../protocol/tpm2/decode.ts";
import { encodeCommand, encodeCommand12, passwordSession } from "../../../protocol/tpm2/encode.ts";
import type { Message } from "../../../protocol/tpm2/message.ts";
import type { FieldSpec } from "../../../protocol/tpm2/schema.ts";
import { COMMANDS12 } from "../../../protocol/tpm2/tpm12/commands.ts";
import { ordinalTitle } from "../../../protocol/tpm2/tpm12/ordinals.ts";
import type { TpmHandle } from "../../../session/types.ts";
import { segments } from "../parts/segments.ts";
import { ICONS } from "../shell/icons.ts";
import { FORM_DEFAULTS, FORM_DEFAULTS12, type FormValues } from "./form-defaults.ts";
import { formFields } from "./form-fields.ts";
import "./message-view.ts";

type Mode = "form" | "hex";
type Name12 = Parameters<typeof encodeCommand12>[0];

/** Fires `close`, and `sent` when an answer has come. */
export class CommandComposer extends LitElement {
  static override properties = {
    handle: { attribute: false },
    family: { type: String },
    hex: { type: String },
    mode: { state: true },
    name: { state: true },
    handles: { state: true },
    parameters: { state: true },
    password: { state: true },
    busy: { state: true },
    said: { state: true },
  };
  /** Undefined while there is no TPM to send to. */
  declare handle: TpmHandle | undefined;
  declare family: "2.0" | "1.2";
  /** Bytes to begin with; empty for a form. */
  declare hex: string;
  declare mode: Mode;
  declare name: string;
  declare handles: FormValues;
  declare parameters: FormValues;
  declare password: string;
  declare busy: boolean;
  declare said: string;
  #decoded: { hex: string; message: Message } | undefined;

  constructor() {
    super();
    this.family = "2.0";
    this.hex = "";
    this.mode = "form";
    this.password = "";
    this.busy = false;
    this.said = "";
    this.#pick("GetRandom");
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("hex") && this.hex) this.mode = "hex";
    if (changed.has("family") && !this.#specs) this.#pick("GetRandom");
  }

  override render() {
    const { bytes, problem } = this.#compose();
    const message = bytes && this.#decode(bytes);
    return html`<section class="detail" aria-label="Compose a command">
      <div class="toolbar">
        <h3>Compose a command</h3>
        ${segments<Mode>(
          "composer-mode",
          "How",
          [
            { value: "form", label: "by fields" },
            { value: "hex", label: "by bytes" },
          ],
          this.mode,
          (mode) => {
            if (mode === "hex" && bytes) this.hex = toHex(bytes);
            this.mode = mode;
          },
        )}
        <span class="spacer"></span>
        <button class="button primary" type="button" ?disabled=${!bytes || !this.handle || this.busy}
          @click=${() => this.#send(bytes)}>Send</button>
        <button class="button quiet icon" type="button" aria-label="Close the composer"
          @click=${() => this.dispatchEvent(new CustomEvent("close"))}>${ICONS.close}</button>
      </div>
      <div class="scroll detail-body" tabindex="0" role="region" aria-label="The command">
        ${this.mode === "form" ? this.#form() : this.#hexField()}
        <p role="status" class="composer-said">${this.busy ? "The TPM runs it …" : this.said || this.#why}</p>
        ${problem ? html`<p class="is-error" role="alert">${problem}</p>` : nothing}
        ${message && bytes ? html`<tpm-message .message=${message} .bytes=${bytes}></tpm-message>` : nothing}
      </div>
    </section>`;
  }

  get #why(): string {
    return this.handle
      ? ""
      : "There is no TPM to send to: boot the machine, or put a TPM on the bench (Registers).";
  }

  get #specs():
    | { handles: readonly FieldSpec[]; parameters: readonly FieldSpec[]; meaning: string }
    | undefined {
    if (this.family === "2.0") return own(COMMANDS, this.name);
    const spec = own(COMMANDS12, this.name);
    return spec && { handles: [], parameters: spec.parameters, meaning: spec.meaning };
  }

  #form() {
    const names =
      this.family === "2.0"
        ? Object.keys(TPM_CC).filter((name) => Object.hasOwn(COMMANDS, name))
        : Object.keys(COMMANDS12);
    const specs = this.#specs;
    return html`<label class="form-field" for="composer-command"><span>Command</span>
        <select id="composer-command" @change=${(event: Event) => this.#pick((event.target as HTMLSelectElement).value)}>
          ${names.toSorted().map((name) => html`<option value=${name} ?selected=${name === this.name}>${nameOf(name, this.family)}</option>`)}
        </select></label>
      ${specs?.meaning ? html`<p class="muted">${specs.meaning}${this.family === "1.2" ? html` <span class="small">Sent without an authorization; one that needs one is composed by bytes.</span>` : nothing}</p>` : nothing}
      ${
        specs
          ? html`<div class="form">
        ${formFields(specs.handles, this.handles, "handle", (values) => {
          this.handles = values;
        })}
        ${
          this.#needsAuth
            ? html`<label class="form-field" for="composer-password"><span>password</span>
              <input id="composer-password" type="text" spellcheck="false" autocomplete="off" placeholder='none: hex, or "text"'
                .value=${this.password} @input=${(event: Event) => {
                  this.password = (event.target as HTMLInputElement).value;
                }}></label>`
            : nothing
        }
        ${formFields(specs.parameters, this.parameters, "parameter", (values) => {
          this.parameters = values;
        })}</div>`
          : nothing
      }`;
  }

  #hexField() {
    return html`<label class="form-field wide" for="composer-hex"><span>Bytes, in hex</span>
      <textarea id="composer-hex" class="mono" rows="3" spellcheck="false" .value=${this.hex}
        @input=${(event: Event) => {
          this.hex = (event.target as HTMLTextAreaElement).value;
        }}></textarea></label>`;
  }

  get #needsAuth(): boolean {
    return this.family === "2.0" && own(COMMANDS, this.name)?.handles.some(({ auth }) => auth) === true;
  }

  #pick(name: string): void {
    this.name = name;
    const defaults = this.family === "2.0" ? (own(FORM_DEFAULTS, name) ?? {}) : {};
    this.handles = { ...defaults.handles };
    this.parameters = { ...(this.family === "2.0" ? defaults.parameters : own(FORM_DEFAULTS12, name)) };
    this.said = "";
  }

  #compose(): { bytes?: Uint8Array<ArrayBuffer>; problem?: string } {
    try {
      return { bytes: this.mode === "hex" ? fromHex(this.hex) : this.#encode() };
    } catch (error) {
      return { problem: `${(error as Error).message}.` };
    }
  }

  #encode(): Uint8Array<ArrayBuffer> {
    const { parameters, handles } = this;
    if (this.family === "1.2") return encodeCommand12(this.name as Name12, parameters);
    const name = this.name as CommandName;
    const needed = COMMANDS[name].handles.filter(({ auth }) => auth);
    return encodeCommand(name, {
      handles,
      parameters,
      sessions: needed.map(() => passwordSession(this.password)),
    });
  }

  /** Decoded once for the same bytes, so that what is pointed at stays marked. */
  #decode(bytes: Uint8Array): Message {
    const hex = toHex(bytes);
    if (this.#decoded?.hex !== hex) this.#decoded = { hex, message: decodeCommand(bytes) };
    return this.#decoded.message;
  }

  async #send(bytes: Uint8Array | undefined): Promise<void> {
    if (!bytes || !this.handle) return;
    this.busy = true;
    this.said = "";
    try {
      const response = await this.handle.command(bytes);
      this.said = `The TPM has answered with ${response.length} bytes.`;
      this.dispatchEvent(new CustomEvent<Uint8Array>("sent", { detail: bytes }));
    } catch (error) {
      this.said = `Not sent: ${(error as Error).message}.`;
    } finally {
      this.busy = false;
    }
  }
}

/** With the prefix that it has in its specification; the TSC commands of TPM 1.2 have their own. */
function nameOf(name: string, family: "2.0" | "1.2"): string {
  return family === "2.0" ? `TPM2_${name}` : ordinalTitle(name as Name12);
}

customElements.define("command-composer", CommandComposer);
