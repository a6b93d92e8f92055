/**
 * All registers of one locality, live: value, fields by name, what each means. Looking changes nothing; each can be
 * read and written by hand, and a whole command be taken through them, with a guest or with no machine at all.
 */
import { html, nothing } from "lit";
import "./driver-panel.ts";
import "./launch-panel.ts";
import "./register-hand.ts";
import "./registers.css";
import "./state-picture.ts";
import type { AccessSize, InterfaceState } from "../../../device/frontend/port.ts";
import { fieldValue, type Register, type RegisterField } from "../../../device/frontend/registers.ts";
import {
  INTERFACES,
  interfaceOf,
  type RegisterInterface,
  type RegisterKey,
} from "../../../device/interfaces/interfaces.ts";
import { LOCALITIES } from "../../../device/tis/ports.ts";
import { hexNumber } from "../../../protocol/bytes/hex.ts";
import type { TpmHandle } from "../../../session/types.ts";
import { registerAddress } from "../../model/interface.ts";
import type { PageState } from "../../model/model.ts";
import { ViewElement } from "../parts/element.ts";
import { hexdump } from "../parts/hexdump.ts";
import { pagePace } from "../parts/pace.ts";
import { segments } from "../parts/segments.ts";
import { STEPS } from "./driver-panel.ts";

/** How long a change stays marked, in milliseconds. */
const MARK_MS = 1500;
/** What says nothing of its own: the wide FIFO shows the same byte again; the others are always 0. */
const LEFT_OUT: ReadonlySet<RegisterKey> = new Set([
  "XDATA_FIFO",
  "CTRL_EXT",
  "CTRL_CMD_HADDR",
  "CTRL_RSP_HADDR",
]);
const OPEN_AT_FIRST: readonly RegisterKey[] = ["ACCESS", "STS", "LOC_STS", "CTRL_REQ", "CTRL_START"];
/** Bytes of the data buffer that are shown. */
const BUFFER_SHOWN = 64;

interface Shown {
  value: number;
  /** Before the last change. */
  before: number;
  changedAt: number;
}

export class TpmRegisters extends ViewElement {
  static override properties = {
    ...ViewElement.properties,
    locality: { state: true },
    open: { state: true },
    drives: { state: true },
  };
  declare locality: number;
  declare open: ReadonlySet<RegisterKey>;
  /** Whether the steps of a driver are shown. */
  declare drives: boolean;
  readonly #shown = new Map<RegisterKey, Shown>();
  #end: (() => void) | undefined;
  /** The command interface when it was looked at last: what a driver does next depends on it. */
  #interface: InterfaceState | undefined;
  #bench: PageState["bench"] = "closed";
  /** Of the machine that is shown; see `#between`. */
  #handle: TpmHandle | undefined;
  #tpm: PageState["tpm"];

  constructor() {
    super();
    this.locality = 0;
    this.open = new Set(OPEN_AT_FIRST);
    this.drives = false;
  }

