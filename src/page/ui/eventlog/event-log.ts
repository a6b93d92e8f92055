/** The event log that the firmware wrote: each event in words, the replay against the TPM, and the boot before. */
import { html, nothing } from "lit";
import "../boot-check/boot-banner.ts";
import "../parts/copy.ts";
import "../parts/file-reading.ts";
import "./event-log.css";
import "./ima-view.ts";
import { toHex } from "../../../protocol/bytes/hex.ts";
import {
  checkDigests,
  compareWithPcrs,
  describeEvent,
  type EventLog,
  eventLogYamlBytes,
  eventTypeName,
  type LogEvent,
  MAKERS,
  registerMeaning,
  registerName,
} from "../../../protocol/eventlog/index.ts";
import { extendOfEvent } from "../../model/chains.ts";
import type { LogView, PageState } from "../../model/model.ts";
import { ViewElement } from "../parts/element.ts";
import { Gradual } from "../parts/gradual.ts";
import { hexdump } from "../parts/hexdump.ts";
import { Reveal } from "../parts/reveal.ts";
import { saveFile } from "../parts/save-file.ts";
import { segments } from "../parts/segments.ts";
import { pcrMeaning } from "../pcrs/meanings.ts";
import { extendedBy } from "./extended-by.ts";
import { sideBySide } from "./side-by-side.ts";
import { bootVerdict, type EventRow, eventRows, firstLines, replayVerdict, rtmrVerdict } from "./verdict.ts";

/** So many rows are drawn, and as many more each time that more are asked for: a file may have very many. */
const ROWS = 1000;
const NO_REGISTER = 0xffff_ffff;
/** Lines of a list of problems or changes. */
const MOST_LINES = 20;

const KINDS: Record<EventRow["kind"], string> = {
  same: "",
  changed: "changed",
  added: "new",
  removed: "gone",
};

export class TpmEventLog extends ViewElement {
  static override properties = {
    ...ViewElement.properties,
    open: { state: true },
    how: { state: true },
    shown: { state: true },
    plain: { type: Boolean },
  };
  /** Only the log that there is: without Linux's list, which a guest of the page's is asked for, and without files. */
  declare plain: boolean;
  /** How many rows are drawn at most. */
  declare shown: number;
  /** Keys of the rows that are folded out: only these have a body. */
  declare open: ReadonlySet<string>;
  declare how: "list" | "two" | "ima" | "file";
  /** The file for which the view turned to files last. */
  #file: PageState["files"]["log"];
  readonly #reveal = new Reveal("data-event");
  readonly #gradual = new Gradual(() => this.requestUpdate());
  /** The entry of Linux's list for which that list was shown last. */
  #entry: number | undefined;

