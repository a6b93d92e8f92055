/**
 * `window.webtpm`: the page for the browser's console, for scripts and for tests. Everything here works on the machine
 * that is on the page at the time of the call.
 */

import type { AccessSize } from "../../device/tis/ports.ts";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import type { CommandRecord, TpmHandle } from "../../session/types.ts";
import type { MachineRecord, SnapshotRecord } from "../../session/vault/types.ts";
import type { DiskFormat } from "../model/machines.ts";
import type { PageStore } from "../model/model.ts";
import type { PageController } from "./controller.ts";
import type { MachineSummary } from "./machines.ts";
import type { SerialPort } from "./serial-port.ts";

/** There is no machine with a TPM on the page. */
export class NoTpmError extends Error {
  override name = "NoTpmError";
  constructor() {
    super("there is no TPM yet: boot the machine first (webtpm.boot()), and wait for webtpm.ready");
  }
}

/** One TPM command as `commands()` gives it; times in milliseconds. */
export interface CommandSummary {
  id: number;
  name: string;
  locality: number;
  request: string;
  response?: string | undefined;
  responseCode?: number | undefined;
  responseName?: string | undefined;
  startedAt: number;
  duration?: number | undefined;
  origin: "guest" | "page";
}

/** One event of the log as `eventLog()` gives it; digests by algorithm name. */
export interface EventSummary {
  index: number;
  pcr: number;
  type: number;
  digests: Record<string, string>;
  data: string;
}

export interface WebTpmConsole {
  /** Resolves when the machine that was asked for last runs and its TPM is powered on; rejects with the reason it does not. */
  readonly ready: Promise<void>;
  /** Starts a machine with the page's settings; a running one is ended. Resolves as `ready` does. */
  boot(): Promise<void>;
  serial: {
    /** Types into the serial console; a line ends with "\n". */
    send(text: string): void;
    /** What the guest has sent since it was last started. */
    text(): string;
  };
  /**
   * Sends a TPM command through the register interface at locality 0 and gives the response; both as hex.
   * @throws {SyntaxError} for what is no hex, {TpmBusyError} while the guest uses the TPM.
   */
  command(hex: string): Promise<string>;
  /** Reads a register as the guest would, side effects included. @param size bytes: 1, 2 or 4. */
  read(address: number, size: AccessSize): number;
  /** Writes a register as the guest would. */
  write(address: number, size: AccessSize, value: number): void;
  /** PCR values of a bank by index, as hex, read from the TPM now. @param bank e.g. "sha256", the default. */
  pcrs(bank?: string): Promise<string[]>;
  /** The events that the firmware has logged so far. */
  eventLog(): EventSummary[];
  /** Every command since the machine was made, oldest first; of many, the oldest are dropped. */
  commands(): CommandSummary[];
  /** The machines that are kept in this browser, with their snapshots. */
  machines(): Promise<MachineSummary[]>;
  /** Takes a snapshot of the machine that runs; resolves when it is saved. */
  snapshot(name: string): Promise<SnapshotRecord>;
  /** Goes back to the newest snapshot of that name. NV counters of the TPM go back too. Resolves when the machine runs. */
  restore(name: string): Promise<void>;
  /** The machine that runs, or boots next, as one file. */
  export(options?: { passphrase?: string }): Promise<File>;
  /** Makes a machine of an export, or of a state file of swtpm (tpm2-00.permall). */
  import(
    file: Blob & { name?: string },
    options?: { name?: string; passphrase?: string },
  ): Promise<MachineRecord>;
  /**
   * The disk of the machine that runs, as a file: `raw` or `qcow2` whole, `changes` as a qcow2 image over the one that
   * was chosen. The machine stands still meanwhile.
   */
  disk(format: DiskFormat): Promise<File>;
  /** Switches machine and TPM off and on. Resolves when both run again. */
  reset(): Promise<void>;
}

export function createConsoleApi(
  controller: PageController,
  store: PageStore,
  serial: SerialPort,
): WebTpmConsole {
  const tpm = (): TpmHandle => {
    if (!controller.tpm) throw new NoTpmError();
    return controller.tpm;
  };
  return {
    get ready() {
      return controller.ready;
    },
    boot() {
      controller.boot();
      return controller.ready;
    },
    serial: {
      send(text) {
        if (!serial.send(text)) throw new NoTpmError();
      },
      text: () => serial.text,
    },
    command: async (hex) => toHex(await tpm().command(fromHex(hex))),
    read: (address, size) => tpm().read(address, size),
    write: (address, size, value) => tpm().write(address, size, value),
    async pcrs(bank = "sha256") {
      const banks = await tpm().pcrs();
      const found = banks.find(({ algorithm }) => algorithm === bank);
      if (found) return found.values.map(toHex);
      const names = banks.map(({ algorithm }) => algorithm).join(", ");
      throw new RangeError(`the TPM has no bank ${bank}; it has ${names}`);
    },
    eventLog: () => events(store),
    commands: () => (controller.tpm?.commands ?? []).map(summary),
    machines: () => controller.machines.list(),
    snapshot: (name) => controller.machines.snapshot(name),
    restore: (name) => controller.machines.restore(name),
    export: ({ passphrase } = {}) => controller.machines.export(undefined, passphrase),
    import: (file, options = {}) => controller.machines.import(file, options),
    disk: (format) => controller.machines.disk(format),
    reset() {
      tpm();
      controller.reset();
      return controller.ready;
    },
  };
}

function events(store: PageStore): EventSummary[] {
  const { log } = store.state.log ?? {};
  if (!log) return [];
  const names = new Map(log.algorithms.map(({ id, name }) => [id, name]));
  return log.events.map(({ index, pcr, type, digests, data }) => ({
    index,
    pcr,
    type,
    digests: Object.fromEntries(
      digests.map(({ algorithm, digest }) => [names.get(algorithm) ?? String(algorithm), toHex(digest)]),
    ),
    data: toHex(data),
  }));
}

function summary(record: CommandRecord): CommandSummary {
  const { id, name, locality, request, response, responseCode, responseName, startedAt, duration, origin } =
    record;
  return {
    id,
    name,
    locality,
    request: toHex(request),
    response: response && toHex(response),
    responseCode,
    responseName,
    startedAt,
    duration,
    origin,
  };
}
