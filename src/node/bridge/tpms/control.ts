/**
 * A control channel for TPMs that have none: it says what they are and that they can neither be powered on nor moved,
 * and passes on what they can do.
 */
import { ByteWriter } from "../../../protocol/bytes/writer.ts";
import { commandNumber, PTM_CAP, PTM_RESULT, SWTPM_COMMANDS } from "../../../protocol/swtpm/index.ts";
import type { SocketChannel } from "../tcp-channel.ts";
import { GatedChannel } from "./gated-channel.ts";
import { MemoryChannel } from "./memory-channel.ts";
import type { TpmFacts } from "./probe.ts";

export interface Abilities {
  /** Ends the command that runs; rejects when that cannot be. */
  cancel?(): Promise<void>;
}

/** A TPM of which commands are run and nothing else. */
export function answeringControl(facts: TpmFacts, { cancel }: Abilities = {}): SocketChannel {
  const channel = new MemoryChannel((request) => void answer(request).then((reply) => channel.say(reply)));
  async function answer(request: Uint8Array): Promise<Uint8Array> {
    switch (commandNumber(request)) {
      case SWTPM_COMMANDS.CMD_GET_CAPABILITY:
        return ok()
          .u32be(PTM_CAP.SET_BUFFERSIZE | PTM_CAP.GET_INFO | (cancel ? PTM_CAP.CANCEL_TPM_CMD : 0))
          .finish();
      case SWTPM_COMMANDS.CMD_SET_BUFFERSIZE:
        return ok().u32be(facts.bufferSize).u32be(facts.bufferSize).u32be(facts.bufferSize).finish();
      case SWTPM_COMMANDS.CMD_GET_INFO:
        return info(facts);
      case SWTPM_COMMANDS.CMD_CANCEL_TPM_CMD:
        if (cancel)
          return result(
            await cancel().then(
              () => PTM_RESULT.SUCCESS,
              () => PTM_RESULT.FAIL,
            ),
          );
    }
    return result(PTM_RESULT.BAD_ORDINAL);
  }
  return channel;
}

const result = (code: number) => new ByteWriter().u32be(code).finish();
const ok = () => new ByteWriter().u32be(PTM_RESULT.SUCCESS);

/** The TPM in words, as swtpm's CMD_GET_INFO has them. */
function info({ version, manufacturer, firmware }: TpmFacts): Uint8Array {
  const id = (value: number) => `id:${value.toString(16).toUpperCase().padStart(8, "0")}`;
  const json = JSON.stringify({
    TPMSpecification: { family: version },
    TPMAttributes: {
      ...(manufacturer !== undefined && { manufacturer: id(manufacturer) }),
      ...(firmware !== undefined && { version: id(firmware) }),
    },
  });
  const text = new TextEncoder().encode(`${json}\0`);
  return ok().u32be(text.length).u32be(text.length).bytes(text).finish();
}

/** swtpm's own control channel, without the request that ends it: it is not the page's. */
export function withoutShutdown(inner: SocketChannel): SocketChannel {
  return new GatedChannel(inner, (request) =>
    commandNumber(request) === SWTPM_COMMANDS.CMD_SHUTDOWN ? result(PTM_RESULT.BAD_ORDINAL) : undefined,
  );
}
