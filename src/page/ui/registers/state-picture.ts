/**
 * The state machine of the command interface, drawn: where each locality stands, and which access moved it there.
 * Follows the device's own notes of its moves, which it makes only while somebody looks.
 */
import { html, LitElement, nothing, svg } from "lit";
import type { InterfaceState } from "../../../device/frontend/port.ts";
import type { StateTrace } from "../../../device/frontend/trace.ts";
import { INTERFACES, type InterfaceName } from "../../../device/interfaces/interfaces.ts";
import { LOCALITIES } from "../../../device/tis/ports.ts";
import { STATES } from "../../../device/tis/states.ts";
import type { InterfaceNews, TpmHandle } from "../../../session/types.ts";
import { pagePace } from "../parts/pace.ts";
import { moveText } from "./move-text.ts";

/** Moves kept for the list below the picture. */
const MOST_MOVES = 12;
/** A move that is older than this, in milliseconds, is the last one indeed. */
const RECENT_MS = 250;
const [BOX_WIDTH, BOX_HEIGHT] = [128, 36];

/** Upper left corners. */
const BOXES: Record<InterfaceState, readonly [x: number, y: number]> = {
  idle: [4, 92],
  ready: [176, 92],
  reception: [340, 16],
  execution: [526, 92],
  completion: [340, 168],
};

interface Edge {
  from: InterfaceState;
  to: InterfaceState;
  path: string;
  /** What the arrow is called, and where; rare ones have their name only in the list. */
  label?: readonly [text: string, x: number, y: number];
}

const TIS_EDGES: readonly Edge[] = [
  { from: "idle", to: "ready", path: "M132 110 H170", label: ["commandReady", 152, 80] },
  { from: "ready", to: "reception", path: "M252 92 Q268 46 334 36", label: ["first byte", 228, 60] },
  { from: "reception", to: "execution", path: "M468 34 Q566 36 588 86", label: ["tpmGo", 522, 62] },
  { from: "execution", to: "completion", path: "M590 128 Q570 180 474 186", label: ["response", 524, 160] },
  { from: "completion", to: "ready", path: "M340 188 Q268 182 252 134", label: ["commandReady", 206, 164] },
  { from: "reception", to: "ready", path: "M384 52 Q364 98 310 104" },
  { from: "execution", to: "ready", path: "M526 114 H310" },
  { from: "reception", to: "idle", path: "M340 24 Q120 8 72 86" },
  { from: "completion", to: "idle", path: "M340 200 Q120 210 72 134" },
  { from: "ready", to: "idle", path: "M176 122 H138" },
  { from: "execution", to: "idle", path: "M606 128 Q600 216 404 218 Q100 224 52 134" },
];

const CRB_EDGES: readonly Edge[] = [
  { from: "idle", to: "ready", path: "M132 104 H170", label: ["cmdReady", 152, 80] },
  { from: "ready", to: "reception", path: "M252 92 Q268 46 334 36", label: ["first byte", 228, 60] },
  { from: "reception", to: "execution", path: "M468 34 Q566 36 588 86", label: ["Start", 522, 62] },
  { from: "execution", to: "completion", path: "M590 128 Q570 180 474 186", label: ["response", 524, 160] },
  { from: "completion", to: "ready", path: "M340 188 Q268 182 252 134", label: ["cmdReady", 206, 164] },
  { from: "completion", to: "idle", path: "M340 200 Q120 210 72 134", label: ["goIdle", 150, 218] },
  { from: "completion", to: "reception", path: "M404 168 V58" },
  { from: "idle", to: "reception", path: "M80 92 Q140 24 334 30" },
  { from: "reception", to: "ready", path: "M384 52 Q364 98 310 104" },
  { from: "ready", to: "execution", path: "M304 114 H520" },
  { from: "reception", to: "idle", path: "M340 24 Q120 8 72 86" },
  { from: "ready", to: "idle", path: "M176 122 H138" },
  { from: "execution", to: "idle", path: "M606 128 Q600 216 404 218 Q100 224 52 134" },
];
const EDGES: Readonly<Record<InterfaceName, readonly Edge[]>> = { TIS: TIS_EDGES, CRB: CRB_EDGES };

interface Move {
  time: number;
  trace: StateTrace;
}

export class InterfaceStates extends LitElement {
  static override properties = {
    handle: { attribute: false },
    interface: { type: String },
    active: { type: Boolean },
    locality: { type: Number },
    announce: { type: Boolean },
    free: { type: Boolean },
    states: { state: true },
    moves: { state: true },
  };
  declare handle: TpmHandle | undefined;
  declare interface: InterfaceName;
  /** Watches only while this is true. */
  declare active: boolean;
  declare locality: number;
  /** Whether a screen reader is told of each move: not while a guest makes hundreds of them. */
  declare announce: boolean;
  /** No guest runs that drawing would hold up. */
  declare free: boolean;
  declare states: readonly InterfaceState[];
  /** The newest first. */
  declare moves: readonly Move[];
  #watched: TpmHandle | undefined;
  #end: (() => void) | undefined;
  #endLooking: (() => void) | undefined;
  /** The moves as they are; `moves` are those that are drawn. */
  #news: readonly Move[] = [];
  #newsAt = 0;
  /** The states as they are; `states` are those that are drawn. */
  #known: InterfaceState[] = [];

