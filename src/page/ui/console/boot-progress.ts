/** While the machine boots and its console is still black: which phase, since when, how long it usually takes, and why it matters. */

import { html, nothing } from "lit";
import { own } from "../../../protocol/bytes/own.ts";
import { seenExtends } from "../../model/chains.ts";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { type PhaseName, phasesOf } from "../timeline/phases.ts";

/** How often the time is shown anew, in milliseconds. */
const LOOK_MS = 500;
/** Under which the times of earlier boots are remembered, by what booted. */
const KEY = "webtpm.boot-times";
const MOST_KEPT = 20;

const PHASES: Record<Exclude<PhaseName, "shell" | "goes on">, [what: string, why: string]> = {
  firmware: ["The firmware starts", "It measures each part into the TPM before it runs it."],
  SEC: ["The firmware starts (SEC)", "It measures each part into the TPM before it runs it."],
  PEI: ["The firmware measures itself (PEI)", "PCR 0 gets the fingerprints of its own volumes."],
  DXE: ["The firmware loads its drivers (DXE)", "Its settings are measured, too."],
  BDS: ["The firmware chooses what to boot (BDS)", "The boot options are measured into PCR 1."],
  "boot loader": ["The boot loader runs", "It was measured into PCR 4 before that."],
  "option ROM": ["The kernel is loaded", "Kernel, initrd and command line are measured into PCRs 8 and 9."],
  kernel: ["Linux starts", "It finds the TPM, and takes the firmware's log."],
  init: ["The first programs run", "The shell comes next."],
};

export class BootProgress extends PageElement {
  #timer: ReturnType<typeof setInterval> | undefined;
  /** The boot whose time is known. */
  #timed: PageState["tape"];

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.machine.phase, state.tape, state.boot?.verdict.kind];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => {
      const { tape } = this.state;
      if (tape && tape !== this.#timed && this.#boots) this.requestUpdate();
    }, LOOK_MS);
  }

  override disconnectedCallback(): void {
    clearInterval(this.#timer);
    super.disconnectedCallback();
  }

  get #boots(): boolean {
    const { machine, boot, replay } = this.state;
    return machine.phase === "running" && !replay && !machine.resumed && boot?.verdict.kind !== "guest died";
  }

  override render() {
    const { tape, machine } = this.state;
    if (machine.phase === "loading") return this.#line(machine.step ?? "loading", undefined, undefined);
    if (!tape || tape === this.#timed || !this.#boots) return nothing;
    const now = performance.now();
    const phase = phasesOf(tape, seenExtends(this.state), now).at(-1);
    const key = `${tape.tpm} ${tape.label} ${this.state.tpm?.backend ?? ""}`;
    if (phase?.name === "shell") {
      this.#timed = tape;
      keepTime(key, phase.from - tape.start);
      return nothing;
    }
    if (!phase || phase.name === "goes on") return nothing;
    const [what, why] = PHASES[phase.name];
    const usual = own(times(), key);
    const seconds = Math.floor((now - tape.start) / 1000);
    const passed = `${seconds} s${usual === undefined ? "" : `, usually ${Math.max(1, Math.round(usual / 1000))} s to the shell`}`;
    return this.#line(what, why, passed);
  }

  #line(what: string, why: string | undefined, passed: string | undefined) {
    return html`<div class="boot-progress"><strong>${what}</strong>${passed ? html` <span class="boot-passed">${passed}</span>` : " …"}
      ${why ? html`<span class="boot-why">${why}</span>` : nothing}</div>`;
  }
}

function times(): Record<string, number> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (typeof kept !== "object" || kept === null) return {};
    return Object.fromEntries(Object.entries(kept).filter(([, time]) => typeof time === "number"));
  } catch {
    return {}; // no storage for this page, or something else is in it
  }
}

/** The newest boots count for most, and one that was slow does not spoil them. */
function keepTime(key: string, time: number): void {
  const all = times();
  const before = own(all, key);
  const others = Object.entries(all).filter(([name]) => name !== key);
  const now = before === undefined ? time : (before + time) / 2;
  const kept = [...others.slice(1 - MOST_KEPT), [key, Math.round(now)] as const];
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(kept)));
  } catch {
    // As above: the next boot does not know it.
  }
}

customElements.define("boot-progress", BootProgress);