  constructor() {
    super();
    this.open = new Set();
    this.how = "list";
    this.shown = ROWS;
    this.plain = false;
  }

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    const ofFile = this.how === "file" ? [state.pcrs] : [];
    const { log, problems } = state.files;
    return [
      ...[state.log, state.bank, state.event, state.entry, state.command],
      ...[log, problems.eventLog, ...ofFile],
    ];
  }

  override render() {
    const { store, actions } = this;
    if (this.how === "ima")
      return html`${this.#tools()}<ima-view .store=${store} .actions=${actions} ?active=${this.active}></ima-view>`;
    const file = this.how === "file" ? this.state.files.log : undefined;
    const view = file
      ? { ...file.view, comparison: compareWithPcrs(file.view.banks, this.state.pcrs) }
      : this.state.log;
    if (!view?.log.events.length) {
      return html`${this.#tools()}${this.#boot}<div class="empty"><strong>The event log</strong> For each measurement the firmware writes down what it
        measured. Replaying that list must give the very values that the PCRs hold; if it does, the list can be
        believed. Boot the machine to fill it.</div>`;
    }
    const { previous, bank } = this.state;
    const { differences, log } = view;
    const two = this.how === "two" && differences && previous;
    const rows = two ? differences.length : eventCount(view);
    const drawn = this.#gradual.take(file ?? this.how, Math.min(rows, this.shown));
    return html`${this.#tools(view)}${file ? nothing : this.#boot}<div class="scroll" tabindex="0" role="region" aria-label="Event log">
      ${this.#verdicts(view)}
      ${
        two
          ? sideBySide(differences.slice(0, drawn), previous, log, bank, (event) => {
              this.how = "list";
              this.actions.select({ event });
            })
          : html`<ol class="events">${eventRows(log, differences, drawn).map((row) => this.#row(row, view))}</ol>`
      }
      ${
        rows > this.shown
          ? html`<p class="more-rows">The first ${this.shown} of ${rows} are shown.
            <button class="button quiet" type="button" @click=${() => {
              this.shown += ROWS;
            }}>Show more</button></p>`
          : nothing
      }
    </div>
    <p class="pane-foot">${file ? `${file.name}: f` : "F"}ormat ${view.log.format}, ${view.log.events.length} events, ${view.log.end} bytes;
      ${view.log.algorithms.map(({ name }) => name).join(", ")}.</p>`;
  }

  get #boot() {
    return html`<boot-banner .store=${this.store} .active=${this.active}></boot-banner>`;
  }

  /** What to show, and the firmware's log as a file. */
  #tools(view?: LogView) {
    const both = this.state.log?.differences && this.state.previous;
    const { log: file, problems } = this.state.files;
    return html`<div class="toolbar">
      ${
        this.plain
          ? nothing
          : segments<TpmEventLog["how"]>(
              "eventlog-how",
              "What to show",
              [
                { value: "list", label: "this boot", hint: "What the firmware wrote down" },
                ...(both ? [{ value: "two", label: "two boots" } as const] : []),
                {
                  value: "ima",
                  label: "Linux’s list",
                  hint: "What the running kernel measured (IMA)",
                },
                ...(file ? [{ value: "file", label: "a file", hint: file.name } as const] : []),
              ],
              this.how,
              (how) => {
                this.how = how;
                this.open = new Set();
                this.actions.files.forget("eventLog");
                this.shown = ROWS;
              },
            )
      }
      <span class="spacer"></span>
      ${
        this.how === "ima" || this.plain
          ? nothing
          : html`<label class="button quiet" title="binary_bios_measurements of any machine, to look into and to compare with this TPM">Open…<input
              class="visually-hidden" type="file" aria-label="Open an event log" @change=${this.#openFile}></label>`
      }
      ${view ? this.#files(view) : nothing}
    </div>
    <file-reading .store=${this.store} .actions=${this.actions} ?active=${this.active} kind="eventLog"></file-reading>
    ${problems.eventLog ? html`<p class="is-error log-problem" role="alert">${problems.eventLog}</p>` : nothing}`;
  }

  #files({ bytes, log }: LogView) {
    return html`
      <button class="button quiet" type="button" title="As tpm2_eventlog prints it"
        @click=${() => saveFile("eventlog.yaml", new Uint8Array(eventLogYamlBytes(log)), "application/yaml")}>YAML</button>
      <button class="button quiet" type="button" title="The log as the firmware wrote it (binary_bios_measurements)"
        @click=${() => saveFile("eventlog.bin", new Uint8Array(bytes.subarray(0, log.end)), "application/octet-stream")}>binary</button>`;
  }

  #openFile(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (file) this.actions.files.openEventLog(file);
    input.value = "";
  }

  /** An event that was selected elsewhere is folded out and brought into sight. */
  override willUpdate(): void {
    const { event, entry, files } = this.state;
    if (files.log !== this.#file) {
      this.#file = files.log;
      this.how = "file";
      this.open = new Set();
      this.shown = ROWS;
    }
    if (this.active && entry !== this.#entry) {
      this.#entry = entry;
      if (entry !== undefined) this.how = "ima";
    }
    if (!this.active || !this.#reveal.isDue(event)) return;
    this.how = "list";
    this.shown = Math.max(this.shown, event + ROWS);
    this.open = new Set([...this.open, String(event)]);
  }

  protected override updated(): void {
    if (this.active) this.#reveal.show(this, this.state.event);
  }

  #verdicts({ banks, comparison, differences, log }: LogView) {
    const rtmrs = log.registers === "RTMR";
    const { tone, text, lines } = rtmrs ? rtmrVerdict(banks) : replayVerdict(comparison, this.state.bank);
    const changes = differences?.filter(({ kind }) => kind !== "same") ?? [];
    return html`<div class="verdicts">
      <div class="verdict" data-tone=${tone} id="replay-verdict"><strong>${text}</strong>
        ${lines.length ? html`<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>` : nothing}</div>
      ${
        differences
          ? html`<div class="verdict" data-tone=${changes.length ? "changed" : "plain"} id="boot-verdict">
            <strong>${bootVerdict(differences)}</strong>
            ${
              changes.length
                ? html`<ul>${firstLines(
                    changes.map(({ reason }) => reason),
                    MOST_LINES,
                  ).map((line) => html`<li>${line}</li>`)}</ul>`
                : nothing
            }</div>`
          : nothing
      }
      ${
        log.problems.length
          ? html`<div class="verdict" data-tone="bad"><strong>The log is not as it should be.</strong>
            <ul>${firstLines(
              log.problems.map(({ offset, message }) => `At byte ${offset}: ${message}.`),
              MOST_LINES,
            ).map((line) => html`<li>${line}</li>`)}</ul></div>`
          : nothing
      }
    </div>`;
  }

  #row(row: EventRow, view: LogView) {
    const { event, kind } = row;
    const { name, text } = describeEvent(event, view.log);
    const key = `${kind === "removed" ? "gone" : ""}${event.index}`;
    const chosen = kind !== "removed" && this.how !== "file" && this.state.event === event.index;
    return html`<li class="event ${chosen ? "is-chosen" : ""}" data-kind=${kind} data-event=${kind === "removed" ? nothing : event.index}><details ?open=${this.open.has(key)}
      @toggle=${(toggle: Event) => this.#toggle(key, (toggle.target as HTMLDetailsElement).open)}>
      <summary>
        <span class="event-index">${event.index}</span>
        <span class="event-pcr" title=${registerMeaning(view.log.registers, event.pcr) ?? pcrMeaning(event.pcr).long}>${registerLabel(view.log, event)}</span>
        <span class="event-what"><span class="event-text">${text || "no data"}</span>
          <code class="event-type">${name}</code></span>
        ${kind === "same" ? nothing : html`<span class="event-kind">${KINDS[kind]}</span>`}
      </summary>
      ${this.open.has(key) ? this.#details(row, view) : nothing}
    </details></li>`;
  }

  #toggle(key: string, open: boolean): void {
    if (this.open.has(key) === open) return;
    const keys = new Set(this.open);
    if (open) keys.add(key);
    else keys.delete(key);
    this.open = keys;
    if (!open || this.how === "file" || !/^\d+$/.test(key)) return;
    this.#reveal.done(Number(key));
    this.actions.select({ event: Number(key) });
  }

  #details({ event, reason, before, kind }: EventRow, view: LogView) {
    const { meaning, details, maker } = describeEvent(event, view.log);
    return html`<div class="event-body">
      ${reason ? html`<p class="changed">${reason}</p>` : nothing}
      <p>${sentence(meaning)} Written by ${MAKERS[maker]}.</p>
      ${kind === "removed" || this.how === "file" ? nothing : extendedBy(extendOfEvent(this.state, event.index), this.actions)}
      ${details.length ? html`<dl class="facts">${details.map(({ label, value }) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>` : nothing}
      ${this.#digests(event)}
      ${event.data.length ? html`<h3>Data, ${event.data.length} bytes</h3>${hexdump(event.data)}` : nothing}
      ${before ? html`<h3>In the boot before: ${eventTypeName(before.type) ?? ""}</h3>${this.#digests(before)}${hexdump(before.data)}` : nothing}
    </div>`;
  }

  #digests(event: LogEvent) {
    const checks = checkDigests(event);
    return html`<dl class="facts">${event.digests.map(({ digest }, i) => {
      const { algorithm = "", result = "", reason = "" } = checks[i] ?? {};
      return html`<dt>${algorithm}</dt><dd class="event-digest"><code class="digest">${toHex(digest)}</code>
        <copy-button .text=${toHex(digest)} label="Copy the ${algorithm} digest"></copy-button>
        <span class="event-check" data-result=${result}>${reason}</span></dd>`;
    })}</dl>`;
  }
}

/** How many rows the list has in all. */
const eventCount = ({ log, differences }: LogView) => differences?.length ?? log.events.length;

/** Notes that are for no register say 0xFFFFFFFF. */
function registerLabel({ registers }: EventLog, { pcr }: LogEvent): string {
  return pcr === NO_REGISTER ? "no PCR" : registerName(registers, pcr);
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

customElements.define("tpm-event-log", TpmEventLog);
