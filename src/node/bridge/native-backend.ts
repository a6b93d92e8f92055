/** A real, started TPM in one call, for the tools in Node and what they build, and for tests. */
import type { BackendInfo, TpmState } from "../../backend/port.ts";
import { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import type { SwtpmTimeouts } from "../../backend/swtpm-session.ts";
import { type SwtpmChild, spawnSwtpm, swtpmVersion } from "./swtpm-process.ts";

export interface NativeBackendOptions {
  /** Default "2.0". */
  version?: BackendInfo["version"];
  /** Set before the TPM is powered on. */
  state?: TpmState;
  timeouts?: Partial<SwtpmTimeouts>;
}

export interface NativeBackend {
  backend: SwtpmBackend;
  info: BackendInfo;
  swtpm: SwtpmChild;
  /** Shuts the TPM down and ends its process. */
  stop(): Promise<void>;
}

/** Starts a fresh swtpm process and powers its TPM on (without TPM2_Startup, which is the firmware's). */
export async function startNativeBackend(options: NativeBackendOptions = {}): Promise<NativeBackend> {
  const { version = "2.0", state, timeouts = {} } = options;
  const swtpm = await spawnSwtpm({ version });
  const backend = new SwtpmBackend(swtpm.channels, {
    version,
    owned: true,
    server: await swtpmVersion(),
    timeouts,
  });
  try {
    const info = await backend.start(state ? { state } : {});
    const stop = async () => {
      await backend.shutdown();
      await swtpm.stop();
    };
    return { backend, info, swtpm, stop };
  } catch (error) {
    await swtpm.stop();
    throw error;
  }
}
