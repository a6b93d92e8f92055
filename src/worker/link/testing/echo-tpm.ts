/** A device for the tests of the link: behind it a TPM that answers with bytes made from the command, after a while. */
import { TisDevice } from "../../../device/tis/device.ts";
import type { TpmVersion } from "../../../device/tis/ports.ts";
import type { LinkMemory } from "../layout.ts";
import { LinkServer } from "../server.ts";

/** What a test asks of the worker; all of it can be posted. */
export interface EchoOptions {
  memory: LinkMemory;
  version: Exclude<TpmVersion, "unspecified">;
  /** Answers come after a random time of up to this many milliseconds, some of them at once. */
  delayMs: number;
  /** False plays a browser without `Atomics.waitAsync`. */
  waitAsync: boolean;
  /** Sleeps lightly, as for somebody who watches. */
  attentive?: boolean;
}

const HEADER_BYTES = 10;

/** The answer to a command, a function of it alone: as long as its byte 9 says (in words), success, then its bytes. */
export function echo(command: Uint8Array): Uint8Array {
  const response = new Uint8Array(HEADER_BYTES + 4 * (command[9]! & 0x7f));
  response.set(command.subarray(0, 2));
  new DataView(response.buffer).setUint32(2, response.length);
  for (let i = HEADER_BYTES; i < response.length; i++) {
    response[i] = command[i % command.length]! ^ i;
  }
  return response;
}

/** Serves such a device behind shared memory, in the thread that calls. */
export function serveEcho({ memory, version, delayMs, waitAsync, attentive }: EchoOptions): LinkServer {
  const device: TisDevice = new TisDevice({
    version,
    memory: memory.state,
    sink: {
      execute(_locality, command) {
        const { ticket } = device;
        const answer = () => server.change(() => void device.complete(echo(command), ticket));
        const delay = delayMs * (2 * Math.random() - 1);
        if (delay > 0) setTimeout(answer, delay);
        else queueMicrotask(answer);
      },
      cancel: () => undefined,
      resetEstablishment: () => undefined,
      irq: () => undefined,
    },
  });
  const server = new LinkServer({
    memory,
    device,
    waitAsync,
    attentive: () => attentive === true,
    onReset: () => device.reset(),
  });
  return server;
}
