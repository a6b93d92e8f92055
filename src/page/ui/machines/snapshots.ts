/** Snapshots of the machine that is selected: taken, put back, deleted. */
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { MachineRecord, SnapshotReason, SnapshotRecord } from "../../../session/vault/types.ts";
import type { AutoSnapshot } from "../../model/machines.ts";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { ask } from "./ask.ts";
import { ageText, sizeText, timeText } from "./text.ts";

const REASONS: Record<SnapshotReason, string> = {
  hand: "",
  timer: "by the clock",
  hidden: "when the page was left",
};
const AUTO: readonly [AutoSnapshot, string][] = [
  ["off", "only when asked to"],
  ["timer", "every five minutes"],
  ["hidden", "when the page is left"],
];

export class KeptSnapshots extends PageElement {
  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.kept, state.machine.phase];
  }

  override render() {
    const { kept, machine } = this.state;
    const selected = kept.list?.find(({ id }) => id === kept.selected);
    if (!selected) return nothing;
    const here = selected.id === kept.running && (machine.phase === "running" || machine.phase === "paused");
    return html`<h3>Snapshots of “${selected.name}”</h3>
      <p class="muted small">The whole machine at one point: memory, devices, and the running TPM with its PCRs and sessions.</p>
      ${this.#list(selected, kept.snapshots)}
      <div class="machines-row">
        <button class="button" type="button" ?disabled=${!here || !!kept.work} @click=${this.#take}>Take a snapshot…</button>
        <label>Taken <select @change=${(event: Event) => this.actions.machines.setAuto((event.target as HTMLSelectElement).value as AutoSnapshot)}>
          ${AUTO.map(([auto, text]) => html`<option value=${auto} ?selected=${auto === kept.auto}>${text}</option>`)}
        </select></label>
      </div>`;
  }

  #list(machine: MachineRecord, snapshots: readonly SnapshotRecord[]) {
    if (!snapshots.length) return html`<p class="muted">None was taken yet.</p>`;
    return html`<table class="machines-table">
      <thead><tr><th>Name</th><th>Taken</th><th class="number">Size</th>
        <th><span class="visually-hidden">Actions</span></th></tr></thead>
      <tbody>${repeat(
        snapshots,
        ({ id }) => id,
        (snapshot) => this.#snapshot(machine, snapshot),
      )}</tbody>
    </table>`;
  }

  #snapshot(machine: MachineRecord, snapshot: SnapshotRecord) {
    const { id, name, time, storedSize, reason } = snapshot;
    return html`<tr data-snapshot=${name}>
      <td>${name} <span class="muted small">${REASONS[reason]}</span></td>
      <td>${timeText(time)}</td>
      <td class="number">${sizeText(storedSize)}</td>
      <td class="machines-actions">
        <button class="button" type="button" aria-label="Go back to ${name}"
          @click=${() => this.#rollBack(machine, snapshot)}>Go back…</button>
        <button class="button" type="button" aria-label="Delete the snapshot ${name}"
          @click=${() => this.#remove(machine.id, id, name)}>Delete…</button>
      </td>
    </tr>`;
  }

  async #take(): Promise<void> {
    const answer = await ask({
      title: "Take a snapshot",
      text: "The machine stands still for a moment, and goes on while the snapshot is saved.",
      fields: [{ name: "name", label: "Name", value: timeText(Date.now()), required: true }],
      confirm: "Take it",
    });
    if (answer) this.actions.machines.takeSnapshot(answer.name ?? "");
  }

  async #rollBack(machine: MachineRecord, { id, name, time }: SnapshotRecord): Promise<void> {
    const answer = await ask({
      title: `Go back to “${name}”?`,
      text: `The machine and its TPM become what they were ${ageText(time, Date.now())} (${timeText(time)}). NV counters go back too, and keys and data that the TPM got since then are gone: a real TPM never does that, and whoever relies on its counters only going up is deceived.`,
      confirm: "Go back",
      danger: true,
    });
    if (answer) this.actions.machines.rollBack(machine.id, id);
  }

  async #remove(machineId: string, id: string, name: string): Promise<void> {
    const answer = await ask({ title: `Delete the snapshot “${name}”?`, confirm: "Delete", danger: true });
    if (answer) this.actions.machines.removeSnapshot(machineId, id);
  }
}

customElements.define("kept-snapshots", KeptSnapshots);
