/**
 * The kernel that "the fastest there is" stands for, machine by machine: what a machine has booted it boots again, also
 * when a faster one has come meanwhile, until its owner takes that. Another kernel would be measured, and what was
 * sealed to the boot would not open any more.
 */
import type { KernelName } from "../../session/images/manifest.ts";
import type { MachineSettings } from "../../session/vault/types.ts";

/** Among a kept machine's settings. No parameter of an address: a link cannot set it. */
const KEY = "usual-kernel";

const isKernel = (value: unknown): value is KernelName => value === "small" || value === "stock";

export class KernelPins {
  /** By name of the machine, also of those that nothing is kept of: for as long as the page is open. */
  readonly #here = new Map<string, KernelName>();

  /** @param settings of the machine as they are kept. */
  of(machine: string, settings: MachineSettings | undefined): KernelName | undefined {
    const kept = settings && Object.hasOwn(settings, KEY) ? settings[KEY] : undefined;
    return this.#here.get(machine) ?? (isKernel(kept) ? kept : undefined);
  }

  set(machine: string, kernel: KernelName): void {
    this.#here.set(machine, kernel);
  }

  /** Settings to keep, with the kernel among them; the same object where it is among them already. */
  static among(settings: MachineSettings, kernel: KernelName | undefined): MachineSettings {
    return kernel === undefined || settings[KEY] === kernel ? settings : { ...settings, [KEY]: kernel };
  }
}
