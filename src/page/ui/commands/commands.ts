/** Every TPM command as it happens, newest at the bottom and kept in sight; one can be chosen and looked into. */

import { html, type PropertyValues } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { own } from "../../../protocol/bytes/own.ts";
import "./command-detail.ts";
import "./commands.css";
import { toHex } from "../../../protocol/bytes/hex.ts";
import { type TraceEntry, toPcap, toTraceJson } from "../../../protocol/export/index.ts";
import type { CommandRecord } from "../../../session/types.ts";
import { isFromPage, markComposed } from "../../model/by-hand.ts";
import type { PageState } from "../../model/model.ts";
import { ViewElement } from "../parts/element.ts";
import { OnDemand } from "../parts/on-demand.ts";
import { saveFile } from "../parts/save-file.ts";
import { aboutCommand } from "./about.ts";
import { filterCommands } from "./filter.ts";
import { rowWindow } from "./window.ts";

/** Pixels; the style sheet has the same. */
const ROW = 26;

/** Sent by the guest, or in its place. */
const isGuests = ({ origin, repeated }: CommandRecord) => origin === "guest" || repeated === true;
const REPEATED =
  "The guest sent this in the boot that the prepared machine goes on from; the page has sent it again in its place.";

/** Who sent a command, in a word. */
function from(record: CommandRecord): string {
  if (record.repeated) return "that boot";
  if (record.origin === "page") return "this page";
  return isFromPage(record) ? "you" : "guest";
}

const COMPOSER = new OnDemand(() => import("./composer.ts"));

export class TpmCommands extends ViewElement {
  static override properties = {
    ...ViewElement.properties,
    all: { state: true },
    search: { state: true },
    composing: { state: true },
  };
  /** Whether the page's own commands are shown too. */
  declare all: boolean;
  /** What the list is searched for. */
  declare search: string;
  /** The composer is open, with these bytes to begin with; undefined while it is closed. */
  declare composing: string | undefined;
  /** Whether new commands pull the list along: until the user scrolls up. */
  #follow = true;
  readonly #resized = new ResizeObserver(() => this.requestUpdate());
  /** The rows: all commands, or the guest's. */
  #rows: readonly CommandRecord[] = [];
  /** The choice that was brought into sight last. */
  #revealed: number | undefined;
  /** The row that is to get the focus as soon as it is drawn. */
  #focusOn: number | undefined;

