/** The commands that the TPM was given, as records for people: the newest few thousand. */
import { commandName, responseCodeName } from "../protocol/tpm2/names.ts";
import { commandCode, responseCode } from "../protocol/tpm2/parse.ts";
import type { EngineEvent } from "../worker/events.ts";
import type { CommandRecord } from "./types.ts";

/** Records kept. */
export const MOST_COMMANDS = 5000;

type Started = Extract<EngineEvent, { type: "commandstart" }>;
type Ended = Extract<EngineEvent, { type: "command" }>;

export class CommandList {
  readonly records: CommandRecord[] = [];
  readonly #version: "2.0" | "1.2";
  readonly #running = new Map<number, CommandRecord>();
  #last = 0;
  /** What the page sends in the place of a guest, still to come. */
  #repeats: readonly Uint8Array[] = [];

  constructor(version: "2.0" | "1.2") {
    this.#version = version;
  }

  /** The page is about to send these in the place of a guest. */
  repeat(commands: readonly Uint8Array[]): void {
    this.#repeats = commands;
  }

  started({ id, time, locality, request, origin }: Started): CommandRecord {
    const code = commandCode(request) ?? 0;
    const record: CommandRecord = {
      id: ++this.#last,
      startedAt: time - performance.timeOrigin,
      locality,
      code,
      name: commandName(code, this.#version),
      request,
      origin,
      ...(origin === "page" && this.#isRepeat(request) && { repeated: true as const }),
    };
    this.#running.set(id, record);
    this.records.push(record);
    if (this.records.length > MOST_COMMANDS) this.records.shift();
    return record;
  }

  #isRepeat(request: Uint8Array): boolean {
    const [next, ...others] = this.#repeats;
    if (next?.length !== request.length || next.some((byte, i) => byte !== request[i])) return false;
    this.#repeats = others;
    return true;
  }

  /** Completes the record, which is the object that `started` gave; undefined for one that is not known. */
  ended({ id, duration, response }: Ended): CommandRecord | undefined {
    const record = this.#running.get(id);
    if (!record) return undefined;
    this.#running.delete(id);
    record.duration = duration;
    if (!response) return record;
    record.response = response;
    const code = responseCode(response);
    if (code === undefined) return record;
    record.responseCode = code;
    record.responseName = responseCodeName(code, this.#version);
    return record;
  }

  /** Ends what runs, unanswered: whoever ran it is gone. */
  abandon(): CommandRecord[] {
    const now = performance.now();
    const abandoned = Array.from(this.#running.values());
    this.#running.clear();
    for (const record of abandoned) record.duration = now - record.startedAt;
    return abandoned;
  }
}
