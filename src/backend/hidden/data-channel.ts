/**
 * swtpm's data channel over a port. swtpm wants each command in one read, and a read of a port gives a page at most.
 * A command fits a page, but with the header that carries its locality the longest do not. Such a command goes without
 * the header, after a short one that leaves its locality behind: swtpm keeps that of the last header.
 */
import {
  COMMAND_HEADER_SIZE,
  MESSAGE_HEADER_SIZE,
  ResponseAssembler,
  withLocality,
} from "../../protocol/swtpm/index.ts";
import { PortChannel } from "./port-channel.ts";
import { PORT_PAGE } from "./virtio-ports.ts";

/** The first word of the header, TPM2_SEND_COMMAND, and where the locality is. */
const SEND_COMMAND = [0, 0, 0, 8];
const LOCALITY = 4;

/** Command code 0 does not exist: the TPM says so, changes nothing, and audits nothing. */
const NO_COMMAND = Uint8Array.of(0x80, 0x01, 0, 0, 0, MESSAGE_HEADER_SIZE, 0, 0, 0, 0);

/** Whether a message on the data channel has the header. */
export function isFramed(message: Uint8Array): boolean {
  return message.length >= COMMAND_HEADER_SIZE && SEND_COMMAND.every((byte, at) => message[at] === byte);
}

/** A response as it answers a command with a header: its length before it, an acknowledgement (0) after it. */
export function frameResponse(response: Uint8Array): Uint8Array {
  const framed = new Uint8Array(response.length + 8);
  new DataView(framed.buffer).setUint32(0, response.length);
  framed.set(response, 4);
  return framed;
}

export class DataChannel extends PortChannel {
  readonly #assembler = new ResponseAssembler(PORT_PAGE);
  /** Takes what the machine writes, while a long command is under way. */
  #take: ((response: Uint8Array) => void) | undefined;

  override send(message: Uint8Array): void {
    if (message.length <= PORT_PAGE) super.send(message);
    else if (isFramed(message)) this.#sendLong(message);
    else throw new RangeError(`a TPM command has at most ${PORT_PAGE} bytes, got ${message.length}`);
  }

  override receive(bytes: Uint8Array): void {
    if (this.#take) this.#assemble(bytes, this.#take);
    else super.receive(bytes);
  }

  #assemble(bytes: Uint8Array, take: (response: Uint8Array) => void): void {
    try {
      const response = this.#assembler.push(bytes);
      if (response) take(response);
    } catch (error) {
      this.end(error as Error);
    }
  }

  #sendLong(message: Uint8Array): void {
    const command = message.slice(COMMAND_HEADER_SIZE);
    const atLocality = withLocality(message[LOCALITY]!, NO_COMMAND);
    this.#assembler.begin(true);
    this.#take = () => {
      this.#assembler.begin(false);
      this.#take = (response) => {
        this.#take = undefined;
        super.receive(frameResponse(response));
      };
      super.send(command);
    };
    super.send(atLocality);
  }
}
