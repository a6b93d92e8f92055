/** The machines that are kept in this browser: their TPMs, sizes and snapshots; out to a file and in again. */
import { html, nothing, type PropertyValues } from "lit";
import { repeat } from "lit/directives/repeat.js";
import "./machines.css";
import "./disks.ts";
import "./snapshots.ts";
import { isSealed } from "../../../session/vault/is-sealed.ts";
import type { MachineRecord } from "../../../session/vault/types.ts";
import { machineName } from "../../model/machine-name.ts";
import type { KeptMachines } from "../../model/machines.ts";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { ask } from "./ask.ts";
import { sizeText, timeText } from "./text.ts";

export class MachineList extends PageElement {
  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.kept, state.machine.phase, state.settings.tpm];
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("active") && this.active) this.actions.machines.refresh();
  }

  override render() {
    const { kept } = this.state;
    return html`<div class="machines scroll">
      <h2>Machines</h2>
      <p class="muted">A machine keeps its TPM in this browser: keys, NV memory and counters are there again after a
        reload, a crash, or a switched-off computer. What the guest was told is saved is saved.</p>
      ${this.#work(kept)}
      ${this.#list(kept)}
      ${this.#actions(kept)}
      ${kept.unreadable.map((text) => html`<p class="machines-bad">${text}</p>`)}
      <div class="machines-row">
        <button class="button" type="button" @click=${this.#make}>New machine…</button>
        <label class="button">Import…<input class="visually-hidden" type="file" aria-label="Import a machine from a file"
          @change=${this.#import}></label>
      </div>
      <kept-disks .store=${this.store} .actions=${this.actions} ?active=${this.active}></kept-disks>
      <kept-snapshots .store=${this.store} .actions=${this.actions} ?active=${this.active}></kept-snapshots>
      ${this.#storage(kept)}
    </div>`;
  }

  #work({ work }: KeptMachines) {
    if (!work) return nothing;
    const { what, step, progress, cancel } = work;
    return html`<div class="machines-work"><label><span role="status">${what}: ${step}</span>
      <progress max="1" value=${progress ?? nothing}></progress></label>
      ${cancel ? html`<button class="button" type="button" @click=${cancel}>Cancel</button>` : nothing}</div>`;
  }

  #list(kept: KeptMachines) {
    if (kept.unavailable !== undefined) return html`<p class="machines-bad">${kept.unavailable}</p>`;
    if (!kept.list) return html`<p class="muted">Reading…</p>`;
    if (!kept.list.length) {
      return html`<p class="empty"><strong>No machine is kept yet.</strong> The first boot makes “${machineName(this.state)}”.</p>`;
    }
    return html`<table class="machines-table">
      <thead><tr><th>Name</th><th>TPM</th><th>Changed</th><th class="number">TPM's state</th>
        <th class="number">Snapshots</th></tr></thead>
      <tbody>${repeat(
        kept.list,
        ({ id }) => id,
        (machine) => this.#machine(machine, kept),
      )}</tbody>
    </table>`;
  }

  #machine(machine: MachineRecord, kept: KeptMachines) {
    const { id, name, tpmVersion, changed, created, tpmSize, snapshotSize } = machine;
    const running = id === kept.running;
    return html`<tr data-selected=${id === kept.selected} data-machine=${name}>
      <td><button class="button quiet" type="button" aria-pressed=${id === kept.selected}
        @click=${() => this.actions.machines.select(id)}>${name}</button>
        ${running ? html`<span class="badge">runs here</span>` : !kept.throwAway && name === machineName(this.state) ? html`<span class="badge">boots next</span>` : nothing}</td>
      <td>${tpmVersion}</td>
      <td title="made ${timeText(created)}">${timeText(changed)}</td>
      <td class="number">${tpmSize ? sizeText(tpmSize) : "none yet"}</td>
      <td class="number">${snapshotSize ? sizeText(snapshotSize) : "none"}</td>
    </tr>`;
  }

  /** For the machine that is selected. */
  #actions({ list, selected, running }: KeptMachines) {
    const machine = list?.find(({ id }) => id === selected);
    if (!machine) return nothing;
    const { id, name } = machine;
    const here = id === running;
    return html`<div class="machines-row" role="group" aria-label="With ${name}">
      <button class="button" type="button" ?disabled=${here} @click=${() => this.actions.machines.use(id)}>Boot</button>
      <button class="button" type="button" @click=${() => this.#rename(machine)}>Rename…</button>
      <button class="button" type="button" @click=${() => this.#copy(machine)}>Copy…</button>
      <button class="button" type="button" @click=${() => this.#export(machine)}>Export…</button>
      <button class="button" type="button" ?disabled=${here} @click=${() => this.#remove(machine)}>Delete…</button>
    </div>`;
  }

  #storage({ estimate }: KeptMachines) {
    if (!estimate) return nothing;
    const { usage, quota, persisted } = estimate;
    return html`<h3>Room</h3>
      <p class="muted" data-room>This page takes ${sizeText(usage)}; the browser leaves it ${sizeText(Math.max(0, quota - usage))}.
        ${
          persisted
            ? "The browser keeps it until you clear it."
            : html`The browser may clear it when the disk gets full.
              <button class="button quiet" type="button" @click=${() => this.actions.machines.persist()}>Keep it for good</button>`
        }</p>`;
  }

  async #make(): Promise<void> {
    const answer = await ask({
      title: "A new machine",
      text: "It gets a TPM of its own, with keys that no other has, at its first boot.",
      fields: [
        { name: "name", label: "Name", required: true },
        { name: "version", label: "TPM", choices: ["2.0", "1.2"] },
      ],
      confirm: "Make",
    });
    if (answer) this.actions.machines.make(answer.name ?? "", answer.version === "1.2" ? "1.2" : "2.0");
  }

  async #rename({ id, name }: MachineRecord): Promise<void> {
    const answer = await ask({
      title: `Rename “${name}”`,
      fields: [{ name: "name", label: "Name", value: name, required: true }],
      confirm: "Rename",
    });
    if (answer) this.actions.machines.renameMachine(id, answer.name ?? "");
  }

  async #copy({ id, name }: MachineRecord): Promise<void> {
    const answer = await ask({
      title: `Copy “${name}”`,
      text: "The copy has the same TPM: the same seeds, keys and counters. From then on, each goes its own way.",
      fields: [{ name: "name", label: "Name of the copy", value: `${name} copy`, required: true }],
      confirm: "Copy",
    });
    if (answer) this.actions.machines.copyMachine(id, answer.name ?? "");
  }

  async #export({ id, name }: MachineRecord): Promise<void> {
    const answer = await ask({
      title: `Export “${name}”`,
      text: "The file is a zip with the TPM's state, also as native swtpm keeps it, and all snapshots. Whoever has it has the TPM's keys, unless a passphrase protects it.",
      fields: [{ name: "passphrase", label: "Passphrase (may be empty)", type: "password" }],
      confirm: "Export",
    });
    if (answer) this.actions.machines.exportFile(id, answer.passphrase ?? "");
  }

  async #import(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    // A file that cannot be read is told of by whoever reads the whole of it.
    const sealed = await isSealed(file).catch(() => false);
    const answer = sealed
      ? await ask({
          title: `Import “${file.name}”`,
          fields: [{ name: "passphrase", label: "Passphrase", type: "password", required: true }],
          confirm: "Import",
        })
      : {};
    if (answer) this.actions.machines.importFile(file, answer.passphrase ?? "");
  }

  async #remove({ id, name }: MachineRecord): Promise<void> {
    const answer = await ask({
      title: `Delete “${name}”?`,
      text: "Its TPM goes with it, and so does everything that only its keys can open. There is no way back but an export.",
      confirm: "Delete for good",
      danger: true,
    });
    if (answer) this.actions.machines.removeMachine(id);
  }
}

customElements.define("machine-list", MachineList);
