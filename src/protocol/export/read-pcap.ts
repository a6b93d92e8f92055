/**
 * Reads TPM commands and responses out of a packet capture: those of {@link toPcap}, of swtpm's `--pcap`, and of tcpdump
 * beside a `swtpm socket`. libpcap (pcap-savefile(5)) and pcapng (draft-ietf-opsawg-pcapng), IPv4 and IPv6, raw, on
 * Ethernet, or on a loopback; the TPM is who has the port. Files come from anybody: what is not as it should be ends the
 * reading, in words, and what was read until then counts.
 */
import { CaptureError, capturePackets, type Packet } from "./packets.ts";
import type { TraceEntry } from "./trace.ts";

export { CaptureError, isCapture } from "./packets.ts";

/** Where Wireshark's TPM 2.0 dissector listens, and tpm2-tools look. */
const TPM_PORT = 2321;
/** TPM_ST and TPM_TAG: what a message begins with. */
const TAGS: ReadonlySet<number> = new Set([0x8001, 0x8002, 0x00c1, 0x00c2, 0x00c3, 0x00c4, 0x00c5, 0x00c6]);
/** Tag, size, and code. */
const HEADER = 10;
/** What a TPM takes is far below; a larger size is no TPM message. */
const MOST_MESSAGE = 64 * 1024;
/** Sentences about what was left out; a file may be wrong in as many ways as it likes. */
const MOST_PROBLEMS = 20;
/** Bytes from one word about progress to the next. */
const PIECE = 2 ** 18;

type Tell = (problem: string) => void;

export interface ReadCapture {
  /** In the order of the commands. Times are milliseconds since 1970. */
  entries: TraceEntry[];
  /** What was left out, and why: one sentence each. */
  problems: string[];
}

export interface CaptureOptions {
  /** The TCP port that the TPM is at. */
  port?: number;
  /** Called now and then with the bytes of the file that have been read. */
  progress?: (done: number) => void;
}

/** @throws {CaptureError} when nothing in it is a TPM's. */
export function readCapture(
  file: Uint8Array,
  { port = TPM_PORT, progress = () => undefined }: CaptureOptions = {},
): ReadCapture {
  // What is wrong with one connection is often wrong with all.
  const problems = new Set<string>();
  const tell = (problem: string) => {
    if (problems.size < MOST_PROBLEMS) problems.add(problem);
  };
  const connections = new Map<string, Conversation>();
  let told = 0;
  for (const packet of capturePackets(file, tell)) {
    if (packet.at - told >= PIECE) {
      told = packet.at;
      progress(told);
    }
    if (packet.from.port !== port && packet.to.port !== port) continue;
    const fromTpm = packet.from.port === port;
    const client = fromTpm ? packet.to : packet.from;
    const key = `${client.address}:${client.port}`;
    let conversation = connections.get(key);
    if (!conversation) {
      conversation = new Conversation();
      connections.set(key, conversation);
    }
    conversation.take(packet, fromTpm);
  }
  const entries = Array.from(connections.values()).flatMap((one) => one.entries(tell));
  if (entries.length === 0) {
    const [why] = problems;
    throw new CaptureError(`there are no TPM messages in it, at TCP port ${port}${why ? ` (${why})` : ""}`);
  }
  return { entries: entries.sort((a, b) => a.time - b.time), problems: Array.from(problems) };
}

/** The messages in a run of bytes, e.g. a command and its response; undefined when they are something else. */
export function splitMessages(bytes: Uint8Array): Uint8Array[] | undefined {
  const found: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = messageSize(bytes, at);
    if (size === undefined || at + size > bytes.length) return undefined;
    found.push(bytes.subarray(at, at + size));
    at += size;
  }
  return found;
}

function messageSize(bytes: Uint8Array, at: number): number | undefined {
  if (at + HEADER > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const size = view.getUint32(2);
  return TAGS.has(view.getUint16(0)) && size >= HEADER && size <= MOST_MESSAGE ? size : undefined;
}

interface Message {
  time: number;
  bytes: Uint8Array;
}

/** One TCP connection to the TPM. */
class Conversation {
  readonly #commands = new Direction();
  readonly #responses = new Direction();

  take(packet: Packet, fromTpm: boolean): void {
    (fromTpm ? this.#responses : this.#commands).take(packet);
  }

  /** A TPM answers in order, one command after the other; a capture may begin while it runs one. */
  entries(tell: Tell): TraceEntry[] {
    const commands = this.#commands.messages(tell);
    const responses = this.#responses.messages(tell);
    const [first] = commands;
    if (!first) return [];
    const early = responses.filter(({ time }) => time < first.time).length;
    if (early) tell("The capture has begun while a command ran; the answer to that is left out.");
    return commands.map(({ time, bytes }, index) => {
      const answer = responses[early + index];
      return {
        time,
        request: bytes,
        ...(answer && { response: answer.bytes, duration: Math.max(0, answer.time - time) }),
      };
    });
  }
}

/** What one side sent, put in order. */
class Direction {
  readonly #parts: Message[] = [];
  #next: number | undefined;
  readonly #early = new Map<number, Packet>();

  take(packet: Packet): void {
    if (packet.syn) this.#next = (packet.sequence + 1) >>> 0;
    if (packet.data.length === 0) return;
    this.#next ??= packet.sequence;
    let due: Packet | undefined = packet;
    while (due) {
      this.#append(due);
      due = this.#early.get(this.#next);
      this.#early.delete(this.#next);
    }
  }

  #append(packet: Packet): void {
    const { sequence, time, data } = packet;
    const next = this.#next as number;
    const ahead = (sequence - next) | 0;
    if (ahead > 0) {
      this.#early.set(sequence, packet);
      return;
    }
    // Of what is sent again, what is new counts.
    const bytes = data.subarray(-ahead);
    if (bytes.length === 0) return;
    this.#parts.push({ time, bytes });
    this.#next = (next + bytes.length) >>> 0;
  }

  /** The messages, each with the time of the part that it begins in. */
  messages(tell: Tell): Message[] {
    if (this.#early.size) tell("Packets of a connection are missing; what came after them is left out.");
    const parts = this.#parts;
    const sent = joined(parts.map(({ bytes }) => bytes));
    const found: Message[] = [];
    let part = 0;
    let end = parts[0]?.bytes.length ?? 0;
    for (let at = 0; at + HEADER <= sent.length; ) {
      const size = messageSize(sent, at);
      if (size === undefined) {
        tell("A connection carries something else than TPM messages; that is left out.");
        break;
      }
      if (at + size > sent.length) break;
      while (at >= end) end += (parts[++part] as Message).bytes.length;
      found.push({ time: (parts[part] as Message).time, bytes: sent.subarray(at, at + size) });
      at += size;
    }
    return found;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
