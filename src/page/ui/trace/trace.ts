/**
 * Every access to the registers: recorded while this is looked at (or on, if that is asked for), filtered, linked
 * with the commands that they make up; and breakpoints, at which the machine stands still.
 */
import { html, nothing } from "lit";
import "./access-list.ts";
import "./breakpoint-list.ts";
import "./trace.css";
import { interfaceOf } from "../../../device/interfaces/interfaces.ts";
import { hexNumber } from "../../../protocol/bytes/hex.ts";
import {
  type Access,
  type AccessFilter,
  breakpointText,
  type CommandSpan,
  describeAccess,
  FILTER_WORDS,
  parseFilter,
  readBefore,
} from "../../../session/trace/index.ts";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { pagePace } from "../parts/pace.ts";
import type { AccessList } from "./access-list.ts";
import { namesFor } from "./breakpoint-list.ts";

/** For the user's own scripts, all at once. */
const DOWNLOAD_NAME = "webtpm-accesses.json";
const SAVED_AT_ONCE = 10_000;

export class TpmTrace extends PageElement {
  static override properties = {
    ...PageElement.properties,
    query: { state: true },
    fold: { state: true },
    found: { state: true },
  };
  declare query: string;
  declare fold: boolean;
  /** What came of the last search. */
  declare found: string;
  #filter: AccessFilter | undefined;
  #problem = "";
  #disarm: (() => void) | undefined;
  #ends: (() => void)[] = [];
  /** Accesses when they were counted last. */
  #counted = 0;

  constructor() {
    super();
    this.query = this.found = "";
    this.fold = true;
  }

