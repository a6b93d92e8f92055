/** Opens the channels to a swtpm, wherever it runs, and powers it on. */

import type { SwtpmChannels } from "../backend/channel.ts";
import { messagePortChannel } from "../backend/message-port.ts";
import type { BackendInfo } from "../backend/port.ts";
import { SwtpmBackend } from "../backend/swtpm-backend.ts";
import { connectBridge, connectWebSocketPair } from "../backend/websocket.ts";
import type { BackendTarget, EngineOptions } from "./events.ts";

export interface OpenBackend {
  backend: SwtpmBackend;
  info: BackendInfo;
  /** Who serves and where, for people. */
  label: string;
}

/** @throws what the transport or the TPM says against it. */
export async function openBackend({ version, target }: EngineOptions): Promise<OpenBackend> {
  const channels = await openChannels(target, version);
  // A swtpm of the user's own goes on after us.
  const backend = new SwtpmBackend(channels, { version, owned: target.kind !== "proxy" });
  const info = await backend.start();
  return { backend, info, label: `${info.description} ${place(target)}` };
}

function openChannels(target: BackendTarget, version: BackendInfo["version"]): Promise<SwtpmChannels> {
  switch (target.kind) {
    case "bridge":
      return connectBridge(target.url, { version }).then(({ channels }) => channels);
    case "proxy":
      return connectWebSocketPair({ control: target.control, data: target.data });
    case "hidden":
      return Promise.resolve({
        control: messagePortChannel(target.control),
        data: messagePortChannel(target.data),
      });
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