  protected override willUpdate(): void {
    this.#follow();
    const { bench } = this.state;
    if (bench !== this.#bench && bench === "opening") this.drives = true;
    this.#bench = bench;
  }

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.handle, state.tpm?.version, state.tpm?.phase, state.bench, state.machine.phase];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#end = pagePace.keepLooking({
      inSight: () => this.active,
      free: () => this.#free,
      changed: () => this.#peekAll(),
      draw: () => this.requestUpdate(),
    });
  }

  override disconnectedCallback(): void {
    this.#end?.();
    super.disconnectedCallback();
  }

  /**
   * While a machine is switched on, the last one's registers stay in sight, out of reach: to build it all anew would
   * take part of every boot.
   */
  get #between(): boolean {
    return this.state.handle === undefined && this.state.machine.phase === "loading";
  }

  /** Nobody looks, and the machine that was shown has ended: to hold on to it would keep it in memory. */
  get #outlived(): boolean {
    return !this.active && this.#handle !== undefined && this.#handle !== this.state.handle;
  }

  #follow(): void {
    if (this.active ? this.#between : !this.#outlived) return;
    const { handle, tpm } = this.active ? this.state : {};
    this.#tpm = tpm;
    if (handle === this.#handle) return;
    this.#handle = handle;
    this.#shown.clear();
  }

  override shouldUpdate(): boolean {
    return super.shouldUpdate() || this.#outlived;
  }

  /** @returns whether there is anything new to draw. */
  #peekAll(): boolean {
    this.#follow();
    const handle = this.#handle;
    if (!handle || this.#between) return false;
    const now = performance.now();
    const state = handle.state(this.locality);
    let news = state !== this.#interface;
    this.#interface = state;
    for (const key of this.#keys) {
      const { offset, size } = this.#registers[key]!;
      const value = handle.peek(registerAddress(this.locality, offset), size as AccessSize);
      const shown = this.#shown.get(key);
      if (!shown) this.#shown.set(key, { value, before: value, changedAt: Number.NEGATIVE_INFINITY });
      else if (shown.value !== value) this.#shown.set(key, { value, before: shown.value, changedAt: now });
      // Also once when a mark is to go.
      else if (now - shown.changedAt > MARK_MS && shown.before !== value) shown.before = value;
      else continue;
      news = true;
    }
    return news;
  }

  override render() {
    const { bench, machine } = this.state;
    const handle = this.#handle;
    const starting = this.#tpm?.phase === "starting";
    if (!handle) {
      return html`<div class="empty"><strong>The register interface</strong>
        <p>A driver talks to the TPM through a few registers at 0xFED40000: it asks for a locality, hands a command
        over, says go, and reads the answer. Boot the machine to watch, or be the driver yourself.</p>
        <p class="empty-action"><button class="button primary" type="button" ?disabled=${bench === "opening" || machine.phase === "loading"}
          @click=${() => this.actions.openBench()}>Play the driver, with no machine</button></p></div>`;
    }
    return html`<div class="toolbar">
        <span>Locality</span>
        ${segments(
          "locality",
          "Locality",
          Array.from({ length: LOCALITIES }, (_, value) => ({
            value,
            label: String(value),
            hint: LOCALITY_USES[value]!,
          })),
          this.locality,
          (locality) => {
            this.locality = locality;
            this.#shown.clear();
          },
        )}
        <span class="muted small">${LOCALITY_USES[this.locality]}</span>
      </div>
      <div class="scroll registers" tabindex="0" role="region" aria-label="Registers of locality ${this.locality}"
        aria-busy=${this.#between} ?inert=${this.#between}>
        <interface-states .handle=${handle} .interface=${this.#through.name} ?active=${this.active} ?announce=${bench === "open"} ?free=${this.#free}
          .locality=${this.locality}></interface-states>
        <details class="by-hand" ?open=${this.drives} @toggle=${(event: Event) => {
          this.drives = (event.target as HTMLDetailsElement).open;
        }}>
          <summary>Play the driver</summary>
          ${
            this.#driven
              ? html`<p class="hint-warning small" role="note">A guest drives this TPM. What is written here reaches the
            same registers, and its driver may stumble over it; pausing the machine first does not change that.</p>`
              : nothing
          }
          <p class="small muted" ?hidden=${!starting}>The TPM is being switched on …</p>
          <driver-panel ?hidden=${starting} .handle=${handle} .interface=${this.#through.name} .locality=${this.locality} .next=${STEPS[this.#through.name].next(handle, this.locality)}
            .family=${this.#version === "1.2" ? "1.2" : "2.0"} @by-hand=${() => this.requestUpdate()}></driver-panel>
        </details>
        ${
          this.#through.name === "TIS"
            ? html`<details class="by-hand"><summary>Dynamic launch (locality 4)</summary>
          <launch-panel ?hidden=${starting} .handle=${handle} @by-hand=${() => this.requestUpdate()}></launch-panel>
        </details>`
            : html`<p class="small muted">A dynamic launch by hand (locality 4) is there with the FIFO interface (TIS).</p>`
        }
        ${this.#keys.map((key) => this.#register(key))}
      </div>`;
  }

  get #through(): RegisterInterface {
    return interfaceOf(this.#tpm?.interface ?? "") ?? INTERFACES.TIS;
  }

  get #registers(): RegisterInterface["registers"] {
    return this.#through.registers;
  }

  get #keys(): RegisterKey[] {
    return (Object.keys(this.#registers) as RegisterKey[]).filter((key) => !LEFT_OUT.has(key));
  }

  get #version() {
    return this.#tpm?.version;
  }

  /** Nobody is kept waiting by the drawing: no guest runs, or its time stands still. */
  get #free(): boolean {
    return !this.guestRuns || this.state.machine.holds.length > 0;
  }

  /** A guest uses the registers. */
  get #driven(): boolean {
    const { bench, machine } = this.state;
    return bench === "closed" && machine.phase === "running";
  }

  #register(key: RegisterKey) {
    const register = this.#registers[key]!;
    const shown = this.#shown.get(key);
    const value = shown?.value ?? 0;
    const changed = shown !== undefined && shown.before !== value;
    const absent = isAbsent(register, value);
    const address = hexNumber(registerAddress(this.locality, register.offset));
    return html`<details class="register" ?open=${this.open.has(key)}
        @toggle=${(event: Event) => this.#toggle(key, (event.target as HTMLDetailsElement).open)}>
      <summary>
        <span class="register-name mono">${register.name}</span>
        <span class="register-offset mono muted" title="At ${address}">${hexNumber(register.offset, 3)}</span>
        <span class="register-value mono ${changed ? "changed mark" : ""}">${hexNumber(value, register.size * 2)}</span>
        <span class="register-set">${absent ? html`<em>${whyAbsent(key)}</em>` : summary(register, value)}</span>
      </summary>
      ${
        this.open.has(key)
          ? html`<p class="register-meaning">${register.meaning} <span class="small">At ${address}; “${register.spec}”.</span></p>
        ${register.fields.map((field) => this.#field(field, value, shown?.before ?? value, absent))}
        ${register.span ? hexdump(this.#buffer(register)) : nothing}
        <register-hand .handle=${this.#handle} .register=${register} .locality=${this.locality}
          .version=${this.#version} ?driven=${this.#driven}></register-hand>`
          : nothing
      }
    </details>`;
  }

  /** What the first bytes of memory behind a register are. */
  #buffer({ offset }: Register): Uint8Array {
    const at = registerAddress(this.locality, offset);
    return Uint8Array.from({ length: BUFFER_SHOWN }, (_, index) => this.#handle?.peek(at + index, 1) ?? 0);
  }

  #field(field: RegisterField, value: number, before: number, absent: boolean) {
    if (field.only && this.#version !== field.only) return nothing;
    const now = fieldValue(field, value);
    const changed = now !== fieldValue(field, before);
    const [high, low] = field.bits;
    const name = field.values?.[now];
    return html`<div class="register-field" data-set=${!absent && now !== 0}>
      <span class="register-bits muted">${high === low ? high : `${high}:${low}`}</span>
      <span class="register-field-name">${field.name}</span>
      <span class="register-field-value mono ${changed ? "changed mark" : ""}">${absent ? "–" : fieldText(field, now)}</span>
      <span class="muted">${name && !absent ? html`<strong class="register-field-name">${name}.</strong> ` : nothing}${field.meaning}</span>
    </div>`;
  }

  #toggle(key: RegisterKey, open: boolean): void {
    if (this.open.has(key) === open) return;
    const keys = new Set(this.open);
    if (open) keys.add(key);
    else keys.delete(key);
    this.open = keys;
  }
}

/** Who uses which locality: TIS 1.3, "Locality Usage per Register". */
const LOCALITY_USES = [
  "firmware and ordinary operating systems",
  "an operating system after a measured launch",
  "the launched environment's run-time",
  "auxiliary parts of a measured launch",
  "the processor itself, during a measured launch",
];

function isAbsent({ size }: Register, value: number): boolean {
  return value === (size === 4 ? 0xffff_ffff : 0xff);
}

function whyAbsent(key: RegisterKey): string {
  return key === "STS" || key === "DATA_FIFO" || key === "DATA_BUFFER"
    ? "all ones: this locality is not active, or has no data"
    : "all ones";
}

/** Numbers as people know them: ids in hex, the rest in decimal. */
function fieldText({ name }: RegisterField, value: number): string {
  return name === "DID" || name === "VID" ? hexNumber(value, 4) : String(value);
}

/** The register in a line: bits that are set by name, numbers by value. */
function summary(register: Register, value: number): string {
  return register.fields
    .flatMap((field) => {
      const now = fieldValue(field, value);
      const bit = field.bits[0] === field.bits[1];
      if (bit) return now ? [field.name] : [];
      return [`${field.name} ${field.values?.[now] ?? now}`];
    })
    .join(" · ");
}

customElements.define("tpm-registers", TpmRegisters);
