/** The TPMs that the qtest tool can put behind the device. */

import { HIDDEN_TIMEOUTS } from "../../backend/hidden/timeouts.ts";
import type { TpmBackend } from "../../backend/port.ts";
import { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import type { TpmVersion } from "../../device/tis/ports.ts";
import { own } from "../../protocol/bytes/own.ts";
import { spawnSwtpm } from "../bridge/swtpm-process.ts";
import { connectTcp } from "../bridge/tcp-channel.ts";
import { restoreHiddenMachine } from "./swtpm-machine.ts";

type Version = Exclude<TpmVersion, "unspecified">;

export interface PreparedBackend {
  /** Not started yet. */
  backend: TpmBackend;
  /** Ends the TPM and what was started for it. */
  stop(): Promise<void>;
}

export interface Address {
  host: string;
  port: number;
}

/** What `--backend` can name. */
export const BACKENDS: Readonly<Record<string, (version: Version) => Promise<PreparedBackend>>> = {
  swtpm: ownSwtpm,
  hidden: hiddenSwtpm,
};

/** The name of a backend, or a swtpm that listens already. */
export type BackendChoice = { name: string } | { control: Address; data: Address };

export function prepareBackend(choice: BackendChoice, version: Version): Promise<PreparedBackend> {
  if ("name" in choice) return own(BACKENDS, choice.name)!(version);
  return listeningSwtpm(choice.control, choice.data, version);
}

/** A fresh swtpm process. */
async function ownSwtpm(version: Version): Promise<PreparedBackend> {
  const swtpm = await spawnSwtpm({ version });
  const backend = new SwtpmBackend(swtpm.channels, { version, owned: true });
  const stop = async () => {
    await backend.shutdown();
    await swtpm.stop();
  };
  return { backend, stop };
}

/** A fresh swtpm in the hidden machine, as a page without a bridge has it. */
async function hiddenSwtpm(version: Version): Promise<PreparedBackend> {
  const machine = await restoreHiddenMachine();
  try {
    const channels = await machine.start({ version });
    const backend = new SwtpmBackend(channels, { version, owned: true, timeouts: HIDDEN_TIMEOUTS });
    const stop = async () => {
      await backend.shutdown();
      await machine.stop();
    };
    return { backend, stop };
  } catch (error) {
    await machine.stop();
    throw error;
  }
}

async function listeningSwtpm(control: Address, data: Address, version: Version): Promise<PreparedBackend> {
  const controlChannel = await connectTcp(control.host, control.port);
  const dataChannel = await connectTcp(data.host, data.port).catch((error: unknown) => {
    controlChannel.close();
    throw error;
  });
  const backend = new SwtpmBackend({ control: controlChannel, data: dataChannel }, { version });
  return { backend, stop: () => backend.shutdown() };
}
