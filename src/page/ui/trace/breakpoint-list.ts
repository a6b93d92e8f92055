/** Breakpoints: those that there are, and a form for a new one. */
import { html, LitElement, nothing } from "lit";
import { INTERFACES, type InterfaceName, type RegisterKey } from "../../../device/interfaces/interfaces.ts";
import { LOCALITIES } from "../../../device/tis/ports.ts";
import { commandName, responseCodeName } from "../../../protocol/tpm2/names.ts";
import {
  type Breakpoint,
  breakpointText,
  type KeptBreakpoint,
  type TraceRecorder,
} from "../../../session/trace/index.ts";
import { ICONS } from "../shell/icons.ts";

type Direction = Extract<Breakpoint, { kind: "access" }>["direction"];
type Kind = Breakpoint["kind"];

const KINDS: readonly { kind: Kind; label: string }[] = [
  { kind: "access", label: "a register is accessed" },
  { kind: "command", label: "a command runs" },
  { kind: "result", label: "a result is read" },
];
const DIRECTIONS: readonly { value: Direction; label: string }[] = [
  { value: "write", label: "writes" },
  { value: "read", label: "reads" },
  { value: "both", label: "reads or writes" },
];
/** What a driver does when it runs a command: a breakpoint to begin with. */
const USUAL: Readonly<Record<InterfaceName, { register: RegisterKey; field: string }>> = {
  TIS: { register: "STS", field: "tpmGo" },
  CRB: { register: "CTRL_START", field: "Start" },
};

export function namesFor(version: string | undefined) {
  const family = version === "1.2" ? "1.2" : "2.0";
  return {
    command: (code: number) => commandName(code, family),
    result: (code: number) => responseCodeName(code, family),
  };
}

export class BreakpointList extends LitElement {
  static override properties = {
    recorder: { attribute: false },
    kept: { attribute: false },
    exact: { type: Boolean },
    version: { type: String },
    interface: { type: String },
    kind: { state: true },
    register: { state: true },
    problem: { state: true },
  };
  declare recorder: TraceRecorder;
  /** The recorder's, so that a change draws this anew. */
  declare kept: readonly KeptBreakpoint[];
  declare exact: boolean;
  declare version: string | undefined;
  /** Whose registers can be chosen. */
  declare interface: InterfaceName;
  declare kind: Kind;
  declare register: RegisterKey | undefined;
  declare problem: string;

  constructor() {
    super();
    this.kind = "access";
    this.interface = "TIS";
    this.problem = "";
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("interface")) this.register = undefined;
  }

  get #register(): RegisterKey {
    return this.register ?? USUAL[this.interface].register;
  }

  override render() {
    const names = namesFor(this.version);
    return html`<div class="breakpoints">
      ${
        this.kept.length
          ? html`<ul>${this.kept.map(({ id, enabled, hits, breakpoint }) => {
              const text = breakpointText(breakpoint, names);
              return html`<li><label><input type="checkbox" .checked=${enabled}
                @change=${() => this.recorder.enable(id, !enabled)}> ${text}</label>
                <span class="muted small">${hits ? `${hits} ${hits === 1 ? "time" : "times"}` : "not yet"}</span>
                <button class="button quiet icon compact" type="button" aria-label="Remove: ${text}"
                  @click=${() => this.recorder.remove(id)}>${ICONS.close}</button></li>`;
            })}</ul>`
          : html`<p class="muted small">None. The machine is held where one is met; its time stands still meanwhile.</p>`
      }
      <form class="breakpoint-form" @submit=${this.#add} aria-label="New breakpoint">
        <label>Hold when <select name="kind" @change=${this.#setKind}>${KINDS.map(
          ({ kind, label }) => html`<option value=${kind} ?selected=${kind === this.kind}>${label}</option>`,
        )}</select></label>
        ${this.#fields()}
        <button class="button" type="submit">Add</button>
        ${this.problem ? html`<span class="is-error small" role="alert">${this.problem}</span>` : nothing}
      </form>
      <label class="small breakpoint-exact"><input type="checkbox" .checked=${this.exact} @change=${this.#setExact}>
        Stop at the access itself in code that has become hot, too: the guest's code is then interpreted while a breakpoint
        waits, which makes the guest slow. Otherwise such code may go on for up to 100,000 instructions; how far it went is
        shown.</label>
    </div>`;
  }

  #fields() {
    if (this.kind === "access") {
      const { registers } = INTERFACES[this.interface];
      const { fields } = registers[this.#register]!;
      return html`<label><span class="visually-hidden">Which locality</span><select name="locality">
          <option value="">any locality</option>${Array.from(
            { length: LOCALITIES },
            (_, locality) =>
              html`<option value=${locality} ?selected=${locality === 0}>locality ${locality}</option>`,
          )}</select></label>
        <label><span class="visually-hidden">Reads or writes</span><select name="direction">${DIRECTIONS.map(
          ({ value, label }) => html`<option value=${value}>${label}</option>`,
        )}</select></label>
        <label><span class="visually-hidden">Which register</span><select name="register" @change=${this.#setRegister}>${Object.entries(
          registers,
        ).map(
          ([key, { name }]) =>
            html`<option value=${key} ?selected=${key === this.#register}>${name}</option>`,
        )}</select></label>
        ${
          fields.length
            ? html`<label>with <select name="field"><option value="">any value</option>${fields.map(
                ({ name }) =>
                  html`<option ?selected=${name === USUAL[this.interface].field}>${name}</option>`,
              )}</select></label>`
            : nothing
        }`;
    }
    const [label, placeholder] =
      this.kind === "command"
        ? ["Command code in hex; empty for any", "any command"]
        : ["Result in hex; empty for any failure", "any failure"];
    return html`<label><span class="visually-hidden">${label}</span>
      <input name="code" class="mono" size="12" placeholder=${placeholder} title=${label} autocomplete="off" spellcheck="false"></label>`;
  }

  #setKind(event: Event): void {
    this.kind = (event.target as HTMLSelectElement).value as Kind;
    this.problem = "";
    this.#clearCode();
  }

  #setRegister(event: Event): void {
    this.register = (event.target as HTMLSelectElement).value as RegisterKey;
  }

  #setExact(event: Event): void {
    this.recorder.exact = (event.target as HTMLInputElement).checked;
  }

  #add(event: SubmitEvent): void {
    event.preventDefault();
    const data = new FormData(event.target as HTMLFormElement);
    const text = (name: string) => String(data.get(name) ?? "");
    if (this.kind === "access") {
      this.recorder.add({
        kind: "access",
        interface: this.interface,
        register: this.#register,
        direction: text("direction") as Direction,
        ...(text("locality") && { locality: Number(text("locality")) }),
        ...(text("field") && { field: text("field") }),
      });
      return;
    }
    const code = text("code").trim().replace(/^0x/i, "");
    this.problem = /^[0-9a-f]{0,8}$/i.test(code) ? "" : `“${code}” is no hex number`;
    if (this.problem) return;
    this.recorder.add({ kind: this.kind, ...(code && { code: Number.parseInt(code, 16) }) });
    this.#clearCode();
  }

  /** A command's code is no result. */
  #clearCode(): void {
    const field = this.querySelector<HTMLInputElement>('input[name="code"]');
    if (field) field.value = "";
  }
}

customElements.define("breakpoint-list", BreakpointList);
