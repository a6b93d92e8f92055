/** Disks of the machine that is selected: what they take, out to files, and back to what they were. */
import { html, nothing } from "lit";
import type { MachineRecord } from "../../../session/vault/types.ts";
import type { DiskFormat, KeptDisk } from "../../model/machines.ts";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { ask } from "./ask.ts";
import { sizeText } from "./text.ts";

const FORMATS: readonly [DiskFormat, string][] = [
  ["raw", "Export (raw)"],
  ["qcow2", "Export (qcow2)"],
  ["changes", "Export what was written"],
];

export class KeptDisks extends PageElement {
  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.kept, state.machine.phase];
  }

  override render() {
    const { kept } = this.state;
    const selected = kept.list?.find(({ id }) => id === kept.selected);
    if (!selected) return nothing;
    return html`<h3>Disks of “${selected.name}”</h3>
      <p class="muted small">What the guest writes to a disk is kept beside it; the image that you chose stays as it
        is. What the guest was told is on its disk survives a crash.</p>
      ${
        kept.disks.length
          ? html`<table class="machines-table">
        <thead><tr><th>Disk</th><th class="number">Size</th><th class="number">Written</th>
          <th class="number">Takes</th><th><span class="visually-hidden">Actions</span></th></tr></thead>
        <tbody>${kept.disks.map((disk) => this.#disk(selected, disk))}</tbody></table>`
          : html`<p class="muted">It has none yet. Choose one, or a new one, where the machine is set up.</p>`
      }`;
  }

  #disk({ id }: MachineRecord, { head, written, stored, here }: KeptDisk) {
    const work = !!this.state.kept.work;
    return html`<tr data-disk=${head.name}>
      <td>${head.name} ${here ? html`<span class="badge">in use</span>` : nothing}</td>
      <td class="number">${sizeText(head.size)}</td>
      <td class="number">${written === undefined ? "" : sizeText(written)}</td>
      <td class="number">${sizeText(stored)}</td>
      <td class="machines-actions">${
        here
          ? FORMATS.map(
              ([format, text]) => html`<button class="button" type="button" ?disabled=${work}
              @click=${() => this.actions.machines.exportDisk(format)}>${text}</button>`,
            )
          : html`<label class="button">Import what was written…<input class="visually-hidden" type="file"
                accept=".qcow2" aria-label="Import what was written to ${head.name}" ?disabled=${work}
                @change=${(event: Event) => this.#import(id, head, event)}></label>
              <button class="button" type="button" ?disabled=${work}
              @click=${() => this.#forget(id, head)}>Forget what was written…</button>`
      }</td>
    </tr>`;
  }

  #import(machineId: string, head: KeptDisk["head"], event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    input.value = "";
    if (file) this.actions.machines.importWritten(machineId, head, file);
  }

  async #forget(machineId: string, head: KeptDisk["head"]): Promise<void> {
    const answer = await ask({
      title: `Forget what was written to “${head.name}”?`,
      text: "The disk becomes what it was when it was chosen first. What the TPM has sealed for the system on it may be of no use then.",
      confirm: "Forget for good",
      danger: true,
    });
    if (answer) this.actions.machines.forgetWritten(machineId, head);
  }
}

customElements.define("kept-disks", KeptDisks);
