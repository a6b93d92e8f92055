/** The chain of one PCR, link by link: what was extended, by whom, in which phase, and what explains it. */
import { html, nothing } from "lit";
import { equalBytes, toHex } from "../../../protocol/bytes/hex.ts";
import { extend } from "../../../protocol/eventlog/hash.ts";
import { initialPcr } from "../../../protocol/eventlog/replay.ts";
import { algorithmId } from "../../../protocol/tpm2/algorithms.ts";
import {
  chainOf,
  digestIn,
  entryOf,
  type SeenExtend,
  seenExtends,
  whatWas,
  whoMade,
} from "../../model/chains.ts";
import type { PageState, PaneId, ViewActions } from "../../model/model.ts";
import { phaseAt, phasesOf } from "../timeline/phases.ts";

export function chainView(state: Readonly<PageState>, bank: string, pcr: number, actions: ViewActions) {
  const chain = chainOf(state, pcr);
  const value = state.pcrs.find(({ algorithm }) => algorithm === bank)?.values[pcr];
  if (!chain.length) {
    return html`<p class="chain-none">No extend of PCR ${pcr} was seen in this boot: it holds what it held after power-on.</p>`;
  }
  const id = algorithmId(bank);
  const size = value?.length ?? 0;
  const start = initialPcr(pcr, size);
  const steps = stepsOf(chain, id, start);
  const end = steps.at(-1)?.after ?? start;
  const phases = state.tape ? phasesOf(state.tape, seenExtends(state), Number.POSITIVE_INFINITY) : [];
  return html`<ol class="chain">
      <li class="chain-start"><code>${brief(start)}</code> <span class="muted">after power-on</span></li>
      ${steps.map(({ one, digest, after }) => link(one, digest, after, phaseAt(phases, one.change.record.startedAt), state, actions))}
    </ol>
    <p class="chain-end">${
      value && equalBytes(end, value)
        ? html`✓ ${chain.length === 1 ? "This link gives" : `These ${chain.length} links give`} the value that the TPM holds.`
        : html`<span class="is-error">This does not give the value that the TPM holds: something was extended that was not seen here, or the PCRs are about to be read again.</span>`
    }</p>`;
}

interface Step {
  one: SeenExtend;
  digest: Uint8Array | undefined;
  after: Uint8Array;
}

function stepsOf(chain: readonly SeenExtend[], algorithm: number | undefined, start: Uint8Array): Step[] {
  let value = start;
  return chain.map((one) => {
    const digest = digestIn(one, algorithm);
    if (one.change.kind === "reset") value = new Uint8Array(start.length);
    else if (digest && algorithm !== undefined) value = extend(algorithm, value, digest) ?? value;
    return { one, digest, after: value };
  });
}

function link(
  one: SeenExtend,
  digest: Uint8Array | undefined,
  after: Uint8Array,
  phase: string | undefined,
  state: Readonly<PageState>,
  actions: ViewActions,
) {
  const { id } = one.change.record;
  const { event } = one;
  const entry = entryOf(state, one);
  const chosen = id === state.command;
  const go = (pane: PaneId) => {
    actions.select({ command: id });
    actions.showPane(pane);
  };
  return html`<li class=${chosen ? "is-chosen" : ""} aria-current=${chosen ? "true" : nothing} data-maker=${one.maker}>
    <strong>${whatWas(one)}</strong>
    <span class="muted">by ${whoMade(one)}${phase ? html`, in phase <em>${phase}</em>` : nothing}</span>
    ${digest ? html`<span class="chain-math"><span class="muted">extended</span> <code title=${toHex(digest)}>${brief(digest)}</code> <span class="muted">→</span> <code title=${toHex(after)}>${brief(after)}</code></span>` : nothing}
    <span class="chain-links"><button class="link" type="button" @click=${() => go("commands")}>command ${id}</button>
      ${event ? html`<button class="link" type="button" @click=${() => go("eventlog")}>event ${event.index} of the log</button>` : nothing}
      ${entry !== undefined ? html`<button class="link" type="button" @click=${() => go("eventlog")}>entry ${entry} of Linux’s list</button>` : nothing}
      ${state.recorder.commands.byId(id) ? html`<button class="link" type="button" @click=${() => go("trace")}>its accesses</button>` : nothing}
      <button class="link" type="button" @click=${() => go("timeline")}>on the timeline</button></span>
  </li>`;
}

const brief = (bytes: Uint8Array) => {
  const hex = toHex(bytes);
  return hex.length > 20 ? `${hex.slice(0, 12)}…${hex.slice(-6)}` : hex;
};
