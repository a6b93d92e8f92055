/** Opens the channels to a swtpm, wherever it runs, and powers it on. */

import type { SwtpmChannels } from "../backend/channel.ts";
import { messagePortChannel } from "../backend/message-port.ts";
import type { BackendInfo, TpmBackend, TpmState } from "../backend/port.ts";
import { SwtpmBackend } from "../backend/swtpm-backend.ts";
import { connectBridge, connectWebSocketPair } from "../backend/websocket.ts";
import type { BackendTarget, EngineOptions, PoweredOn } from "./events.ts";

/** An emulated machine is slow to make a TPM: the RSA keys of a TPM 1.2 are made within CMD_INIT. In milliseconds. */
const HIDDEN_TIMEOUTS = { probe: 60_000, control: 300_000 };

/** A TPM that is powered on. */
export interface OpenBackend extends PoweredOn {
  backend: TpmBackend;
}

/** @throws what the transport or the TPM says against it. */
export async function openBackend(
  { version, target }: Pick<EngineOptions, "version" | "target">,
  state?: TpmState,
): Promise<OpenBackend> {
  const { channels, server } = await openChannels(target, version);
  // A swtpm of the user's own goes on after us.
  const owned = target.kind !== "proxy";
  const backend = new SwtpmBackend(channels, {
    version,
    owned,
    ...(server !== undefined && { server }),
    ...(target.kind === "hidden" && { timeouts: HIDDEN_TIMEOUTS }),
  });
  const info = await backend.start(state ? { state } : {});
  return { backend, info, label: `${info.description} ${place(target)}` };
}

async function openChannels(
  target: BackendTarget,
  version: BackendInfo["version"],
): Promise<{ channels: SwtpmChannels; server?: string }> {
  switch (target.kind) {
    case "bridge":
      return connectBridge(target.url, { version });
    case "proxy":
      return { channels: await connectWebSocketPair({ control: target.control, data: target.data }) };
    case "hidden":
      return {
        channels: {
          control: messagePortChannel(target.control),
          data: messagePortChannel(target.data),
        },
      };
  }
}

function place(target: BackendTarget): string {
  switch (target.kind) {
    case "bridge":
      return `over the bridge at ${new URL(target.url).host}`;
    case "proxy":
      return `over ${new URL(target.data).host}`;
    case "hidden":
      return "in a hidden machine of this page";
  }
}
