/** The start screen, and later the place to start the machine anew with other settings. */
import { html, nothing } from "lit";
import "../parts/copy.ts";
import "../presence/presence.ts";
import "./setup.css";
import { INTERFACES, type InterfaceName, whyNotInterface } from "../../../device/interfaces/interfaces.ts";
import { whyNotUefi } from "../../model/firmware.ts";
import { chosenGuest, gallery } from "../../model/gallery.ts";
import {
  bootPlan,
  emptyDisk,
  emptyDiskText,
  IMAGE_SLOTS,
  imageName,
  type SlotInfo,
  slotFor,
} from "../../model/image-slots.ts";
import type { BootSettings, ImageChoice, ImageSlot, PageState } from "../../model/model.ts";
import { PREPARED_DIFFERENCES, whyNotPrepared } from "../../model/prepared.ts";
import { goToPane } from "../lessons/go.ts";
import { ask } from "../machines/ask.ts";
import { PageElement } from "../parts/element.ts";
import { ICONS } from "../shell/icons.ts";

const MEMORY = [128, 256, 512, 1024];
const DISK_SIZES = ["1 GiB", "2 GiB", "4 GiB", "8 GiB", "16 GiB", "32 GiB"];
const BACKENDS: readonly [BootSettings["backend"], string][] = [
  ["auto", "behind the bridge if one answers, else in this page"],
  ["bridge", "behind the bridge: a native process"],
  ["hidden", "in this page: in a hidden second machine"],
];
const INTERRUPTS: readonly ["poll" | "interrupt", string][] = [
  ["poll", "asked for again and again (polling)"],
  ["interrupt", "told of by an interrupt (IRQ 5)"],
];
const PLACEMENTS: readonly [BootSettings["placement"], string][] = [
  ["auto", "in a worker of its own where the browser allows it"],
  ["local", "on the page's own thread"],
];

