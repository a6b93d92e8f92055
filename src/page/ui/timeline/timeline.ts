/**
 * The boot on one time axis: phases, measurements, commands with their duration, the console's output. Each mark
 * leads to its command; the same list stands below as a table.
 */

import { html, nothing, type SVGTemplateResult, svg } from "lit";
import "../parts/file-reading.ts";
import "./timeline.css";
import { own } from "../../../protocol/bytes/own.ts";
import type { CommandRecord } from "../../../session/types.ts";
import { type SeenExtend, seenExtends, whatWas, whoMade } from "../../model/chains.ts";
import type { PageState } from "../../model/model.ts";
import { aboutCommand } from "../commands/about.ts";
import { PageElement } from "../parts/element.ts";
import { Pace } from "../parts/pace.ts";
import { type Phase, phaseAt, phasesOf } from "./phases.ts";
import { pan, type Span, ticks, zoom } from "./span.ts";

/** A long boot's thousands of marks take long to draw: milliseconds until the next drawing, at most. */
const LONGEST_MS = 4000;
/** Pixels. */
const LANES = { phases: 0, measured: 30, commands: 64, console: 98, axis: 140, height: 158 } as const;
const LEAST_WIDTH = 3;
const BIN = 4;
const LABEL_WIDTH = 15;
const PIXELS_PER_TICK = 90;
const ZOOM_STEP = 0.6;
const MOST_TABLE_ROWS = 400;
/** Frames' worth of time after the last thing that happened. */
const MARGIN_MS = 50;

interface Picture {
  all: Span;
  phases: Phase[];
  commands: readonly CommandRecord[];
  measured: readonly SeenExtend[];
}