  constructor() {
    super();
    this.interface = "TIS";
    this.locality = 0;
    this.announce = this.free = false;
    this.states = new Array(LOCALITIES).fill("idle");
    this.moves = [];
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#endLooking = pagePace.keepLooking({
      inSight: () => {
        this.#watch(this.active ? this.handle : undefined);
        return this.#watched !== undefined;
      },
      free: () => this.free,
      changed: () => this.#look(),
      draw: () => {
        this.states = this.#known;
        this.moves = this.#news;
      },
    });
  }

  override disconnectedCallback(): void {
    this.#endLooking?.();
    this.#watch(undefined);
    super.disconnectedCallback();
  }

  #watch(handle: TpmHandle | undefined): void {
    if (handle === this.#watched) return;
    this.#end?.();
    this.#watched = handle;
    this.#news = this.moves = [];
    this.#end = handle?.on("move", (news) => this.#moved(news));
  }

  /** As of the moves that are known; they come a little late, and picture and words are to agree. */
  #stateOf(handle: TpmHandle, locality: number): InterfaceState {
    const recent = performance.now() - this.#newsAt < RECENT_MS;
    const last = recent ? this.#news.find(({ trace }) => trace.locality === locality) : undefined;
    return last?.trace.to ?? handle.state(locality);
  }

  #moved({ time, move: trace }: InterfaceNews): void {
    this.#newsAt = performance.now();
    if (trace.kind === "reset") this.#news = [];
    else if (trace.kind === "state") this.#news = [{ time, trace }, ...this.#news].slice(0, MOST_MOVES);
  }

  /** Takes down where the localities are. @returns whether the picture shows something else. */
  #look(): boolean {
    const handle = this.#watched;
    if (!handle) return false;
    this.#known = Array.from({ length: LOCALITIES }, (_, locality) => this.#stateOf(handle, locality));
    return this.#news !== this.moves || this.#known.some((state, i) => state !== this.states[i]);
  }

  override render() {
    const last = this.moves.find(({ trace }) => trace.locality === this.locality);
    const state = this.states[this.locality]!;
    const text = last
      ? moveText(last.trace, this.#through)
      : `Locality ${this.locality} is ${stateWords(state)}.`;
    return html`<figure class="states">
      <svg viewBox="0 0 660 226" role="img" aria-label="State machine. Locality ${this.locality} is ${stateWords(state)}.">
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0 L8 4 L0 8 z" fill="context-stroke"></path></marker>
        </defs>
        ${EDGES[this.interface].map((edge) => this.#edge(edge, last?.trace))}
        ${STATES.map((name) => this.#box(name))}
      </svg>
      <figcaption>
        <p role=${this.announce ? "status" : "note"}>${text}</p>
        <details><summary>${movesWords(this.moves.length)}</summary>
          <ol class="moves">${this.moves.map(({ time, trace }) => html`<li><span class="muted mono">${(time / 1000).toFixed(4)} s</span> ${moveText(trace, this.#through)}</li>`)}</ol></details>
      </figcaption>
    </figure>`;
  }

  get #through() {
    return INTERFACES[this.interface];
  }

  #edge({ from, to, path, label }: Edge, last: StateTrace | undefined) {
    const taken = last?.from === from && last.to === to;
    return svg`<g class="edge ${label ? "" : "rare"} ${taken ? "taken" : ""}">
      <path d=${path} fill="none" marker-end="url(#arrow)"></path>
      ${label ? svg`<text x=${label[1]} y=${label[2]} text-anchor="middle">${label[0]}</text>` : nothing}</g>`;
  }

  #box(name: InterfaceState) {
    const [x, y] = BOXES[name];
    const here = this.states.flatMap((state, locality) => (state === name ? [locality] : []));
    // Those that do nothing are in everybody's way.
    const shown = name === "idle" ? here.filter((locality) => locality === this.locality) : here;
    return svg`<g class="state ${here.includes(this.locality) ? "current" : ""}">
      <rect x=${x} y=${y} width=${BOX_WIDTH} height=${BOX_HEIGHT} rx="8"></rect>
      <text x=${x + BOX_WIDTH / 2} y=${y + BOX_HEIGHT / 2 + 5} text-anchor="middle">${name}</text>
      ${shown.map(
        (locality, i) => svg`<g class="who"><circle cx=${x + BOX_WIDTH - 4 - i * 20} cy=${y} r="10"></circle>
          <text x=${x + BOX_WIDTH - 4 - i * 20} y=${y + 4} text-anchor="middle">${locality}</text></g>`,
      )}</g>`;
  }
}

/** There from the first: what stands below must not move when the first move is told, under somebody's pointer. */
function movesWords(count: number): string {
  if (count === 0) return "No move yet";
  return count === 1 ? "The last move" : `The last ${count} moves`;
}

function stateWords(state: InterfaceState): string {
  const words: Record<InterfaceState, string> = {
    idle: "idle",
    ready: "ready for a command",
    reception: "putting a command in",
    execution: "waiting for the TPM to answer",
    completion: "taking the response",
  };
  return words[state];
}

customElements.define("interface-states", InterfaceStates);
