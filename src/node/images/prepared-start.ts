/**
 * A machine that has booted once, up to its shell, for pages to go on with. The TPM that it was measured into ends with
 * this: the file has none of it, and who starts from the file brings another.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { V86 } from "v86";
import { NO_BOOT_MENU, pcOptions } from "../../machine/pc.ts";
import { DirectBoot } from "../../machine/rom/index.ts";
import { createV86 } from "../../machine/v86/create-v86.ts";
import { type PreparedFor, writePrepared } from "../../session/prepared.ts";
import { measurements, takeSnapshot } from "../../session/snapshot.ts";
import { attachTpm } from "../../session/tpm.ts";
import type { OpenTpm } from "../../worker/keeping.ts";
import { startNativeBackend } from "../bridge/native-backend.ts";

const WASM = fileURLToPath(import.meta.resolve("v86/build/v86.wasm"));
/** Host milliseconds to the shell, on a slow computer that does other things as well. */
const BOOT_LIMIT_MS = 180_000;
/** Host milliseconds without a TPM command after which the guest is taken to be at rest. */
const QUIET_MS = 1500;

/** What is booted, unpacked. */
export interface PreparedParts {
  images: Record<keyof PreparedFor["images"], Uint8Array<ArrayBuffer>>;
  belongsTo: PreparedFor;
  /** What the guest prints when its shell takes commands. */
  prompt: string;
}

/** A machine did not get as far as its shell. */
export class PreparedBootError extends Error {
  override name = "PreparedBootError";
}

/**
 * Boots a machine as the page does and writes its state to `path`. Takes some ten seconds.
 * @throws {SwtpmStartError} without swtpm, {PreparedBootError}
 */
export async function buildPreparedStart(parts: PreparedParts, path: string): Promise<void> {
  const { tpmVersion: version, memorySize, cmdline } = parts.belongsTo;
  const { bios, vgaBios, kernel, initrd } = parts.images;
  const native = await startNativeBackend({ version });
  const open: OpenTpm = async () => ({ ...native, label: "" });
  const options = pcOptions({ bios: bios.buffer, vgaBios: vgaBios.buffer, memorySize });
  const adapters = { disable_keyboard: true, disable_mouse: true };
  const { emulator, bus } = await createV86(V86, { ...options, ...adapters }, await readFile(WASM));
  const tpm = attachTpm(bus, { version, open });
  try {
    new DirectBoot(bus, emulator, { kernel, initrd, cmdline }, { memorySize });
    bus.setFirmwareFile(NO_BOOT_MENU.name, NO_BOOT_MENU.data);
    await tpm.ready;
    const atShell = output(emulator, parts.prompt);
    bus.resume();
    await atShell;
    await quiet(() => tpm.commands.length);
    const { tpm: state, ppi: _, ...machine } = await takeSnapshot({ emulator, bus, tpm });
    const commands = measurements({ tpm });
    const bytes = writePrepared({
      ...machine,
      device: state.device,
      commands,
      belongsTo: parts.belongsTo,
    });
    await writeFile(path, await promisify(gzip)(bytes));
  } finally {
    await emulator.destroy();
    await tpm.close();
    await native.stop();
  }
}

/** Resolves when the guest has printed `text`. */
function output(emulator: V86, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = "";
    const late = setTimeout(
      () =>
        reject(
          new PreparedBootError(
            `the guest did not get to its shell within ${BOOT_LIMIT_MS / 1000} s; its last words: ${printed.slice(-500)}`,
          ),
        ),
      BOOT_LIMIT_MS,
    );
    emulator.add_listener("serial0-output-byte", (byte: number) => {
      printed += String.fromCharCode(byte);
      if (!printed.endsWith(text)) return;
      clearTimeout(late);
      resolve();
    });
  });
}

/** Resolves when `count` has stayed the same for a while. */
async function quiet(count: () => number): Promise<void> {
  for (let before = -1; before !== count(); ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  }
}
