/** Making a v86 machine that a TPM can be attached to: the options it needs, the clock, the bus, in one call. */
import { createGuestClock, type ModuleChange, type WasmSource } from "../time/clock.ts";
import { attachV86, type V86Bus } from "./v86.ts";
import type { V86Emulator } from "./v86-internals.ts";

/** The machine's images could not be loaded. */
export class MachineLoadError extends Error {
  override name = "MachineLoadError";
}

/** What `createV86` sets itself; the rest of v86's options are the caller's. */
type OwnOptions = "wasm_fn" | "wasm_path" | "autostart" | "acpi";

/**
 * Makes a machine with `new V86(options)` and attaches a bus to it. The machine does not run yet: attach devices
 * and firmware files, then call `emulator.run()`.
 *
 * @param V86 the class of npm `v86`, given by the caller so that this file does not load it.
 * @param options v86's own options (images, memory size, screen, ...). `acpi` is always on: without it firmware
 *   makes no ACPI tables and never looks for a TPM.
 * @param wasm v86.wasm, by URL or as bytes.
 * @param host the clock that the guest's time follows: monotonic milliseconds, `performance.now` by default.
 * @param change what has to be another in v86.wasm; none by default.
 * @throws {WasmLoadError} when v86.wasm cannot be loaded, {MachineLoadError} when an image cannot,
 *   {V86VersionError} for another v86.
 */
export async function createV86<E extends V86Emulator, O extends object>(
  V86: new (options: O) => E,
  options: Omit<O, OwnOptions>,
  wasm: WasmSource,
  host?: () => number,
  change?: ModuleChange,
): Promise<{ emulator: E; bus: V86Bus }> {
  const { clock, wasm_fn, bytes } = createGuestClock(wasm, host, change);
  let fail: (error: Error) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // v86 looks after no failure here, so it gets none to see: the machine is simply never made.
  const reporting: typeof wasm_fn = (imports) =>
    wasm_fn(imports).catch((error: Error) => {
      fail(error);
      return new Promise<never>(() => {});
    });
  const own = { wasm_fn: reporting, autostart: false, acpi: true };
  const emulator = new V86({ ...options, ...own } as unknown as O);
  emulator.add_listener("download-error", (file: { file_name?: string }) => {
    fail(new MachineLoadError(`${file?.file_name ?? "an image"} could not be loaded`));
  });
  keepWasmSource(emulator, bytes);
  const bus = await Promise.race([attachV86(emulator, clock), failure]);
  return { emulator, bus };
}

/** v86 unpacks `.zst` images in a worker made from these bytes, which it keeps only when it loads them itself. */
function keepWasmSource(
  emulator: V86Emulator & { wasm_source?: ArrayBuffer },
  bytes: Promise<ArrayBuffer>,
): void {
  bytes.then(
    (source) => {
      emulator.wasm_source = source.slice(0);
    },
    () => {}, // reported through `wasm_fn`
  );
}
