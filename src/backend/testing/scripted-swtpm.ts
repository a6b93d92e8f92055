/**
 * An swtpm in memory that follows a script, for what the real one never does: odd chunks, wrong lengths, silence, a
 * connection that breaks at a chosen moment. Its bytes arrive as those of a socket do: later, in any pieces.
 */
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { type ByteChannel, ChannelClosedError, type SwtpmChannels } from "../channel.ts";

/** A channel whose far side is the test. */
export class TestChannel implements ByteChannel {
  onData: ByteChannel["onData"];
  onClose: ByteChannel["onClose"];
  /** What was sent, one hex string a `send`. */
  readonly sent: string[] = [];
  open = true;
  /** Answers a send; undefined: silence. */
  respond: (request: string) => string | string[] | undefined = () => undefined;

  send(bytes: Uint8Array): void {
    if (!this.open) throw new ChannelClosedError("closed");
    const request = toHex(bytes);
    this.sent.push(request);
    const answer = this.respond(request);
    if (answer !== undefined) this.arrive(...(typeof answer === "string" ? [answer] : answer));
  }

  /** Delivers chunks, given in hex, one after the other. */
  arrive(...chunks: string[]): void {
    for (const chunk of chunks)
      queueMicrotask(() => {
        if (this.open) this.onData?.(fromHex(chunk));
      });
  }

  close(error?: Error): void {
    if (!this.open) return;
    this.open = false;
    this.onClose?.(error);
  }
}

/** Cuts hex into chunks of `size` bytes. */
export function chunks(hex: string, size: number): string[] {
  return hex.match(new RegExp(`.{1,${2 * size}}`, "g")) ?? [];
}

/** Replies of a well-behaved swtpm with a TPM 2.0, by the command number as two hex digits. */
export const GOOD_REPLIES: Record<string, string> = {
  "01": "000000000000ffff",
  "02": "00000000",
  "03": "00000000",
  "04": "0000000000000000",
  "05": "00000000",
  "09": "00000000",
  "0b": "00000000",
  "0c": "00000000000000000000000400000004deadbeef",
  "0d": "00000000",
  "0e": "00000000",
  "11": "000000000000100000000af800001000",
  "12": `00000000${jsonReply('{"TPMSpecification":{"family":"2.0"}}')}`,
};

function jsonReply(text: string): string {
  const hex = Array.from(`${text}\0`, (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  const length = (hex.length / 2).toString(16).padStart(8, "0");
  return length + length + hex;
}

/** The two channels with scripts on them. */
export class ScriptedSwtpm implements SwtpmChannels {
  readonly control = new TestChannel();
  readonly data = new TestChannel();
  /** Replies by command number; change them to misbehave. */
  readonly replies: Record<string, string | string[] | undefined> = { ...GOOD_REPLIES };
  /** Commands of both channels in the order of sending, e.g. "control 0e", "data 80010000…". */
  readonly order: string[] = [];

  constructor(probeAnswer = "80010000000a00000101") {
    this.control.respond = (request) => {
      const number = request.slice(6, 8);
      this.order.push(`control ${number}`);
      return this.replies[number];
    };
    this.data.respond = (request) => {
      this.order.push(`data ${request}`);
      return request === "80010000000a00000181" ? probeAnswer : undefined;
    };
  }

  /** Control command numbers that were sent, in order. */
  get controls(): string[] {
    return this.control.sent.map((request) => request.slice(6, 8));
  }

  /** The last message on the data channel. */
  get lastCommand(): string | undefined {
    return this.data.sent.at(-1);
  }
}

/** Frames a response as swtpm does when the command came with a header. */
export function framed(response: string): string {
  return `${(response.length / 2).toString(16).padStart(8, "0")}${response}00000000`;
}
