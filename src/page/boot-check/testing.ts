/** For tests of this folder: what SeaBIOS 1.16.2 sends in a boot, with the event log that it wrote in a real one. */
import { fromHex } from "../../protocol/bytes/hex.ts";
import { type Bank, type LogEvent, parseEventLog, replay } from "../../protocol/eventlog/index.ts";
import { build, commandName, responseCodeName, type TpmFamily } from "../../protocol/tpm2/index.ts";
import { commandCode, responseCode } from "../../protocol/tpm2/parse.ts";
import { BootCheck, type Expected } from "./boot-check.ts";
import type { SeenCommand } from "./events.ts";

const SUCCESS = "80010000000a00000000";
/** A TPM that refuses: TPM_RC_FAILURE, TPM_FAIL. */
export const FAILURE = { "2.0": "80010000000a00000101", "1.2": "00c40000000a00000009" };

const NO_ACTION = 3;
/** The start, and what locks the platform, as they were recorded. */
const START = {
  "2.0": [
    "80010000000c000001440000",
    "80010000000b0000014301",
    "8001000000160000017a000000050000000000000008",
  ],
  "1.2": [
    "00c10000000c000000990001",
    "00c10000000c4000000a0008",
    "00c10000001600000065000000040000000400000108",
    "00c10000000c4000000a0020",
    "00c10000000c4000000a0008",
    "00c10000001600000065000000050000000400000115",
    "00c10000001600000065000000050000000400000120",
    "00c10000000a00000050",
    "00c10000000a4000000b",
  ],
};
const LOCK = {
  "2.0": [
    "800100000014000001460008971dd2a4a4d22289",
    "80010000000c0000017b0014",
    "800200000031000001294000000c00000009400000090000010000001400112233445566778899aabbccddeeff00112233",
  ],
  "1.2": ["00c10000000c4000000a0014"],
};
const SWITCH_OFF = {
  "2.0": ["4000000b", "40000001", "4000000c"].map(
    (hierarchy) => `800200000020000001214000000c00000009400000090000010000${hierarchy}00`,
  ),
  "1.2": ["00c10000000a00000073"],
};
/** Linux's first command. */
const LINUX = {
  "2.0": "8001000000160000017a000000060000012900000001",
  "1.2": "8001000000160000017a000000060000012900000001",
};

/** A boot that a test tells step by step. */
export class ToldBoot {
  readonly check: BootCheck;
  readonly log: Uint8Array;
  readonly version: TpmFamily;
  readonly #events: LogEvent[];
  #logged: number;

  /** @param log a real log, whose events are extended in their order. */
  constructor(log: Uint8Array, version: TpmFamily, expected: Expected = {}) {
    this.log = log;
    this.version = version;
    this.check = new BootCheck(expected);
    const { events } = parseEventLog(log);
    this.#events = events.filter(({ type }) => type !== NO_ACTION);
    this.#logged = this.#events[0]?.offset ?? 0;
    this.check.take({ type: "start", from: "power-on" });
    this.check.take({ type: "log", bytes: () => this.log.subarray(0, this.#logged) });
  }

  /** Commands of the guest, each with its answer. */
  send(requests: readonly (string | Uint8Array)[], response = SUCCESS): this {
    for (const request of requests) {
      const command = this.begin(request);
      this.answer(command, response);
    }
    return this;
  }

  begin(request: string | Uint8Array): SeenCommand {
    const bytes = typeof request === "string" ? fromHex(request) : request;
    const code = commandCode(bytes) ?? 0;
    const command: SeenCommand = {
      name: commandName(code, this.version),
      code,
      request: bytes,
      origin: "guest",
    };
    this.check.take({ type: "command", command });
    return command;
  }

  answer(command: SeenCommand, response = SUCCESS): void {
    const bytes = fromHex(response);
    const code = responseCode(bytes) as number;
    Object.assign(command, {
      response: bytes,
      responseCode: code,
      responseName: responseCodeName(code, this.version),
    });
    this.check.take({ type: "answered", command });
  }

  start(): this {
    return this.send(START[this.version]);
  }

  /** Extends the next events of the log, up to the one of that number. */
  measure(to = this.#events.length): this {
    for (const event of this.#events.filter(({ offset }, i) => offset >= this.#logged && i < to)) {
      this.send([this.extend(event)]);
      this.#logged = event.offset + event.size;
    }
    return this;
  }

  /** The command by which the i-th event is extended. */
  extendOf(index: number): Uint8Array {
    return this.extend(this.#events[index] as LogEvent);
  }

  extend({ pcr, digests }: LogEvent): Uint8Array {
    if (this.version === "1.2") return build.TPM_Extend(pcr, digests[0]?.digest as Uint8Array);
    return build.TPM2_PCR_Extend(pcr, digests);
  }

  lock(): this {
    return this.send(LOCK[this.version]);
  }

  switchOff(): this {
    return this.send(SWITCH_OFF[this.version]);
  }

  linux(): this {
    return this.send([LINUX[this.version]]);
  }

  say(text: string): this {
    this.check.take({ type: "console", text });
    return this;
  }

  firmware(line: string): this {
    this.check.take({ type: "firmware", line });
    return this;
  }

  /** The PCRs are read. @param banks what they hold; by default what the extends so far give. */
  read(banks: readonly Bank[] = this.banks()): this {
    this.check.take({ type: "pcrs", banks });
    return this;
  }

  banks(log = this.log.subarray(0, this.#logged)): Bank[] {
    return replay(parseEventLog(log)).map(({ algorithm, values }) => ({ algorithm, values }));
  }

  /** The log area becomes another. */
  write(log: Uint8Array): this {
    this.check.take({ type: "log", bytes: () => log });
    return this;
  }

  get kind(): string {
    return this.check.verdict.kind;
  }
}