  /** Not the news of commands: they come with every frame, and the list brings its own. */
  protected override watch({
    recorder,
    command,
    access,
    replay,
    tape,
    tpm,
    handle,
    machine,
  }: Readonly<PageState>): readonly unknown[] {
    return [
      recorder,
      command,
      access,
      tape?.start,
      replay === undefined,
      tpm?.version,
      handle,
      machine.phase,
    ];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#ends = [
      this.state.recorder.onChange(() => this.requestUpdate()),
      pagePace.keepLooking({
        inSight: () => this.active,
        free: () => this.#free,
        changed: () => this.state.recorder.ring.length !== this.#counted,
        draw: () => this.#count(),
      }),
    ];
  }

  override disconnectedCallback(): void {
    for (const end of this.#ends) end();
    this.#arm(false);
    super.disconnectedCallback();
  }

  override shouldUpdate(): boolean {
    this.#arm(this.active);
    return super.shouldUpdate();
  }

  #arm(on: boolean): void {
    if (on === (this.#disarm !== undefined)) return;
    const disarm = this.#disarm;
    this.#disarm = on ? this.state.recorder.arm() : undefined;
    disarm?.();
  }

  override render() {
    const { recorder, command } = this.state;
    const span = command === undefined ? undefined : recorder.commands.byId(command);
    const { length } = recorder.ring;
    return html`${this.#standstill()}
      <div class="toolbar trace-bar">
        <label class="trace-query"><span class="visually-hidden">Show only</span>
          <input type="search" list="trace-words" placeholder="filter: write sts tpmGo, -fifo, locality:0 …" spellcheck="false"
            autocomplete="off" aria-invalid=${this.#problem !== ""} aria-describedby="trace-problem" .value=${this.query}
            @input=${this.#setQuery} @keydown=${this.#searchKey}></label>
        <datalist id="trace-words">${FILTER_WORDS.map((word) => html`<option value=${word}></option>`)}</datalist>
        <label class="small"><input type="checkbox" .checked=${this.fold} @change=${() => {
          this.fold = !this.fold;
        }}> fold runs</label>
        <label class="small" title="Otherwise accesses are recorded while this view is open, or a breakpoint waits">
          <input type="checkbox" .checked=${recorder.always} @change=${() => {
            recorder.always = !recorder.always;
            this.requestUpdate();
          }}> keep recording</label>
      </div>
      <p id="trace-problem" class="trace-problem small" role="status">${this.#problem || this.found}</p>
      <details class="trace-breakpoints" ?open=${false}><summary>Breakpoints${
        recorder.breakpoints.length ? ` (${recorder.breakpoints.length})` : ""
      }</summary>
        <breakpoint-list .recorder=${recorder} .kept=${recorder.breakpoints} ?exact=${recorder.exact}
          .version=${this.state.tpm?.version}
          .interface=${interfaceOf(this.state.tpm?.interface ?? "")?.name ?? this.state.settings.interface}></breakpoint-list></details>
      ${
        length
          ? html`<access-list .recorder=${recorder} .filter=${this.#filter} ?fold=${this.fold} ?active=${this.active}
        .selected=${this.state.access} ?free=${this.#free} .range=${span && [span.first, span.last]} .held=${recorder.stop?.sequence} .start=${this.state.tape?.start ?? 0}
        .nameOf=${this.#startedAt}
        @access-select=${({ detail }: CustomEvent<number>) => this.#select(detail)}></access-list>`
          : html`<div class="empty"><strong>Accesses to the registers</strong> ${this.#nothingYet}</div>`
      }
      ${this.#detail(span)}`;
  }

  get #nothingYet(): string {
    const { handle, replay } = this.state;
    if (handle) return "Recording. Whatever guest or page reads and writes will be listed here.";
    if (!replay)
      return "Boot the machine, or play the driver in the Registers view: every read and write will be listed here. Breakpoints can be set before.";
    return replay.accesses
      ? "None yet at this moment of the recording."
      : "This recording was made without them: it has the commands only.";
  }

  #standstill() {
    const { recorder, tpm } = this.state;
    const { stop: held } = recorder;
    if (!held) return nothing;
    const why = held.breakpoint ? breakpointText(held.breakpoint, namesFor(tpm?.version)) : "single step";
    const ready = held.ranOn !== undefined;
    const further =
      held.ranOn === undefined
        ? "stopping …"
        : held.ranOn === 0
          ? "It stands exactly there."
          : `Its code was hot, so it ran on for ${held.ranOn} more ${held.ranOn === 1 ? "access" : "accesses"}, listed below.`;
    return html`<div class="standstill" role="status">
      <p><strong>The machine is held:</strong> ${why}. <span class="muted">${further} The guest's time stands still.</span></p>
      <div class="standstill-actions">
        <button class="button primary" type="button" ?disabled=${!ready} @click=${() => recorder.resume()}>Go on</button>
        <button class="button" type="button" ?disabled=${!ready} @click=${() => this.#step("access")}>Next access</button>
        <button class="button" type="button" ?disabled=${!ready} @click=${() => this.#step("command")}>Next command</button>
      </div></div>`;
  }

  /** No guest is held up by drawing. */
  get #free(): boolean {
    return !this.guestRuns || this.state.recorder.stop !== undefined;
  }

  /** The list grows by itself; the number follows it, and the first access brings the list. */
  #count(): void {
    const { length } = this.state.recorder.ring;
    if (!length || !this.#counted) this.requestUpdate();
    this.#counted = length;
    const total = this.querySelector(".access-total");
    if (total) total.textContent = length.toLocaleString("en");
  }

  #step(step: "access" | "command"): void {
    this.actions.select(undefined);
    this.querySelector<AccessList>("access-list")?.follow();
    this.state.recorder.step(step);
  }

  #detail(span: CommandSpan | undefined) {
    const { recorder } = this.state;
    const { access: selected } = this.state;
    const access = selected === undefined ? undefined : recorder.ring.access(selected);
    if (!access) {
      const { length } = recorder.ring;
      return html`<div class="pane-foot access-foot"><span><span class="access-total" .textContent=${length.toLocaleString("en")}></span>
          accesses${recorder.recording ? ", recording" : ""}</span>
        ${span ? this.#commandLink(span) : nothing}<span class="spacer"></span>
        <button class="button quiet compact" type="button" ?disabled=${!length} @click=${() => recorder.clear()}>Clear</button>
        <button class="button quiet compact" type="button" ?disabled=${!length} @click=${this.#download}>Save</button></div>`;
    }
    const own = recorder.commands.at(access.sequence);
    return html`<div class="pane-foot access-detail">
      <div>${this.#sentence(access)}</div>
      <div class="access-actions">${own ? this.#commandLink(own) : nothing}
        ${
          access.register
            ? html`<button class="button quiet compact" type="button" @click=${() => this.#breakHere(access)}>Hold at the next one like this</button>`
            : nothing
        }</div></div>`;
  }

  #sentence(access: Access) {
    const { ring } = this.state.recorder;
    if (access.reset) return "Machine and TPM were reset.";
    const { register, fields, changes } = describeAccess(access, readBefore(ring, access));
    const bits = access.size * 8;
    return html`<strong class="mono">${register}</strong> of locality ${access.locality}, ${bits} bits
      ${access.write ? "written" : "read"} by the ${access.origin}: <span class="mono">${hexNumber(access.value, access.size * 2)}</span>
      ${fields ? html`<span class="muted">(${fields})</span>` : nothing}
      ${changes.length ? html`<span class="changed">Changed: ${changes.join(", ")}.</span>` : nothing}`;
  }

  #commandLink({ id, code, result }: CommandSpan) {
    const names = namesFor(this.state.tpm?.version);
    const name = code === undefined ? "a command" : names.command(code);
    const text = `${id === undefined ? "" : `#${id} `}${name}${result === undefined ? "" : `: ${names.result(result)}`}`;
    if (id === undefined) return html`<span class="muted">${text}</span>`;
    return html`<button class="button quiet compact" type="button" @click=${() => this.#showCommand(id)}>Part of <span class="mono">${text}</span></button>`;
  }

  #showCommand(id: number): void {
    this.actions.select({ command: id });
    this.actions.showPane("commands");
  }

  /** Bound, so that the list sees the same function each time. */
  readonly #startedAt = (sequence: number): string | undefined => {
    const { recorder, tpm } = this.state;
    const span = recorder.commands.at(sequence);
    if (span?.go !== sequence || span.code === undefined) return undefined;
    return namesFor(tpm?.version).command(span.code);
  };

  #select(sequence: number): void {
    this.actions.select({ access: sequence });
  }

  #breakHere(access: Access): void {
    const { register, locality, write, interface: through } = access;
    if (!register) return;
    const text = describeAccess({ ...access, size: 4 }).fields;
    const [field] = write ? text.split(" · ") : [];
    const known = field && !/\s/.test(field) ? field : undefined;
    this.state.recorder.add({
      kind: "access",
      interface: through.name,
      register,
      locality,
      direction: write ? "write" : "read",
      ...(known && { field: known }),
    });
  }

  // --- filter and search ---

  #setQuery(event: Event): void {
    this.query = (event.target as HTMLInputElement).value;
    this.found = "";
    try {
      this.#filter = parseFilter(this.query);
      this.#problem = "";
    } catch (error) {
      // The list stays as it was while a word is being typed.
      this.#problem = (error as Error).message;
    }
  }

  /** Enter goes to the next access that is let through, Shift+Enter to the one before. */
  #searchKey(event: KeyboardEvent): void {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const list = this.querySelector<AccessList>("access-list");
    const found = list?.find(this.#filter ?? (() => true), event.shiftKey ? -1 : 1);
    this.found = found ? "" : "No further access like this.";
  }

  #download(): void {
    const { ring } = this.state.recorder;
    // In pieces: a million accesses make a text longer than some browsers hold at once.
    const parts = ["["];
    for (let from = ring.start; from < ring.end; from += SAVED_AT_ONCE) {
      const json = JSON.stringify(ring.toJSON(from, Math.min(ring.end, from + SAVED_AT_ONCE)));
      parts.push(from > ring.start ? ",\n" : "", json.slice(1, -1));
    }
    const blob = new Blob([...parts, "]\n"], { type: "application/json" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = DOWNLOAD_NAME;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
  }
}

customElements.define("tpm-trace", TpmTrace);
