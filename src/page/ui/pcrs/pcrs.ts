/** The PCRs of one bank, whole: what changed last, and what is not as in the boot before. */
import { html, nothing } from "lit";
import "../boot-check/boot-banner.ts";
import "../parts/copy.ts";
import "./pcrs.css";
import { toHex } from "../../../protocol/bytes/hex.ts";
import type { PcrBank } from "../../../session/types.ts";
import { extendsOfCommand } from "../../model/chains.ts";
import type { PageState } from "../../model/model.ts";
import { ViewElement } from "../parts/element.ts";
import { segments } from "../parts/segments.ts";
import { changedSinceBefore } from "./boot-before.ts";
import { chainView } from "./chain-view.ts";
import { pcrMeaning } from "./meanings.ts";
import { pcrText } from "./text.ts";

export class TpmPcrs extends ViewElement {
  static override properties = { ...ViewElement.properties, unfolded: { state: true } };
  /** The PCR whose chain is shown. */
  declare unfolded: number | undefined;
  /** The selection that was brought into sight last. */
  #revealed: number | undefined;

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    const { pcrs, changedPcrs, bank, previous, log, command, ima } = state;
    // New commands change a chain only together with the PCRs.
    return [pcrs, changedPcrs, bank, previous, log, command, ...(this.unfolded === undefined ? [] : [ima])];
  }

  /** The chain that the selected command is a link of is unfolded. */
  override willUpdate(): void {
    const { command } = this.state;
    if (!this.active || command === this.#revealed || command === undefined) return;
    const [link] = extendsOfCommand(this.state, command);
    if (link) this.unfolded = link.change.pcr;
  }

  protected override updated(): void {
    const { command } = this.state;
    if (!this.active || command === this.#revealed) return;
    this.#revealed = command;
    this.querySelector(".chain .is-chosen")?.scrollIntoView({ block: "nearest" });
  }

  override render() {
    const { pcrs, bank: chosen } = this.state;
    const bank = pcrs.find(({ algorithm }) => algorithm === chosen) ?? pcrs[0];
    if (!bank) {
      return html`${this.#boot}<div class="empty"><strong>Platform Configuration Registers</strong> A TPM's PCRs can only be extended:
        new value = hash(old value, measurement). After a boot they say what was started, and in which order. Boot the
        machine to fill them.</div>`;
    }
    const different = changedSinceBefore(this.state, bank);
    return html`${this.#boot}<div class="toolbar">
        ${segments(
          "pcr-bank",
          "Bank",
          pcrs.map(({ algorithm }) => ({ value: algorithm, label: algorithm })),
          bank.algorithm,
          (algorithm) => this.actions.selectBank(algorithm),
        )}
        <span class="spacer"></span>
        <copy-button .text=${() => pcrText(pcrs)} label="Copy all banks as tpm2_pcrread prints them"
          caption="Copy all"></copy-button>
      </div>
      <div class="scroll" tabindex="0" role="region" aria-label="PCR values">
        <table class="pcrs" style="--digits:${2 * (bank.values[0]?.length ?? 0)}">
          <caption class="visually-hidden">PCRs of the ${bank.algorithm} bank</caption>
          <thead><tr><th scope="col">PCR</th><th scope="col">for</th><th scope="col">${bank.algorithm}</th>
            <th scope="col"><span class="visually-hidden">Copy</span></th></tr></thead>
          <tbody>${bank.values.map((value, pcr) => this.#row(bank, pcr, value, different?.includes(pcr) === true))}</tbody>
        </table>
      </div>
      ${this.#legend(different)}`;
  }

  get #boot() {
    return html`<boot-banner .store=${this.store} .active=${this.active}></boot-banner>`;
  }

  #row({ algorithm }: PcrBank, pcr: number, value: Uint8Array, differs: boolean) {
    const hex = toHex(value);
    const { short, long } = pcrMeaning(pcr);
    const changed = this.state.changedPcrs.has(`${algorithm}:${pcr}`);
    const unused = /^(0*|f*)$/.test(hex);
    return html`<tr class="${changed ? "is-changed" : unused ? "is-unused" : ""} ${pcr % 2 ? "is-even" : ""}" data-pcr=${pcr}>
      <th scope="row"><button class="pcr-fold" type="button" aria-expanded=${this.unfolded === pcr}
        aria-label="PCR ${pcr}: how it came to be" title="How it came to be" @click=${() => {
          this.unfolded = this.unfolded === pcr ? undefined : pcr;
        }}>${pcr}</button></th>
      <td class="pcr-for" title=${long}>${short}</td>
      <td class="mono pcr-value"><span class="digest">${hex}</span>${
        changed ? html` <span class="pcr-note changed mark"> changed last</span>` : nothing
      }${differs ? html` <span class="pcr-note">≠ the boot before</span>` : nothing}</td>
      <td><copy-button .text=${hex} label="Copy PCR ${pcr}"></copy-button></td>
    </tr>
    ${this.unfolded === pcr ? this.#chain(algorithm, pcr, long) : nothing}`;
  }

  #chain(algorithm: string, pcr: number, long: string) {
    return html`<tr class="pcr-chain"><td colspan="4"><p>${long}</p>${chainView(this.state, algorithm, pcr, this.actions)}</td></tr>`;
  }

  #legend(different: readonly number[] | undefined) {
    return html`<p class="pane-foot">${
      different === undefined
        ? "Zero or all ones: not extended since power-on."
        : different.length
          ? `Not as at the end of the boot before: PCR ${different.join(", ")}.`
          : "All as at the end of the boot before."
    }</p>`;
  }
}

customElements.define("tpm-pcrs", TpmPcrs);
