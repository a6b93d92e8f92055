/** Two boots beside each other, event by event: what is the same, what changed, and why. */
import { html, nothing } from "lit";
import { toHex } from "../../../protocol/bytes/hex.ts";
import {
  describeEvent,
  type EventLog,
  type LogDifference,
  type LogEvent,
} from "../../../protocol/eventlog/index.ts";
import type { PreviousBoot } from "../../model/model.ts";

const SIGNS: Record<LogDifference["kind"], string> = { same: "=", changed: "≠", added: "+", removed: "−" };
const WORDS: Record<LogDifference["kind"], string> = {
  same: "the same",
  changed: "changed",
  added: "only in this boot",
  removed: "only in the boot before",
};

export function sideBySide(
  differences: readonly LogDifference[],
  previous: PreviousBoot,
  log: EventLog,
  bank: string,
  select: (index: number) => void,
) {
  const before = new Date(previous.endedAt).toLocaleTimeString();
  return html`<table class="two-boots">
    <caption class="visually-hidden">The events of two boots</caption>
    <thead><tr><th scope="col">PCR</th><th scope="col">the boot before (until ${before})</th>
      <th scope="col"><span class="visually-hidden">compared</span></th><th scope="col">this boot</th></tr></thead>
    <tbody>${differences.map(
      ({ kind, a, b, reason }) => html`<tr data-kind=${kind}>
        <th scope="row">${(b ?? a)?.pcr}</th>
        <td>${cell(a, previous.log, bank, kind)}</td>
        <td class="two-boots-sign" title=${WORDS[kind]}>${SIGNS[kind]}<span class="visually-hidden"> ${WORDS[kind]}</span></td>
        <td>${cell(b, log, bank, kind)}${
          b && kind !== "same"
            ? html`<button class="link" type="button" @click=${() => select(b.index)}>event ${b.index}</button>`
            : nothing
        }${kind === "same" ? nothing : html`<p class="two-boots-why">${reason}</p>`}</td></tr>`,
    )}</tbody></table>`;
}

function cell(event: LogEvent | undefined, log: EventLog, bank: string, kind: LogDifference["kind"]) {
  if (!event) return html`<span class="muted">not there</span>`;
  const { name, text } = describeEvent(event, log);
  const id = log.algorithms.find((algorithm) => algorithm.name === bank)?.id;
  const digest = event.digests.find(({ algorithm }) => algorithm === id)?.digest;
  return html`<span class="event-text">${text || name}</span>
    ${kind !== "same" && digest ? html`<code class="small" title=${toHex(digest)}>${toHex(digest).slice(0, 16)}…</code>` : nothing}`;
}