export class BootTimeline extends PageElement {
  static override properties = { ...PageElement.properties, span: { state: true }, own: { state: true } };
  /** What is in sight; undefined: all of it. */
  declare span: Span | undefined;
  /** Whether the page's own commands are shown too. */
  declare own: boolean;
  #width = 600;
  readonly #pace = new Pace({ longest: LONGEST_MS });
  /** Ends the wait for the next drawing. */
  #hurry: (() => void) | undefined;
  #urgent = true;
  #picture: Picture | undefined;
  readonly #resized = new ResizeObserver(([entry]) => {
    const width = Math.round(entry?.contentRect.width ?? 0);
    if (!width || width === this.#width) return;
    this.#width = width;
    this.#now();
  });

  constructor() {
    super();
    this.own = false;
  }

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    if (!this.active) return [];
    return [state.commandNews, state.log, state.tape, state.command, state.replay?.time];
  }

  override disconnectedCallback(): void {
    this.#resized.disconnect();
    super.disconnectedCallback();
  }

  /** Draws at once: the user has asked for it. */
  #now(): void {
    this.#urgent = true;
    this.requestUpdate();
    this.#hurry?.();
  }

  /** News of the boot wait until a drawing costs the guest little, what the user does does not. */
  protected override async scheduleUpdate(): Promise<void> {
    const chosen = this.state.command !== this.#chosen;
    if (!this.#urgent && !chosen && this.active) {
      await new Promise<void>((resolve) => {
        this.#hurry = resolve;
        setTimeout(() => requestAnimationFrame(() => resolve()), this.#pace.wait);
      });
    }
    this.#urgent = false;
    this.#chosen = this.state.command;
    this.#pace.begin();
    super.scheduleUpdate();
  }
  #chosen: number | undefined;

  override render() {
    const picture = this.#look();
    this.#picture = picture;
    if (!picture) {
      return html`${this.#tools()}<div class="empty"><strong>The boot on a time axis</strong> Phases, TPM commands,
        measurements and the console's output, from power-on to the shell. Boot the machine, or open a recording.</div>`;
    }
    const span = this.span ?? picture.all;
    return html`${this.#tools()}
      <div class="timeline-plot" tabindex="0" role="application" aria-label="Timeline of the boot: plus and minus zoom, arrows move, Home shows all; the table below has the same marks"
        @keydown=${this.#key} @wheel=${this.#wheel} @pointerdown=${this.#drag}>${this.#plot(picture, span)}</div>
      <p class="timeline-legend small muted">${picture.phases.map(({ name, from, to }) => html`<span><i data-phase=${name}></i>${name} ${length(to - from)}</span>`)}</p>
      ${this.#table(picture, span)}`;
  }

  protected override updated(): void {
    const plot = this.querySelector(".timeline-plot");
    if (plot) this.#resized.observe(plot);
    this.#reveal();
  }

  /** What was selected elsewhere is brought into sight, on the axis and in the table. */
  #reveal(): void {
    const { command, commands } = this.state;
    if (command === this.#revealed || !this.#picture) return;
    this.#revealed = command;
    const at = commands.find(({ id }) => id === command)?.startedAt;
    const { span } = this;
    if (at !== undefined && span && (at < span.from || at > span.to))
      this.#pan((at - (span.from + span.to) / 2) / (span.to - span.from));
    this.querySelector(".timeline-table .is-chosen")?.scrollIntoView({ block: "nearest" });
  }
  #revealed: number | undefined;

  #tools() {
    const { tape, replay } = this.state;
    return html`<div class="toolbar">
      <div class="timeline-zoom" role="group" aria-label="Zoom">
        <button class="button icon" type="button" aria-label="Closer" title="Closer (+)" @click=${() => this.#zoom(ZOOM_STEP)}>+</button>
        <button class="button icon" type="button" aria-label="Farther" title="Farther (−)" @click=${() => this.#zoom(1 / ZOOM_STEP)}>−</button>
        <button class="button" type="button" @click=${() => this.#show(undefined)}>All</button>
      </div>
      <span class="spacer"></span>
      <button class="button" type="button" ?disabled=${!tape} title="Phases, commands, console, PCRs and log of this boot, as one small file"
        @click=${() => this.actions.recordings.save()}>Save recording</button>
      <label class="button" title=${replay ? "Play another one" : "Play a saved boot, with no machine and no TPM"}>Open…<input class="visually-hidden" type="file" accept=".webtpm"
        aria-label="Open a recording" @change=${this.#open}></label>
    </div>
    <file-reading .store=${this.store} .actions=${this.actions} ?active=${this.active} kind="recording"></file-reading>`;
  }

  #open(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (file) this.actions.recordings.open(file);
    input.value = "";
    this.span = undefined;
  }

  /** What there is to be drawn; undefined before a machine was started. */
  #look(): Picture | undefined {
    const { tape, commands } = this.state;
    if (!tape) return undefined;
    const shown = commands.filter(
      ({ startedAt, origin }) => startedAt >= tape.start && (this.own || origin === "guest"),
    );
    const measured = seenExtends(this.state);
    const to = tape.end ?? this.#lastNews();
    const all = { from: tape.start, to: Math.max(tape.start + 100, to) };
    const { replay } = this.state;
    const now = replay ? tape.start + replay.time : all.to;
    const phases = phasesOf(tape, measured, now)
      .filter(({ from }) => from <= now)
      .map((phase) => ({ ...phase, to: Math.min(phase.to, now) }));
    return { all, commands: shown, measured, phases };
  }

  /** The end of what has happened so far: the axis does not run on while nothing does. */
  #lastNews(): number {
    const { tape, commands } = this.state;
    const last = commands.at(-1);
    const times = [
      last ? last.startedAt + (last.duration ?? performance.now() - last.startedAt) : 0,
      tape?.serial.at(-1)?.time ?? 0,
      tape?.log.at(-1)?.time ?? 0,
    ];
    return Math.max(...times) + MARGIN_MS;
  }

  // --- the picture ---

  #plot(picture: Picture, span: Span) {
    const x = (time: number) => ((time - span.from) / (span.to - span.from)) * this.#width;
    const { replay, tape } = this.state;
    const head = replay && tape ? x(tape.start + replay.time) : undefined;
    return html`<svg width=${this.#width} height=${LANES.height} aria-hidden="true" @click=${this.#click}>
      ${picture.phases.map(({ name, from, to }) => this.#phase(name, Math.max(0, x(from)), Math.min(this.#width, x(to))))}
      ${this.#measurements(picture.measured, x)}
      ${this.#commands(picture.commands, x)}
      ${this.#output(span)}
      ${this.#axis(picture.all, span, x)}
      ${head === undefined ? nothing : svg`<line class="timeline-head" x1=${head} x2=${head} y1="0" y2=${LANES.axis}></line>`}
    </svg>`;
  }

  #phase(name: string, from: number, to: number) {
    if (to <= from) return nothing;
    return svg`<g class="timeline-phase"><rect data-phase=${name} x=${from} y=${LANES.phases + 4} width=${to - from} height="20"></rect>
      ${to - from > 7 * name.length + 8 ? svg`<text x=${from + 4} y=${LANES.phases + 18}>${name}</text>` : nothing}</g>`;
  }

  #commands(commands: readonly CommandRecord[], x: (time: number) => number) {
    return this.#thinned(
      commands,
      ({ startedAt }) => x(startedAt),
      ({ id }) => id,
    ).map((record) => {
      const { id, name, startedAt, duration, responseCode, origin } = record;
      const end = startedAt + (duration ?? performance.now() - startedAt);
      const [left, right] = [x(startedAt), x(end)];
      return svg`<rect class="timeline-command ${responseCode ? "is-bad" : ""} ${id === this.state.command ? "is-chosen" : ""}"
        data-command=${id} data-origin=${origin} x=${left} y=${LANES.commands + 4} width=${Math.max(LEAST_WIDTH, right - left)} height="24" rx="1"><title>${name}, ${length(end - startedAt)}</title></rect>`;
    });
  }

  #measurements(measured: readonly SeenExtend[], x: (time: number) => number) {
    const id = ({ change }: SeenExtend) => change.record.id;
    let labelled = Number.NEGATIVE_INFINITY;
    return this.#thinned(measured, ({ change }) => x(change.record.startedAt), id).map((one) => {
      const { change } = one;
      const at = x(change.record.startedAt);
      const room = at - labelled >= LABEL_WIDTH;
      if (room) labelled = at;
      return svg`<g class="timeline-measured ${id(one) === this.state.command ? "is-chosen" : ""}" data-command=${id(one)}>
        <path d="M${at} ${LANES.measured + 2}l7 9l-7 9l-7 -9z" data-maker=${one.maker}></path>
        ${room ? svg`<text x=${at} y=${LANES.measured + 31}>${change.pcr}</text>` : nothing}<title>PCR ${change.pcr}: ${whatWas(one)}</title></g>`;
    });
  }

  /** Of marks that fall on the same pixel one is drawn; the chosen one always is. */
  #thinned<T>(all: readonly T[], at: (one: T) => number, id: (one: T) => number): T[] {
    let last = Number.NEGATIVE_INFINITY;
    return all.filter((one) => {
      const x = at(one);
      if (x < -2000 || x > this.#width + 10) return false;
      const same = x - last < 1;
      if (!same) last = x;
      return !same || id(one) === this.state.command;
    });
  }

  /** Bytes on the console, in bars. */
  #output(span: Span): SVGTemplateResult | typeof nothing {
    const { tape, replay } = this.state;
    if (!tape) return nothing;
    const until = replay ? tape.start + replay.time : Number.POSITIVE_INFINITY;
    const bins = new Float64Array(Math.ceil(this.#width / BIN));
    for (const { time, bytes } of tape.serial) {
      if (time > until) break;
      const bin = Math.floor((((time - span.from) / (span.to - span.from)) * this.#width) / BIN);
      if (bin >= 0 && bin < bins.length) bins[bin] = bins[bin]! + bytes.length;
    }
    const most = Math.max(1, ...bins);
    const bars = Array.from(bins, (count, i) => {
      if (!count) return "";
      const high = 4 + 30 * (Math.log1p(count) / Math.log1p(most));
      return `M${i * BIN} ${LANES.axis - 2}v${-high}h${BIN - 1}v${high}z`;
    });
    return svg`<path class="timeline-console" d=${bars.join("") || "M0 0"}><title>output on the serial console</title></path>`;
  }

  #axis(all: Span, span: Span, x: (time: number) => number) {
    const from0 = { from: span.from - all.from, to: span.to - all.from };
    const values = ticks(from0, this.#width / PIXELS_PER_TICK);
    return svg`<line class="timeline-axis" x1="0" x2=${this.#width} y1=${LANES.axis} y2=${LANES.axis}></line>
      ${values.map(
        (
          value,
        ) => svg`<g class="timeline-tick"><line x1=${x(value + all.from)} x2=${x(value + all.from)} y1="0" y2=${LANES.axis + 4}></line>
        <text x=${x(value + all.from) + 3} y=${LANES.axis + 14}>${length(value)}</text></g>`,
      )}`;
  }

  // --- moving about ---

  #show(span: Span | undefined): void {
    this.span = span;
    this.#now();
  }

  #zoom(factor: number, around?: number): void {
    const all = this.#picture?.all;
    if (!all) return;
    const span = this.span ?? all;
    const next = zoom(span, all, factor, around ?? this.#middle(span));
    this.#show(next.to - next.from >= all.to - all.from ? undefined : next);
  }

  /** Zooming by key goes to what is chosen, if that is in sight. */
  #middle({ from, to }: Span): number {
    const chosen = this.state.commands.find(({ id }) => id === this.state.command)?.startedAt;
    return chosen !== undefined && chosen > from && chosen < to ? chosen : (from + to) / 2;
  }

  #pan(share: number): void {
    const all = this.#picture?.all;
    if (all && this.span) this.#show(pan(this.span, all, share));
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const does: Record<string, () => void> = {
      "+": () => this.#zoom(ZOOM_STEP),
      "=": () => this.#zoom(ZOOM_STEP),
      ArrowUp: () => this.#zoom(ZOOM_STEP),
      "-": () => this.#zoom(1 / ZOOM_STEP),
      ArrowDown: () => this.#zoom(1 / ZOOM_STEP),
      ArrowLeft: () => this.#pan(-0.2),
      ArrowRight: () => this.#pan(0.2),
      Home: () => this.#show(undefined),
    };
    const action = own(does, event.key);
    if (!action) return;
    event.preventDefault();
    action();
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.#pan(event.deltaX / this.#width);
    else this.#zoom(Math.exp(event.deltaY / 400), this.#timeAt(event.clientX));
  }

  #timeAt(clientX: number): number {
    const { all } = this.#picture as Picture;
    const span = this.span ?? all;
    const left = this.querySelector(".timeline-plot")?.getBoundingClientRect().left ?? 0;
    return span.from + ((clientX - left) / this.#width) * (span.to - span.from);
  }

  #drag(event: PointerEvent): void {
    const plot = event.currentTarget as HTMLElement;
    const all = this.#picture?.all;
    const start = this.span;
    if (!all || !start || event.button !== 0) return;
    const from = event.clientX;
    const move = ({ clientX }: PointerEvent) => this.#show(pan(start, all, (from - clientX) / this.#width));
    plot.addEventListener("pointermove", move);
    addEventListener("pointerup", () => plot.removeEventListener("pointermove", move), { once: true });
  }

  #click(event: Event): void {
    const id = (event.target as Element).closest<SVGElement>("[data-command]")?.dataset.command;
    if (id !== undefined) this.#choose(Number(id));
  }

  #choose(id: number): void {
    this.actions.select({ command: id });
  }

  // --- the table ---

  #table({ commands, measured, phases, all }: Picture, span: Span) {
    const inSight = commands.filter(
      ({ startedAt, duration = 0 }) => startedAt <= span.to && startedAt + duration >= span.from,
    );
    const rows = inSight.slice(0, MOST_TABLE_ROWS);
    const byId = new Map(measured.map((one) => [one.change.record.id, one]));
    return html`<div class="scroll timeline-table" tabindex="0" role="region" aria-label="Commands in sight">
      <table><caption class="visually-hidden">Commands of the boot in the part of the axis that is in sight</caption>
        <thead><tr><th scope="col" class="num">at</th><th scope="col" class="num">took</th><th scope="col">phase</th><th scope="col">command</th><th scope="col">what</th></tr></thead>
        <tbody>${rows.map((record) => this.#tableRow(record, byId.get(record.id), phases, all.from))}</tbody></table>
      ${inSight.length > rows.length ? html`<p class="small muted">and ${inSight.length - rows.length} more: zoom in to see them.</p>` : nothing}
      <label class="small timeline-own"><input type="checkbox" .checked=${this.own} @change=${(
        event: Event,
      ) => {
        this.own = (event.target as HTMLInputElement).checked;
        this.#now();
      }}> also this page's own commands</label>
    </div>`;
  }

  #tableRow(
    record: CommandRecord,
    measured: SeenExtend | undefined,
    phases: readonly Phase[],
    start: number,
  ) {
    const { id, startedAt, duration, name } = record;
    const chosen = id === this.state.command;
    const what = measured ? `PCR ${measured.change.pcr}: ${whatWas(measured)}` : aboutCommand(record);
    return html`<tr class=${chosen ? "is-chosen" : ""}><td class="num">${length(startedAt - start)}</td>
      <td class="num">${duration === undefined ? "…" : length(duration)}</td><td>${phaseAt(phases, startedAt) ?? ""}</td>
      <td><button class="link mono" type="button" aria-pressed=${chosen} @click=${() => this.#choose(id)}
        @dblclick=${() => this.actions.showPane("commands")}>${name}</button></td>
      <td title=${measured ? `by ${whoMade(measured)}` : ""}>${what}</td></tr>`;
  }
}

/** "12.3 ms", "1.20 s". */
function length(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 10 && ms % 1 ? 1 : 0)} ms`;
}

customElements.define("boot-timeline", BootTimeline);