export class MachineSetup extends PageElement {
  static override properties = { ...PageElement.properties, dropping: { state: true } };
  declare dropping: boolean;

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.settings, state.images, state.machine, state.offline];
  }

  override render() {
    const { settings, machine } = this.state;
    return html`<div class="setup scroll" data-dropping=${this.dropping ?? false}
      @dragover=${this.#dragOver} @dragleave=${() => (this.dropping = false)} @drop=${this.#drop}>
      ${this.#intro()}
      <div class="setup-start">
        <fieldset class="segments"><legend class="visually-hidden">TPM version</legend>
          ${(["2.0", "1.2"] as const).map(
            (tpm) =>
              html`<label><input type="radio" name="tpm" .checked=${settings.tpm === tpm}
              @change=${() => this.actions.change({ tpm })}>TPM ${tpm}</label>`,
          )}
        </fieldset>
        ${this.#firmware(settings)}
        ${this.#start()}
      </div>
      ${this.#whyNotUefi(settings)}
      ${this.#startChoice(settings)}
      ${this.#gallery(settings)}
      ${machine.phase === "loading" ? this.#progress() : nothing}
      ${
        this.#first
          ? html`<p>New to TPMs? <button class="button" type="button" @click=${() => goToPane(this.actions, "lessons")}>Begin with the lessons</button></p>`
          : nothing
      }
      <details class="setup-more" ?open=${this.#changed}>
        <summary>Kernel, command line, memory, your own images</summary>
        ${this.#form(settings)}
      </details>
      <physical-presence .store=${this.store} .actions=${this.actions} .active=${this.active}></physical-presence>
      ${this.#first ? howItGoes() : nothing}
      <p class="small muted">${this.state.images?.guest}</p>
      ${this.#offline()}
    </div>`;
  }

  /** Nothing has booted yet. */
  get #first(): boolean {
    return this.state.machine.boots === 0;
  }

  #intro() {
    if (this.#first) {
      return html`<h2>Watch a PC measure its own boot</h2>
        <p class="lead">Press the button. The firmware measures each step into the TPM, Linux starts, and a shell opens;
          type <code>${this.state.settings.tpm === "2.0" ? "tpm2_pcrread" : "pcrs"}</code> there and compare with the PCRs
          on this page.</p>`;
    }
    return html`<h2>Start again, differently</h2>
      <p class="lead">Change something and restart: the event log then says which measurements differ from the last
        boot.</p>`;
  }

  #firmware({ firmware }: BootSettings) {
    const choices: readonly [BootSettings["firmware"], string][] = [
      ["bios", "BIOS"],
      ["uefi", "UEFI"],
    ];
    return html`<fieldset class="segments"><legend class="visually-hidden">Firmware</legend>
      ${choices.map(
        ([
          value,
          text,
        ]) => html`<label><input type="radio" name="firmware" value=${value} .checked=${firmware === value}
          @change=${() => this.actions.change({ firmware: value })}>${text}</label>`,
      )}
    </fieldset>`;
  }

  /** UEFI was chosen, and cannot be booted so. */
  #whyNotUefi(settings: BootSettings) {
    const { images } = this.state;
    const why = settings.firmware === "uefi" && images ? whyNotUefi(settings, images) : undefined;
    return why ? html`<p class="setup-why small">${why}</p>` : nothing;
  }

  #start() {
    const { phase } = this.state.machine;
    const plan = bootPlan(this.state.settings);
    return html`<button class="button primary large" type="button" ?disabled=${phase === "loading"}
      @click=${() => this.actions.boot()}>
      ${ICONS.play} ${this.#first ? `Boot ${plan} with a TPM` : `Restart: boot ${plan}`}</button>`;
  }

  /** What this server has to boot. */
  #gallery(settings: BootSettings) {
    const { images } = this.state;
    if (!images) return nothing;
    const guests = gallery(images);
    if (guests.length < 2) return nothing;
    const chosen = chosenGuest(settings, guests);
    return html`<fieldset class="setup-gallery"><legend>Guest</legend>
      ${guests.map(
        ({
          id,
          name,
          text,
          settings: its,
        }) => html`<label class="check"><input type="radio" name="guest" value=${id}
          .checked=${chosen === id} ?disabled=${!its} @change=${() => its && this.actions.change(its)}>
          <span><strong>${name}</strong> <span class="small muted">${text}</span></span></label>`,
      )}
    </fieldset>`;
  }

  /** From power-on, or from a machine that has booted before. */
  #startChoice(settings: BootSettings) {
    const { images } = this.state;
    if (!images) return nothing;
    const why = whyNotPrepared(settings, images);
    const starts: readonly [BootSettings["start"], string][] = [
      ["power-on", "from power-on"],
      ["prepared", "from a prepared machine, in a second"],
    ];
    const chosen = why ? "power-on" : settings.start;
    return html`<div class="setup-from">
      <fieldset class="segments"><legend class="visually-hidden">Start</legend>
        ${starts.map(
          ([start, text]) => html`<label><input type="radio" name="start" value=${start}
            .checked=${chosen === start} ?disabled=${start === "prepared" && why !== undefined}
            @change=${() => this.actions.change({ start })}>${text}</label>`,
        )}
      </fieldset>
      ${why ? html`<p class="small muted">${why}</p>` : nothing}
      ${!why && chosen === "prepared" ? html`<p class="small muted">${PREPARED_DIFFERENCES}</p>` : nothing}
    </div>`;
  }

  /** A visit fetches what it needs; all of it is for those who want to go without the network. */
  #offline() {
    const { offline } = this.state;
    if (!offline) return nothing;
    const { kept, total, filling, problem } = offline;
    const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
    if (kept >= total)
      return html`<p class="setup-offline small muted">All of this page (${megabytes(total)}) is kept here: it works without the network.</p>`;
    if (filling)
      return html`<label class="setup-offline setup-progress small">Fetching the page for use without the network: ${megabytes(kept)} of ${megabytes(total)}
        <progress max=${total} .value=${kept}></progress></label>`;
    return html`<p class="setup-offline small"><button class="button" type="button" @click=${() => this.actions.keepOffline()}>Keep the page for
        use offline (${megabytes(total - kept)})</button>
      ${problem === undefined ? nothing : html`<span class="muted">Not all of it was fetched: ${problem}.</span>`}</p>`;
  }

  #progress() {
    const { step, progress } = this.state.machine;
    return html`<label class="setup-progress">${step}
      <progress max="1" .value=${progress ?? 0}></progress></label>`;
  }

  get #changed(): boolean {
    const { settings } = this.state;
    return (
      settings.cmdline !== undefined ||
      settings.interface !== "TIS" ||
      settings.interrupt ||
      settings.kernel !== "auto" ||
      Object.keys(settings.images).length > 0
    );
  }

  #form(settings: BootSettings) {
    return html`<form class="setup-form" @submit=${(event: Event) => event.preventDefault()}>
      ${this.#kernel(settings)} ${this.#cmdline(settings)}
      <label for="setup-memory">Memory</label>
      <div><select id="setup-memory" @change=${(event: Event) => this.actions.change({ memory: Number(value(event)) })}>
        ${[...new Set([...MEMORY, settings.memory])]
          .sort((a, b) => a - b)
          .map((mib) => html`<option value=${mib} ?selected=${mib === settings.memory}>${mib} MiB</option>`)}
      </select></div>
      ${this.#interface(settings)}
      ${choice(
        "setup-interrupt",
        "The TPM's answers are",
        INTERRUPTS,
        settings.interrupt ? "interrupt" : "poll",
        (way) => this.actions.change({ interrupt: way === "interrupt" }),
      )}
      ${choice("setup-backend", "swtpm runs", BACKENDS, settings.backend, (backend) => this.actions.change({ backend }))}
      ${choice("setup-placement", "The device runs", PLACEMENTS, settings.placement, (placement) => this.actions.change({ placement }))}
      <span>Firmware</span>
      <label class="check"><input type="checkbox" .checked=${settings.bootMenu}
        @change=${(event: Event) => this.actions.change({ bootMenu: (event.target as HTMLInputElement).checked })}>
        <span>Show the boot menu: press <kbd>Esc</kbd> on the screen, then <kbd>t</kbd> for the TPM's own menu</span></label>
      <span>Measuring</span>
      <label class="check"><input type="checkbox" .checked=${settings.measured}
        @change=${(event: Event) => this.actions.change({ measured: (event.target as HTMLInputElement).checked })}>
        <span>Measure kernel, initrd and command line too (PCRs 8 and 9)</span></label>
      <h3>Your own images</h3>
      <p class="small muted wide">Pick a file, give an address, or drop files here. They stay in this browser.</p>
      ${IMAGE_SLOTS.map((slot) => this.#image(slot, settings))}
      <div class="wide"><copy-button .text=${() => location.href} label="Copy a link to these settings"
        caption="Copy a link to these settings"></copy-button></div>
    </form>`;
  }

  #interface({ interface: chosen, tpm }: BootSettings) {
    const why = whyNotInterface(INTERFACES.CRB, tpm);
    return html`<label for="setup-interface">Registers</label>
      <div class="stack"><select id="setup-interface" aria-describedby="setup-interface-why"
        @change=${(event: Event) => this.actions.change({ interface: value(event) as InterfaceName })}>
        ${Object.values(INTERFACES).map(
          ({ name, title, versions }) =>
            html`<option value=${name} ?selected=${name === chosen} ?disabled=${!versions.includes(tpm)}>${title}</option>`,
        )}</select>
        <span id="setup-interface-why" class="small muted">${why ?? ""}</span></div>`;
  }

  #kernel(settings: BootSettings) {
    const images = this.state.images;
    const small = images?.kernels.find(({ name }) => name === "small");
    const stock = images?.kernels.find(({ name }) => name === "stock");
    const choices: [BootSettings["kernel"], string][] = [
      ["auto", usualKernel(images)],
      ["small", small ? `small, made for this page (${small.release})` : "small (not built yet)"],
      ["stock", stock ? `Debian's own (${stock.release})` : "Debian's own"],
    ];
    return html`<label for="setup-kernel">Kernel</label>
      <div><select id="setup-kernel" ?disabled=${!!settings.images.kernel}
        @change=${(event: Event) => this.actions.change({ kernel: value(event) as BootSettings["kernel"] })}>
        ${choices.map(
          ([name, label]) =>
            html`<option value=${name} ?selected=${settings.kernel === name}
            ?disabled=${name === "small" && !!images && !small}>${label}</option>`,
        )}
      </select></div>`;
  }

  #cmdline(settings: BootSettings) {
    const images = this.state.images;
    const name = settings.kernel === "auto" ? images?.kernel : settings.kernel;
    const standard = images?.kernels.find((kernel) => kernel.name === name)?.cmdline ?? "";
    return html`<label for="setup-cmdline">Command line</label>
      <div class="stack">
        <textarea id="setup-cmdline" class="mono" rows="2" spellcheck="false" .value=${settings.cmdline ?? standard}
          @change=${(event: Event) => {
            const text = value(event).replace(/\s*\n\s*/g, " ");
            this.actions.change({ cmdline: text === standard ? undefined : text });
          }}></textarea>
        ${
          settings.cmdline === undefined
            ? nothing
            : html`<button class="button quiet" type="button"
              @click=${() => this.actions.change({ cmdline: undefined })}>Back to the kernel's usual one</button>`
        }
      </div>`;
  }

  #image({ slot, label, hint, accept }: SlotInfo, settings: BootSettings) {
    const image = settings.images[slot];
    const id = `setup-${slot}`;
    return html`<label for=${id}>${label}</label>
      <div class="setup-image">
        <input id=${id} type="text" inputmode="url" placeholder="${hint}, or its address" spellcheck="false"
          .value=${image ? imageText(image) : ""}
          @change=${(event: Event) => this.#setUrl(slot, value(event).trim())}>
        ${slot === "hda" ? html`<button class="button" type="button" @click=${this.#newDisk}>New…</button>` : nothing}
        <label class="button">File…<input class="visually-hidden" type="file" accept=${accept}
          aria-label="${label}: pick a file" @change=${(event: Event) => this.#pick(slot, event)}></label>
        ${
          image
            ? html`<button class="button quiet icon" type="button" aria-label="Remove the ${label} image"
              @click=${() => this.#set({ [slot]: undefined })}>${ICONS.close}</button>`
            : nothing
        }
      </div>`;
  }

  #setUrl(slot: ImageSlot, url: string): void {
    const image = this.state.settings.images[slot];
    if (image?.kind === "file" && image.file.name === url) return;
    const empty = slot === "hda" ? emptyDisk(url) : undefined;
    this.#set({ [slot]: empty ?? (url ? { kind: "url", url } : undefined) });
  }

  async #newDisk(): Promise<void> {
    const answer = await ask({
      title: "A new, empty disk",
      text: "The machine keeps it in this browser, with its TPM. It takes room only as the guest writes to it.",
      fields: [{ name: "size", label: "Size", choices: DISK_SIZES }],
      confirm: "Make",
    });
    const disk = answer && emptyDisk(`empty:${(answer.size ?? "").replace(" ", "")}`);
    if (disk) this.#set({ hda: disk });
  }

  #pick(slot: ImageSlot, event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (file) this.#set({ [slot]: { kind: "file", file } });
    input.value = "";
  }

  #set(change: { [K in ImageSlot]?: BootSettings["images"][K] | undefined }): void {
    const all = Object.entries({ ...this.state.settings.images, ...change });
    this.actions.change({ images: Object.fromEntries(all.filter(([, image]) => image)) });
  }

  #dragOver(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.dropping = true;
  }

  #drop(event: DragEvent): void {
    this.dropping = false;
    const files = Array.from(event.dataTransfer?.files ?? []);
    if (!files.length) return;
    event.preventDefault();
    this.#set(
      Object.fromEntries(files.map((file) => [slotFor(file.name, file.size), { kind: "file", file }])),
    );
  }
}

function imageText(image: ImageChoice): string {
  if (image.kind === "url") return image.url;
  return image.kind === "empty" ? emptyDiskText(image.size) : imageName(image);
}

function choice<T extends string>(
  id: string,
  label: string,
  values: readonly [T, string][],
  chosen: T,
  choose: (value: T) => void,
) {
  return html`<label for=${id}>${label}</label>
    <div><select id=${id} @change=${(event: Event) => choose(value(event) as T)}>
      ${values.map(([name, text]) => html`<option value=${name} ?selected=${name === chosen}>${text}</option>`)}
    </select></div>`;
}

/** What the page boots when it is left the choice: a machine stays with the kernel that it has booted. */
function usualKernel(images: PageState["images"]): string {
  if (!images) return "the fastest there is";
  const faster = images.kernel === "stock" && images.kernels.some(({ name }) => name === "small");
  return faster ? "the one this machine has booted (stock)" : `the fastest there is (now: ${images.kernel})`;
}

/** For those who see it the first time: what will happen, and where to look. */
function howItGoes() {
  return html`<ol class="setup-steps">
    <li><strong>Firmware</strong> starts, finds the TPM at 0xFED40000 and measures what it runs: see <em>Commands</em>.</li>
    <li>Each measurement extends a <strong>PCR</strong> and is noted in the <strong>event log</strong>; the page replays
      the log and checks it against the PCRs.</li>
    <li><strong>Linux</strong> starts with <code>/dev/tpm0</code>. What you do in its shell shows here at once.</li>
    <li>Change the command line and boot again: the page says which measurement gave it away.</li>
  </ol>`;
}

const value = (event: Event) => (event.target as HTMLInputElement).value;

customElements.define("machine-setup", MachineSetup);
