/** The variables of the PC's UEFI firmware: Secure Boot's keys and mode, and each variable with its content. */
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import "./variables.css";
import { revoked, secureBootMode } from "../../../protocol/uefi/secure-boot.ts";
import { keyOf, type UefiVariable } from "../../../protocol/uefi/variable-store.ts";
import type { BootSettings, PageState } from "../../model/model.ts";
import {
  attributesText,
  contentText,
  meaning,
  SECURE_BOOT_WORDS,
  type VariablesView,
  vendorText,
} from "../../model/uefi.ts";
import { ask } from "../machines/ask.ts";
import { PageElement } from "../parts/element.ts";
import { hexdump } from "../parts/hexdump.ts";

const FROM: Record<VariablesView["from"], string> = {
  machine: "as they stand in the flash of the machine that runs",
  kept: "as they are kept of the machine that boots next",
  factory: "as they leave the factory: this machine has not booted with UEFI yet",
};

const UNREAD: Record<VariablesView["from"], string> = {
  machine:
    "The flash of the machine that runs holds no variables that can be read: its guest has overwritten them, or its firmware is writing them anew.",
  kept: "What is kept of the machine that boots next holds no variables that can be read.",
  factory: "The factory’s variables cannot be read.",
};

/** A disk that is no address. */
const OTHER = "other";

const SIGNATURES: readonly [BootSettings["signature"], string][] = [
  ["none", "not signed"],
  ["signed", "signed by this server’s key"],
  ["tampered", "signed, and then one bit was changed"],
];

class UefiVariables extends PageElement {
  static override properties = { ...PageElement.properties, open: { state: true } };
  /** The variables that are folded out. */
  declare open: ReadonlySet<string>;

