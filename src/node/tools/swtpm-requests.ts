/**
 * Where requests and answers end on swtpm's two channels, for a server that puts a stream of a client's bytes into
 * whole messages and knows when each is answered. What is no proper request is passed on as it came, so that swtpm
 * itself says what is wrong with it.
 */
import { frameResponse, isFramed } from "../../backend/hidden/data-channel.ts";
import { viewOf } from "../../protocol/bytes/view.ts";
import {
  COMMAND_HEADER_SIZE,
  type ControlExchange,
  cancelTpmCommand,
  decodeReply,
  getCapability,
  getConfig,
  getInfo,
  getStateBlob,
  getTpmEstablished,
  hashData,
  hashEnd,
  hashStart,
  init,
  lockStorage,
  MESSAGE_HEADER_SIZE,
  messageLength,
  ResponseAssembler,
  resetTpmEstablished,
  SWTPM_COMMANDS,
  setBufferSize,
  setLocality,
  setStateBlob,
  shutdown,
  stop,
  storeVolatile,
} from "../../protocol/swtpm/index.ts";

/** Cuts one channel's stream. */
export interface Protocol {
  /** Bytes of the request that `received` begins with; 0 while it is not whole. */
  requestLength(received: Uint8Array): number;
  /** What becomes of a request whose rest does not come: swtpm gets what there is, its client is gone, or nothing. */
  incomplete(received: Uint8Array): "pass" | "close" | "wait";
  /**
   * A request goes to swtpm: the answer that `answer` puts together is the one to this.
   * @returns what to send: the request, or what swtpm answers in the same way.
   */
  begin(request: Uint8Array): Uint8Array;
  /** Takes a piece of the answer. @returns the answer, once it is whole. @throws when it is none. */
  answer(chunk: Uint8Array): Uint8Array | undefined;
}

const EMPTY = new Uint8Array(0);

/** An exchange of each kind: their requests are as short as they can be, and their replies say where they end. */
const EXCHANGES = new Map<number, ControlExchange<unknown>>(
  [
    getCapability(),
    init(0),
    shutdown(),
    getTpmEstablished(),
    setLocality(0),
    hashStart(),
    hashData(EMPTY),
    hashEnd(),
    cancelTpmCommand(),
    storeVolatile(),
    resetTpmEstablished(0),
    getStateBlob("permanent"),
    setStateBlob("permanent", EMPTY, 0),
    stop(),
    getConfig(),
    setBufferSize(0),
    getInfo(0),
    lockStorage(0),
  ].map((exchange) => [SWTPM_COMMANDS[exchange.command], exchange]),
);

/** Requests that announce how many bytes follow, in their last word. */
const WITH_DATA: readonly number[] = [SWTPM_COMMANDS.CMD_HASH_DATA, SWTPM_COMMANDS.CMD_SET_STATEBLOB];

/** swtpm does not wait for their bodies: what came with the command in one read is all that it takes. */
const NOT_AWAITED: readonly number[] = [
  SWTPM_COMMANDS.CMD_SET_BUFFERSIZE,
  SWTPM_COMMANDS.CMD_GET_INFO,
  SWTPM_COMMANDS.CMD_LOCK_STORAGE,
];

/** What is unknown is answered with a result and nothing more. */
const UNKNOWN = stop();

const word = (bytes: Uint8Array, at: number) => viewOf(bytes).getUint32(at);

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

/** The control channel. */
export class ControlProtocol implements Protocol {
  #exchange = UNKNOWN as ControlExchange<unknown>;
  #received: Uint8Array = EMPTY;

  requestLength(received: Uint8Array): number {
    if (received.length < 4) return 0;
    const command = word(received, 0);
    const least = NOT_AWAITED.includes(command) ? 4 : (EXCHANGES.get(command)?.request.length ?? 4);
    if (received.length < least) return 0;
    // Clients send some bodies longer than needed (a locality as four bytes); swtpm takes what one read gives it.
    if (!WITH_DATA.includes(command)) return received.length;
    const length = least + word(received, least - 4);
    return received.length < length ? 0 : length;
  }

  incomplete(): "close" {
    return "close";
  }

  begin(request: Uint8Array): Uint8Array {
    this.#exchange = EXCHANGES.get(word(request, 0)) ?? UNKNOWN;
    this.#received = EMPTY;
    return request;
  }

  answer(chunk: Uint8Array): Uint8Array | undefined {
    this.#received = joined(this.#received, chunk);
    return decodeReply(this.#exchange, this.#received).done ? this.#received : undefined;
  }
}

/** The longest command that a TPM takes, and the longest response. */
const MAX_COMMAND = 4096;
/** The most that one read of swtpm takes: room for such a command with its header, whether it has one or not. */
const MAX_READ = COMMAND_HEADER_SIZE + MAX_COMMAND;

/**
 * A command that is longer than any, cut to what the machine's port takes. A TPM refuses the one as the other, since it
 * is not as long as its length field says.
 */
function refusedAlike(command: Uint8Array): Uint8Array {
  return command.subarray(0, messageLength(command) === MAX_COMMAND ? MAX_COMMAND - 1 : MAX_COMMAND);
}

/** The data channel: TPM commands, with or without a header that carries the locality. */
export class DataProtocol implements Protocol {
  readonly #assembler = new ResponseAssembler(MAX_COMMAND);
  #framed = false;

  requestLength(received: Uint8Array): number {
    if (received.length < MESSAGE_HEADER_SIZE) return 0;
    const header = isFramed(received) ? COMMAND_HEADER_SIZE : 0;
    if (received.length < header + MESSAGE_HEADER_SIZE) return 0;
    const length = Math.min(header + messageLength(received, header), MAX_READ);
    // More than was announced is not a second command: swtpm takes it as part of the first, and refuses it.
    return received.length < length ? 0 : Math.min(received.length, MAX_READ);
  }

  incomplete(received: Uint8Array): "pass" | "wait" {
    return received.length < MESSAGE_HEADER_SIZE ? "wait" : "pass";
  }

  begin(request: Uint8Array): Uint8Array {
    this.#framed = isFramed(request);
    this.#assembler.begin(this.#framed);
    return this.#framed || request.length <= MAX_COMMAND ? request : refusedAlike(request);
  }

  answer(chunk: Uint8Array): Uint8Array | undefined {
    const response = this.#assembler.push(chunk);
    return response && this.#framed ? frameResponse(response) : response;
  }
}
