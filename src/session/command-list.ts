/** The commands that the TPM was given, as records for people: the newest few thousand. */
import { commandName, responseCodeName } from "../tpm2/names.ts";
import { commandCode, responseCode } from "../tpm2/parse.ts";
import type { EngineEvent } from "../worker/events.ts";
import type { CommandRecord } from "./types.ts";

/** Records kept. */
const MOST_RECORDS = 5000;

type Started = Extract<EngineEvent, { type: "commandstart" }>;
type Ended = Extract<EngineEvent, { type: "command" }>;

export class CommandList {
  readonly records: CommandRecord[] = [];
  readonly #version: "2.0" | "1.2";
  readonly #running = new Map<number, CommandRecord>();
  #last = 0;

  constructor(version: "2.0" | "1.2") {
    this.#version = version;
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
    };
    this.#running.set(id, record);
    this.records.push(record);
    if (this.records.length > MOST_RECORDS) this.records.shift();
    return record;
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