  constructor() {
    super();
    this.open = new Set();
  }

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [
      state.variables,
      state.machine.phase,
      state.settings.signature,
      state.settings.images,
      state.settings.firmware,
      state.images,
      state.kept.chosen,
    ];
  }

  protected override updated(changed: Map<string, unknown>): void {
    if (this.active && (changed.has("active") || !this.state.variables)) this.actions.variables.refresh();
  }

  override render() {
    const { variables, images, settings } = this.state;
    if (!images?.uefi && !variables)
      return html`<div class="empty"><strong>UEFI’s variables</strong> This server has no UEFI firmware yet.</div>`;
    return html`<div class="uefi scroll" tabindex="0" role="region" aria-label="UEFI">
      ${
        settings.firmware === "uefi"
          ? nothing
          : html`<p class="uefi-note">This PC is set to a BIOS, which has no such variables.
            <button class="button" type="button" @click=${() => this.actions.change({ firmware: "uefi" })}>Set it to UEFI</button></p>`
      }
      ${variables ? this.#variables(variables) : html`<p class="muted">Reading…</p>`}
    </div>`;
  }

  #variables({ list, from, problem }: VariablesView) {
    const shown = list
      ? html`${this.#secureBoot(list)}${this.#list(list, from)}`
      : html`<h2>Variables</h2>
          <p>${UNREAD[from]}</p>
          ${problem === undefined ? nothing : html`<p class="small muted">${problem}</p>`}`;
    return html`${shown}
      <div class="uefi-row"><button class="button" type="button" ?disabled=${from === "factory"}
        @click=${this.#factory}>Back to the factory’s…</button></div>`;
  }

  #secureBoot(list: readonly UefiVariable[]) {
    const mode = secureBootMode(list);
    const { phase } = this.state.machine;
    const busy = phase === "loading";
    const runs = phase === "running" || phase === "paused";
    const { variables } = this.actions;
    return html`<h2>Secure Boot</h2>
      <p data-secure-boot=${mode}>${SECURE_BOOT_WORDS[mode]}</p>
      <p class="small muted">Keys are changed while the machine is off, as by its owner in front of the setup
        screen${runs ? ": it is switched off for that, and boots again" : ""}. PCR 7 tells of keys and mode, and of the key
        that let the kernel start. This PC has no protected mode (SMM): an operating system that runs with all rights could
        write the flash behind the firmware’s back, which a real PC keeps it from.</p>
      <div class="uefi-row">
        <button class="button" type="button" ?disabled=${busy} @click=${() => variables.enroll()}>Put this server’s keys in</button>
        <button class="button" type="button" ?disabled=${busy} @click=${() => variables.enrollVendor()}>Put Microsoft’s keys in</button>
        <button class="button" type="button" ?disabled=${busy || mode === "setup"} @click=${() => variables.clear()}>Take all keys out</button>
        <button class="button" type="button" ?disabled=${busy || mode === "setup"}
          @click=${() => variables.switchSecureBoot(mode === "off")}>Switch it ${mode === "off" ? "on" : "off"}</button>
        <button class="button" type="button" ?disabled=${busy || mode === "setup"} @click=${() => variables.revoke()}>Revoke this server’s kernel</button>
      </div>
      ${revoked(list).length ? html`<p class="small">Revoked images: ${revoked(list).length}.</p>` : nothing}
      <p class="small muted">This server’s keys have signed its own kernel, and systemd-boot with its unified kernel image.
        Microsoft’s, with a platform key of Debian’s, are what a PC from a shop has: they let shim start, which lets
        Debian’s GRUB and kernel start.</p>
      ${this.#disk()}
      <div class="uefi-row"><label for="uefi-signature">A kernel that is started directly is</label>
        <select id="uefi-signature" ?disabled=${this.state.settings.images.hda !== undefined} @change=${(
          event: Event,
        ) =>
          this.actions.change({
            signature: (event.target as HTMLSelectElement).value as BootSettings["signature"],
          })}>${SIGNATURES.map(
          ([value, text]) =>
            html`<option value=${value} ?selected=${value === this.state.settings.signature}>${text}</option>`,
        )}</select>
        <button class="button primary" type="button" ?disabled=${busy} @click=${() => this.actions.boot()}>Boot</button></div>`;
  }

  /** What the firmware starts: a kernel, or what it finds on a disk. */
  #disk() {
    const { images, settings } = this.state;
    const disks = images?.bootDisks;
    if (!disks) return nothing;
    const { hda } = settings.images;
    const chosen = hda?.kind === "url" ? hda.url : hda && OTHER;
    const choices: [value: string, text: string][] = [
      ["", "this server’s kernel, directly"],
      [disks.grub, "a disk with shim, GRUB and Debian’s kernel"],
      [disks.systemd, "a disk with systemd-boot and a unified kernel image"],
    ];
    if (chosen && !choices.some(([value]) => value === chosen))
      choices.push([chosen, "the disk that was chosen"]);
    return html`<div class="uefi-row"><label for="uefi-disk">The firmware starts</label>
      <select id="uefi-disk" @change=${(event: Event) => this.#startFrom((event.target as HTMLSelectElement).value)}>
        ${choices.map(([value, text]) => html`<option value=${value} ?selected=${value === (chosen ?? "")}>${text}</option>`)}
      </select></div>`;
  }

  #startFrom(url: string): void {
    const { hda, ...rest } = this.state.settings.images;
    if (url === OTHER) return;
    this.actions.change(
      url ? { kernel: "auto", images: { ...rest, hda: { kind: "url", url } } } : { images: rest },
    );
  }

  #list(list: readonly UefiVariable[], from: VariablesView["from"]) {
    const sorted = list.toSorted((a, b) => a.name.localeCompare(b.name));
    return html`<h2>Variables</h2>
      <p class="small muted">${list.length}, ${FROM[from]}.</p>
      <ul class="uefi-list">${repeat(sorted, keyOf, (variable) => this.#variable(variable))}</ul>`;
  }

  #variable(variable: UefiVariable) {
    const key = keyOf(variable);
    const { name, data } = variable;
    return html`<li><details ?open=${this.open.has(key)} @toggle=${(event: Event) => this.#fold(key, event)}>
      <summary><span class="mono uefi-name">${name}</span> <span class="muted small">${meaning(variable) ?? ""}</span>
        <span class="uefi-content">${contentText(variable) ?? `${data.length} bytes`}</span></summary>
      ${
        this.open.has(key)
          ? html`<p class="small">Of ${vendorText(variable)}; ${attributesText(variable)}.
              <button class="button quiet" type="button" @click=${() => this.#remove(variable)}>Delete…</button></p>
              ${hexdump(data)}`
          : nothing
      }
    </details></li>`;
  }

  #fold(key: string, event: Event): void {
    const open = new Set(this.open);
    if ((event.target as HTMLDetailsElement).open) open.add(key);
    else open.delete(key);
    this.open = open;
  }

  async #remove(variable: UefiVariable): Promise<void> {
    const answer = await ask({
      title: `Delete the variable ${variable.name}?`,
      text: "The firmware makes its own ones anew at the next boot. A machine that runs is switched off for it, and boots again.",
      confirm: "Delete",
      fields: [],
      danger: true,
    });
    if (answer) this.actions.variables.remove(variable);
  }

  async #factory(): Promise<void> {
    const answer = await ask({
      title: "All variables back to the factory’s?",
      text: "Keys, boot options and whatever the operating system has put there go. The TPM stays as it is. A machine that runs is switched off for it, and boots again.",
      confirm: "Reset the variables",
      fields: [],
      danger: true,
    });
    if (answer) this.actions.variables.factory();
  }
}

customElements.define("uefi-variables", UefiVariables);