  constructor() {
    super();
    this.all = false;
    this.search = "";
  }

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.commandNews, state.commands, state.command, state.handle];
  }

  override disconnectedCallback(): void {
    this.#resized.disconnect();
    super.disconnectedCallback();
  }

  override render() {
    const { commands, command } = this.state;
    if (!commands.length) {
      return html`${this.#tools()}${
        this.#composer() ??
        html`<div class="empty"><strong>TPM commands</strong> Firmware, kernel and programs talk to the TPM in
        commands such as TPM2_PCR_Extend. Each one will be listed here with its answer. Boot the machine to see the first
        ones.</div>`
      }`;
    }
    const shown = this.all ? commands : commands.filter(isGuests);
    this.#rows = filterCommands(shown, this.search);
    const rows = this.#rows;
    const chosen = commands.find(({ id }) => id === command);
    const list = this.querySelector<HTMLElement>(".command-list");
    const height = list?.clientHeight ?? innerHeight;
    const top = this.#follow ? rows.length * ROW - height : (list?.scrollTop ?? 0);
    const { from, to } = rowWindow(rows.length, ROW, Math.max(0, top), height);
    return html`${this.#tools()}<div class="command-table" role="grid" aria-label="TPM commands" aria-rowcount=${rows.length + 1}
        @keydown=${this.#key}>
      <div class="command-row command-head" role="row" aria-rowindex="1">
        <span role="columnheader" class="num">#</span><span role="columnheader">Command</span>
        <span role="columnheader" class="num" title="Locality">Loc.</span><span role="columnheader">Result</span>
        <span role="columnheader" class="num">Time</span><span role="columnheader">From</span></div>
      <div class="command-list scroll" role="rowgroup" @scroll=${this.#scrolled}>
        <div role="presentation" class="command-space" style="height:${rows.length * ROW}px">
          <div role="presentation" style="transform:translateY(${from * ROW}px)">
            ${repeat(
              rows.slice(from, to),
              ({ id }) => id,
              (record, i) => this.#row(record, from + i, chosen),
            )}
          </div>
        </div>
      </div>
    </div>
    ${this.#composer() ?? this.#lower(chosen)}`;
  }

  /** Search, and what can be done with all commands. */
  #tools() {
    const none = !this.state.commands.length;
    return html`<div class="toolbar">
      <input class="command-search" type="search" aria-label="Search the commands" placeholder="search: extend, rc_handle, failed …"
        .value=${this.search} @input=${(event: Event) => {
          this.search = (event.target as HTMLInputElement).value;
          // What is chosen is brought into sight again in the list as it is now.
          this.#revealed = undefined;
        }}>
      <span class="spacer"></span>
      <button class="button" type="button" aria-expanded=${this.composing !== undefined}
        @click=${() => {
          this.composing = this.composing === undefined ? "" : undefined;
        }}>Compose</button>
      <button class="button quiet" type="button" ?disabled=${none} title="A packet capture that Wireshark opens" @click=${this.#savePcap}>pcap</button>
      <button class="button quiet" type="button" ?disabled=${none} title="All commands with their fields, as JSON" @click=${this.#saveJson}>JSON</button>
    </div>`;
  }

  #composer() {
    if (this.composing === undefined) return undefined;
    const { handle, tpm, settings } = this.state;
    const version = tpm?.version === "1.2" || tpm?.version === "2.0" ? tpm.version : settings.tpm;
    const close = () => {
      this.composing = undefined;
    };
    return COMPOSER.show(
      true,
      () => this.requestUpdate(),
      () => html`<command-composer .handle=${handle} family=${version} .hex=${this.composing} @sent=${this.#sent}
        @close=${close}></command-composer>`,
    );
  }

  /** Shows the answer: the newest command with these very bytes. */
  #sent({ detail }: CustomEvent<Uint8Array>): void {
    const hex = toHex(detail);
    const record = this.state.commands.findLast(({ request }) => toHex(request) === hex);
    if (!record) return;
    markComposed(record);
    if (record.origin === "page") this.all = true;
    this.search = "";
    this.#follow = false;
    this.composing = undefined;
    this.actions.select({ command: record.id });
  }

  get #trace(): TraceEntry[] {
    const epoch = this.state.tape?.epoch ?? performance.timeOrigin;
    return this.state.commands.map((record) => ({ ...record, time: epoch + record.startedAt }));
  }

  #savePcap(): void {
    saveFile("webtpm.pcap", toPcap(this.#trace), "application/vnd.tcpdump.pcap");
  }

  #saveJson(): void {
    saveFile("webtpm-trace.json", JSON.stringify(toTraceJson(this.#trace), null, 1), "application/json");
  }

  #lower(chosen: CommandRecord | undefined) {
    return html`${
      chosen
        ? html`<command-detail .record=${chosen} .done=${chosen.duration}
          @close=${() => this.actions.select(undefined)}
          @again=${() => {
            this.composing = toHex(chosen.request);
          }}></command-detail>`
        : html`<div class="pane-foot command-foot"><span>Choose a command to see its request and response.</span>
          <label><input type="checkbox" .checked=${this.all}
            @change=${(event: Event) => {
              this.all = (event.target as HTMLInputElement).checked;
            }}> also this page's own</label></div>`
    }`;
  }

  #row(record: CommandRecord, index: number, chosen: CommandRecord | undefined) {
    const { id, name, locality, responseName, responseCode, duration } = record;
    const running = duration === undefined;
    const about = aboutCommand(record);
    const selected = record === chosen;
    const tabbable = chosen ? selected : index === this.#rows.length - 1;
    return html`<div class="command-row" role="row" aria-rowindex=${index + 2} aria-selected=${selected}
      tabindex=${tabbable ? 0 : -1} data-id=${id} @click=${() => this.#choose(id)}>
      <span role="gridcell" class="num">${id}</span>
      <span role="gridcell" title=${about}><span class="mono command-name">${name}</span> <span class="command-about muted">${about}</span></span>
      <span role="gridcell" class="num">${locality}</span>
      <span role="gridcell" class="command-result ${responseCode ? "is-error" : ""}" title=${responseName ?? ""}>${
        running ? "running …" : plainResult(responseCode, responseName)
      }</span>
      <span role="gridcell" class="num">${running ? "" : `${duration.toFixed(1)} ms`}</span>
      <span role="gridcell" class="muted" title=${record.repeated ? REPEATED : ""}>${from(record)}</span>
    </div>`;
  }

  /** What was selected in another view is shown, however the list was scrolled. */
  override willUpdate(): void {
    const { command, commands } = this.state;
    if (!this.active || command === undefined || command === this.#revealed) return;
    this.#follow = false;
    const chosen = commands.find(({ id }) => id === command);
    if (chosen && !isGuests(chosen)) this.all = true;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const list = this.querySelector<HTMLElement>(".command-list");
    if (!list) return;
    this.#resized.observe(list);
    if (this.#follow) list.scrollTop = list.scrollHeight;
    else this.#reveal(list);
    this.#giveFocus();
  }

  /** Brings a new choice into sight, also when the list has become shorter for it. */
  #reveal(list: HTMLElement): void {
    const { command } = this.state;
    if (command === this.#revealed) return;
    this.#revealed = command;
    const top = this.#rows.findIndex(({ id }) => id === command) * ROW;
    if (top < 0) return;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  }

  #giveFocus(): void {
    const row = this.#focusOn && this.querySelector<HTMLElement>(`[data-id="${this.#focusOn}"]`);
    if (!row) return;
    this.#focusOn = undefined;
    row.focus({ preventScroll: true });
  }

  #scrolled(event: Event): void {
    const list = event.currentTarget as HTMLElement;
    this.#follow = list.scrollTop + list.clientHeight >= list.scrollHeight - ROW / 2;
    this.requestUpdate();
  }

  #choose(id: number): void {
    this.#follow = false;
    this.actions.select(this.state.command === id ? undefined : { command: id });
  }

  #key(event: KeyboardEvent): void {
    const focused = Number((event.target as HTMLElement).dataset.id);
    if (!focused) return;
    if (event.key === "Escape") this.actions.select(undefined);
    else if (event.key === "Enter" || event.key === " ") this.#choose(focused);
    else if (!this.#move(event.key, focused)) return;
    event.preventDefault();
  }

  /** @returns whether the key moves the choice from row to row. */
  #move(key: string, focused: number): boolean {
    const rows = this.#rows;
    const at = rows.findIndex(({ id }) => id === focused);
    const page = Math.max(1, Math.floor((this.querySelector(".command-list")?.clientHeight ?? 0) / ROW) - 1);
    const to: Record<string, number> = {
      ArrowUp: at - 1,
      ArrowDown: at + 1,
      PageUp: at - page,
      PageDown: at + page,
      Home: 0,
      End: rows.length - 1,
    };
    const next = own(to, key);
    if (next === undefined) return false;
    const record = rows[Math.min(rows.length - 1, Math.max(0, next))];
    if (!record) return true;
    this.#follow = false;
    this.#focusOn = record.id;
    this.actions.select({ command: record.id });
    return true;
  }
}

/** "success", or the name of the error without what all names begin with. */
export function plainResult(code: number | undefined, name: string | undefined): string {
  if (code === 0) return "success";
  return name?.replace(/^TPM_(RC_)?/, "") ?? "no response";
}

customElements.define("tpm-commands", TpmCommands);
