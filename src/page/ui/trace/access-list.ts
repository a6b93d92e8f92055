/** The recorded accesses as a list, newest at the bottom and kept in sight; runs are one row. */

import { html, LitElement, nothing, type PropertyValues } from "lit";
import { hexNumber } from "../../../protocol/bytes/hex.ts";
import { own } from "../../../protocol/bytes/own.ts";
import {
  type Access,
  type AccessFilter,
  describeAccess,
  isData,
  nextWord,
  readBefore,
  type TraceRecorder,
  type TraceRow,
  TraceRows,
} from "../../../session/trace/index.ts";
import { pagePace } from "../parts/pace.ts";
import { ListPlace } from "./place.ts";

/** Pixels; the style sheet has the same. */
const ROW = 24;
/** Accesses taken in per frame: some three milliseconds' worth. */
const PER_FRAME = 60_000;
/** Bytes of a FIFO run that are shown. */
const MOST_BYTES = 12;

const place = new ListPlace(ROW);
const COUNT = new Intl.NumberFormat("en");

/** A range with other ends. */
function differs(now: AccessList["range"], before: AccessList["range"]): boolean {
  return now?.[0] !== before?.[0] || now?.[1] !== before?.[1];
}

/** Fires `access-select` with the sequence number. */
export class AccessList extends LitElement {
  static override properties = {
    recorder: { attribute: false },
    filter: { attribute: false },
    fold: { type: Boolean },
    active: { type: Boolean },
    selected: { attribute: false },
    range: { attribute: false, hasChanged: differs },
    held: { attribute: false },
    start: { attribute: false },
    free: { type: Boolean },
    nameOf: { attribute: false },
  };
  declare recorder: TraceRecorder;
  declare filter: AccessFilter | undefined;
  declare fold: boolean;
  declare active: boolean;
  /** Sequence number of the chosen access. */
  declare selected: number | undefined;
  /** Sequence numbers of the accesses of the chosen command. */
  declare range: readonly [first: number, last: number] | undefined;
  /** Where the machine stands still. */
  declare held: number | undefined;
  /** When the machine was started, in milliseconds of the accesses' clock. */
  declare start: number;
  /** No guest runs that drawing would hold up. */
  declare free: boolean;
  /** The command that begins to run with this access, for people. */
  declare nameOf: (sequence: number) => string | undefined;
  #rows: TraceRows | undefined;
  #follow = true;
  /** Where the list stood when it was drawn, in pixels. */
  #drawnAt = 0;
  #endLooking: (() => void) | undefined;
  #focusOn: number | undefined;
  #revealed: number | undefined;
  readonly #resized = new ResizeObserver(() => this.requestUpdate());

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#endLooking = pagePace.keepLooking({
      inSight: () => this.active,
      free: () => this.free,
      changed: () => this.#rows?.complete === false,
      draw: () => {
        this.#rows?.update(PER_FRAME);
        this.requestUpdate();
      },
    });
  }

  override disconnectedCallback(): void {
    this.#endLooking?.();
    this.#resized.disconnect();
    super.disconnectedCallback();
  }

  override shouldUpdate(): boolean {
    return this.active;
  }

  override willUpdate(changed: PropertyValues): void {
    if (this.#rows && !["recorder", "filter", "fold"].some((name) => changed.has(name))) return;
    const { filter, fold } = this;
    this.#rows = new TraceRows(this.recorder.ring, { filter, fold });
    this.#rows.update(PER_FRAME);
    this.#revealed = undefined;
  }

  /** Rows that there are. */
  get length(): number {
    return this.#rows?.length ?? 0;
  }

  override render() {
    const rows = this.#rows!;
    const list = this.querySelector<HTMLElement>(".access-list");
    const height = list?.clientHeight ?? innerHeight;
    const most = Math.max(0, place.space(rows.length) - height);
    const top = this.#follow ? most : Math.min(list?.scrollTop ?? 0, most);
    const { from, to, y } = place.shown(rows.length, top, height);
    // Rows are drawn into the elements that are there, which is quicker than to move these along.
    const shown = Array.from({ length: to - from }, (_, i) => rows.row(from + i));
    return html`<div class="access-table" role="grid" aria-label="Accesses to the registers" aria-rowcount=${rows.length + 1}
        @keydown=${this.#key}>
      <div class="access-row access-head" role="row" aria-rowindex="1">
        <span role="columnheader" class="num" title="Seconds since the machine was started, to a millisecond or two">Time</span>
        <span role="columnheader" title="Locality">L</span><span role="columnheader">Access</span>
        <span role="columnheader">Value</span><span role="columnheader">Says</span></div>
      <div class="access-list scroll" role="rowgroup" @scroll=${this.#scrolled}>
        <div role="presentation" class="access-space" style="height:${place.space(rows.length)}px">
          <div role="presentation" style="transform:translateY(${y}px)">
            ${shown.map((row, i) => this.#row(row, from + i))}
          </div>
        </div>
      </div>
    </div>`;
  }

  #row(row: TraceRow, index: number) {
    const { first, last, count } = row;
    const { ring } = this.recorder;
    const access = ring.access(first);
    if (!access) return nothing;
    const { register, fields, changes } = describeAccess(access, readBefore(ring, access));
    const chosen = this.selected !== undefined && first <= this.selected && this.selected <= last;
    const inRange = this.range && first <= this.range[1] && last >= this.range[0];
    const held = this.held !== undefined && first <= this.held && this.held <= last;
    const tabbable = this.selected === undefined ? index === this.length - 1 : chosen;
    const run = this.#run(access, row);
    const name = access.write ? this.nameOf(first) : undefined;
    return html`<div class="access-row" role="row" aria-rowindex=${index + 2} aria-selected=${chosen}
      tabindex=${tabbable ? 0 : -1} data-sequence=${first} data-range=${inRange === true} data-held=${held}
      data-write=${access.write} @click=${() => this.#choose(row)}>
      <span role="gridcell" class="num muted">${((access.time - this.start) / 1000).toFixed(4)}</span>
      <span role="gridcell">${access.reset ? "" : access.locality}</span>
      <span role="gridcell" class="access-what">${
        access.reset ? "" : html`<span class="access-kind">${access.write ? "write" : "read"}</span>`
      } <span class="mono">${register.replace(/^TPM_/, "")}</span>${access.origin === "page" ? html` <span class="muted small">page</span>` : nothing}</span>
      <span role="gridcell" class="mono access-value">${access.reset || run ? "" : hexNumber(access.value, access.size * 2)}</span>
      <span role="gridcell" class="access-says">${count > 1 ? html`<span class="access-count">${COUNT.format(count)} ×</span> ` : nothing}${
        held ? html`<strong>held here</strong> ` : nothing
      }${name ? html`<strong>${name}</strong> ` : nothing}${changes.length ? html`<strong class="changed">${changes.join(" · ")}</strong> ` : nothing}${
        run ? html`<span class="mono">${run}</span>` : html`<span class="muted">${fields}</span>`
      }</span>
    </div>`;
  }

  /** The first bytes of a run through FIFO or data buffer. */
  #run(access: Access, { first, last, count }: TraceRow): string | undefined {
    const { ring } = this.recorder;
    let word = ring.word(first);
    if (count === 1 || !isData(word)) return undefined;
    const bytes: string[] = [];
    for (let at = first; at <= last && bytes.length <= MOST_BYTES; at++) {
      if (ring.word(at) !== word) continue;
      word = nextWord(word);
      const value = ring.value(at);
      for (let i = 0; i < access.size; i++)
        bytes.push(((value >>> (8 * i)) & 0xff).toString(16).padStart(2, "0"));
    }
    const more = count * access.size > MOST_BYTES ? " …" : "";
    return bytes.slice(0, MOST_BYTES).join(" ") + more;
  }

  protected override updated(): void {
    const list = this.querySelector<HTMLElement>(".access-list");
    if (!list) return;
    this.#resized.observe(list);
    this.#reveal(list);
    if (this.#follow) list.scrollTop = list.scrollHeight;
    this.#drawnAt = list.scrollTop;
    const row =
      this.#focusOn !== undefined && this.querySelector<HTMLElement>(`[data-sequence="${this.#focusOn}"]`);
    if (!row) return;
    this.#focusOn = undefined;
    row.focus({ preventScroll: true });
  }

  /** Brings a new choice into sight. */
  #reveal(list: HTMLElement): void {
    if (this.selected === this.#revealed) return;
    const index = this.selected === undefined ? -1 : this.#rows!.indexOf(this.selected);
    this.#revealed = this.selected;
    if (index < 0) return;
    const near = place.reveal(this.length, index, list.scrollTop, list.clientHeight);
    // With what led to it and what came of it, unless it is one step on.
    const half = Math.abs(near - list.scrollTop) > ROW ? list.clientHeight / 2 : 0;
    const top = half ? near + (near > list.scrollTop ? half : -half) : near;
    this.#follow = false;
    if (top === list.scrollTop) return;
    list.scrollTop = top;
    this.requestUpdate();
  }

  /** Goes to the end, and stays there. */
  follow(): void {
    this.#follow = true;
    this.requestUpdate();
  }

  get following(): boolean {
    return this.#follow;
  }

  #scrolled(event: Event): void {
    const list = event.currentTarget as HTMLElement;
    // Its own doing: what is in sight has been drawn.
    if (list.scrollTop === this.#drawnAt) return;
    this.#follow = list.scrollTop + list.clientHeight >= list.scrollHeight - ROW / 2;
    this.requestUpdate();
  }

  #choose({ first }: TraceRow): void {
    this.#follow = false;
    this.#revealed = first;
    this.dispatchEvent(new CustomEvent<number>("access-select", { detail: first, bubbles: true }));
  }

  #key(event: KeyboardEvent): void {
    const focused = (event.target as HTMLElement).dataset.sequence;
    if (focused === undefined) return;
    const index = this.#rows!.indexOf(Number(focused));
    if (event.key === "Enter" || event.key === " ") this.#choose(this.#rows!.row(index));
    else if (!this.#move(event.key, index)) return;
    event.preventDefault();
  }

  /** @returns whether the key moves the choice from row to row. */
  #move(key: string, index: number): boolean {
    const page = Math.max(1, Math.floor((this.querySelector(".access-list")?.clientHeight ?? 0) / ROW) - 1);
    const to: Record<string, number> = {
      ArrowUp: index - 1,
      ArrowDown: index + 1,
      PageUp: index - page,
      PageDown: index + page,
      Home: 0,
      End: this.length - 1,
    };
    const next = own(to, key);
    if (next === undefined) return false;
    this.#goTo(Math.min(this.length - 1, Math.max(0, next)));
    return true;
  }

  #goTo(index: number): void {
    const row = this.#rows!.row(index);
    this.#focusOn = row.first;
    this.#choose(row);
    this.#revealed = undefined;
    this.requestUpdate();
  }

  /** Chooses the next row (or the one before) for which `matches` holds, from the choice or the end on. @returns whether there is one. */
  find(matches: AccessFilter, step: 1 | -1): boolean {
    const rows = this.#rows!;
    const { ring } = this.recorder;
    const start = this.selected === undefined ? (step > 0 ? -1 : this.length) : rows.indexOf(this.selected);
    for (let at = start + step; at >= 0 && at < this.length; at += step) {
      const { first } = rows.row(at);
      if (!matches(ring.word(first), ring.value(first))) continue;
      this.#choose(rows.row(at));
      this.#revealed = undefined;
      return true;
    }
    return false;
  }
}

customElements.define("access-list", AccessList);
