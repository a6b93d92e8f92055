/**
 * `webtpm/elements`: views of a TPM for pages of one's own, as custom elements. Each has the property `tpm`, which takes
 * what `attachTpm` gives, and the attribute `theme` (`dark`, `light`; as the system has it without). Their size is the
 * page's to say; 28rem high where it does not.
 *
 * ```ts
 * import "webtpm/elements";
 * document.querySelector("webtpm-pcrs").tpm = attachTpm(bus, { hidden });
 * ```
 */
import "../ui/commands/commands.ts";
import "../ui/eventlog/event-log.ts";
import "../ui/pcrs/pcrs.ts";
import "../ui/registers/registers.ts";
import { TpmElement } from "./element.ts";

export { TpmElement };

/** `<webtpm-pcrs>`: all PCRs of a bank, each with the chain of extends that made it. */
export class WebTpmPcrs extends TpmElement {
  protected readonly inner = "tpm-pcrs";
  protected readonly pane = "pcrs";
}

/** `<webtpm-registers>`: the registers of the TPM's interface, bit by bit, to be read and written by hand. */
export class WebTpmRegisters extends TpmElement {
  protected readonly inner = "tpm-registers";
  protected readonly pane = "registers";
}

/** `<webtpm-commands>`: every command, taken apart field by field and byte by byte. */
export class WebTpmCommands extends TpmElement {
  protected readonly inner = "tpm-commands";
  protected readonly pane = "commands";
}

/** `<webtpm-eventlog>`: the firmware's event log in words, replayed and compared with the PCRs. */
export class WebTpmEventLog extends TpmElement {
  protected readonly inner = "tpm-event-log";
  protected readonly pane = "eventlog";
}

declare global {
  interface HTMLElementTagNameMap {
    "webtpm-pcrs": WebTpmPcrs;
    "webtpm-registers": WebTpmRegisters;
    "webtpm-commands": WebTpmCommands;
    "webtpm-eventlog": WebTpmEventLog;
  }
}

customElements.define("webtpm-pcrs", WebTpmPcrs);
customElements.define("webtpm-registers", WebTpmRegisters);
customElements.define("webtpm-commands", WebTpmCommands);
customElements.define("webtpm-eventlog", WebTpmEventLog);
