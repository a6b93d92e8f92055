/**
 * The management port of the hidden machine, as bytes: how it is told to start swtpm, and what it reports. The other
 * side, with the same letters, is `../../node/images/guest/hidden-init.c`.
 */
import { ByteReader } from "../../protocol/bytes/reader.ts";

/** Start flag: credit the entropy and reseed the kernel's generator. Off only to show what happens without. */
const FLAG_RESEED = 1;
/** Start flag: report 32 bytes of the generator's output before swtpm starts. */
const FLAG_SAMPLE = 2;
/** Start flag: swtpm lets the host do its modular exponentiations (`modexp.ts`). */
const FLAG_MODEXP = 4;
/** The request's length field is one byte. */
export const MAX_ENTROPY = 255;

/** Steps of a start, by their number in a failure report. */
const STEPS: Record<number, string> = {
  1: "reading the start request",
  2: "crediting fresh entropy to its kernel",
  3: "reseeding its kernel's generator",
  4: "making an empty state directory",
  5: "starting swtpm",
};

export type ManagementReport =
  /** Nothing runs; a start request may be sent. */
  | { kind: "ready" }
  /** A sample of the kernel's generator. */
  | { kind: "sample"; bytes: Uint8Array }
  /** swtpm was started. */
  | { kind: "started" }
  /** One full page of control bytes was taken. */
  | { kind: "page" }
  /** The start failed at `step` with Linux error number `errno`. */
  | { kind: "failed"; step: string; errno: number }
  /** swtpm ended with this wait status (wait(2)). */
  | { kind: "ended"; status: number }
  | { kind: "unknown"; code: number };

/** Encodes the request to start a TPM, with the entropy it is to start from. */
export function startRequest(
  version: "2.0" | "1.2",
  entropy: Uint8Array,
  options: { reseed: boolean; sample: boolean; modexp: boolean },
): Uint8Array {
  if (entropy.length > MAX_ENTROPY)
    throw new RangeError(`at most ${MAX_ENTROPY} bytes of entropy, got ${entropy.length}`);
  const flags =
    (options.reseed ? FLAG_RESEED : 0) |
    (options.sample ? FLAG_SAMPLE : 0) |
    (options.modexp ? FLAG_MODEXP : 0);
  return Uint8Array.of(0x53, version === "2.0" ? 2 : 1, flags, entropy.length, ...entropy);
}

/** Sizes of reports in bytes, by letter. */
const SIZES = new Map(Object.entries({ R: 1, G: 33, K: 1, A: 1, E: 3, X: 5 }));

/** Cuts the stream of reports into reports; keeps what is not whole yet. */
export class ManagementParser {
  #rest = new Uint8Array(0);

  push(chunk: Uint8Array): ManagementReport[] {
    const bytes = new Uint8Array(this.#rest.length + chunk.length);
    bytes.set(this.#rest);
    bytes.set(chunk, this.#rest.length);
    const reader = new ByteReader(bytes);
    const reports: ManagementReport[] = [];
    while (reader.left > 0) {
      const size = SIZES.get(String.fromCharCode(bytes[reader.offset] as number)) ?? 1;
      if (reader.left < size) break;
      reports.push(parseReport(reader));
    }
    this.#rest = bytes.slice(reader.offset);
    return reports;
  }
}

function parseReport(reader: ByteReader): ManagementReport {
  const code = reader.u8();
  switch (String.fromCharCode(code)) {
    case "R":
      return { kind: "ready" };
    case "G":
      return { kind: "sample", bytes: reader.take(32).slice() };
    case "K":
      return { kind: "started" };
    case "A":
      return { kind: "page" };
    case "E": {
      const step = reader.u8();
      return { kind: "failed", step: STEPS[step] ?? `step ${step}`, errno: reader.u8() };
    }
    case "X":
      return { kind: "ended", status: reader.u32le() };
    default:
      return { kind: "unknown", code };
  }
}

/** A wait status (wait(2)) in words. */
export function describeWaitStatus(status: number): string {
  const signal = status & 0x7f;
  return signal ? `ended by signal ${signal}` : `ended with exit code ${(status >> 8) & 0xff}`;
}
