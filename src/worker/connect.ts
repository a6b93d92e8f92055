/** Opens the channels to a swtpm, wherever it runs, and powers it on. */

import { ChannelClosedError, type SwtpmChannels } from "../backend/channel.ts";
import { BackendSpentError } from "../backend/errors.ts";
import { HIDDEN_TIMEOUTS } from "../backend/hidden/timeouts.ts";
import { messagePortChannel } from "../backend/message-port.ts";
import { type BackendInfo, can, type TpmBackend, type TpmState } from "../backend/port.ts";
import { RecoveringBackend } from "../backend/recovering.ts";
import { SwtpmSession } from "../backend/swtpm-session.ts";
import { BRIDGE_LIMIT_MS, connectBridge, connectWebSocketPair } from "../backend/websocket.ts";
import type { BackendTarget, EngineOptions, PoweredOn } from "./events.ts";

/** A TPM that is powered on. */
export interface OpenBackend extends PoweredOn {
  /** For an `OrderedTpm` in front of it. */
  backend: TpmBackend;
}

/**
 * How long the only bridge may take to open a session, in milliseconds: it may ask a chip, or several places of its own.
 * Where there are others, {@link BRIDGE_LIMIT_MS}.
 */
const ONLY_BRIDGE_LIMIT_MS = 60_000;
/** In milliseconds, of a swtpm that the bridge has just started: on a busy host first answer and CMD_INIT take long. */
const STARTED_TIMEOUTS = { probe: 60_000, control: 120_000 };

/** Ports whose hidden machine has been given a session: it runs one TPM, and nobody answers there after that. */
const used = new WeakSet<MessagePort>();

/** Tells people what happens to a TPM while it is on. @param label who serves now. */
export type Notice = (message: string, label?: string) => void;

/** Where a session is opened: one bridge of those that there may be. */
type Site = Exclude<BackendTarget, { kind: "bridge" }> | { kind: "bridge"; url: string; only: boolean };

/**
 * @throws what the transport or the TPM says against it; {BackendSpentError} where a hidden machine was opened before.
 * @param notice needed where the TPM is to outlive its bridge.
 */
export async function openBackend(
  options: Pick<EngineOptions, "version" | "target" | "reconnect">,
  state?: TpmState,
  notice: Notice = () => undefined,
): Promise<OpenBackend> {
  const { version, target, reconnect } = options;
  if (target.kind !== "bridge") return openAt(version, target, state);
  const bridges = new Bridges(version, target.urls);
  const first = await bridges.open(state);
  if (!reconnect) return first;
  if (!can(first.info, "state")) {
    notice(`${first.label}: this TPM does not give its state, so that it is lost with its bridge.`);
    return first;
  }
  const backend = new RecoveringBackend(first, {
    reopen: (state, signal) => bridges.open(state, signal),
    notice,
  });
  try {
    await backend.begin();
  } catch (error) {
    await backend.shutdown();
    throw error;
  }
  return { ...first, backend };
}

/** Bridges in the order of preference; the one that was used last is the first to be asked again. */
class Bridges {
  readonly #version: BackendInfo["version"];
  readonly #urls: readonly string[];
  #next = 0;

  constructor(version: BackendInfo["version"], urls: readonly string[]) {
    this.#version = version;
    this.#urls = urls;
  }

  /** Opens a session at the first one that can. @throws what the last one said, with what the others said. */
  async open(state?: TpmState, signal?: AbortSignal): Promise<OpenBackend> {
    const errors: Error[] = [];
    for (let tried = 0; tried < this.#urls.length && !signal?.aborted; tried++) {
      const at = (this.#next + tried) % this.#urls.length;
      try {
        // Somebody who looks for a lost TPM tries again.
        const only = this.#urls.length === 1 && !signal;
        const site = { kind: "bridge", url: this.#urls[at]!, only } as const;
        const opened = await openAt(this.#version, site, state, signal);
        this.#next = at;
        return opened;
      } catch (error) {
        // A state that one swtpm refuses may be what another, newer one can read.
        errors.push(error as Error);
      }
    }
    if (errors.length === 1) throw errors[0];
    throw new ChannelClosedError(errors.map(({ message }) => message).join("; ") || "given up", {
      cause: errors[0],
    });
  }
}

async function openAt(
  version: BackendInfo["version"],
  site: Site,
  state?: TpmState,
  signal?: AbortSignal,
): Promise<OpenBackend> {
  // A swtpm of the user's own goes on after us.
  const { channels, server, owned = site.kind !== "proxy" } = await openChannels(site, version, signal);
  const backend = new SwtpmSession(channels, {
    version,
    owned,
    ...(server !== undefined && { server }),
    ...(site.kind === "hidden" && { timeouts: HIDDEN_TIMEOUTS }),
    ...(site.kind === "bridge" && owned && { timeouts: STARTED_TIMEOUTS }),
  });
  const info = await backend.start(state ? { state } : {});
  return { backend, info, label: `${info.description} ${place(site)}` };
}

async function openChannels(
  site: Site,
  version: BackendInfo["version"],
  signal?: AbortSignal,
): Promise<{ channels: SwtpmChannels; server?: string; owned?: boolean }> {
  switch (site.kind) {
    case "bridge": {
      const limit = AbortSignal.timeout(site.only ? ONLY_BRIDGE_LIMIT_MS : BRIDGE_LIMIT_MS);
      return connectBridge(site.url, { version, signal: signal ? AbortSignal.any([signal, limit]) : limit });
    }
    case "proxy":
      return { channels: await connectWebSocketPair({ control: site.control, data: site.data }) };
    case "hidden": {
      if (used.has(site.control))
        throw new BackendSpentError(
          "the hidden machine has run its one TPM, which has ended; a reset of the machine starts another one",
        );
      used.add(site.control);
      const control = messagePortChannel(site.control);
      const data = messagePortChannel(site.data);
      // Until then it loads, over however slow a line, and boots, and has time limits of its own.
      await Promise.all([control.joined, data.joined]);
      return { channels: { control, data } };
    }
  }
}

function place(site: Site): string {
  switch (site.kind) {
    case "bridge":
      return `over the bridge at ${new URL(site.url).host}`;
    case "proxy":
      return `over ${new URL(site.data).host}`;
    case "hidden":
      return "in a hidden machine of this page";
  }
}
