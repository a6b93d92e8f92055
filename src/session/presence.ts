/**
 * The machine's part in physical presence: keeps the memory in which requests are left for the firmware, puts the option
 * ROM that carries one out before the firmware when one is due, and overwrites the guest's memory where that was asked
 * for. SeaBIOS itself carries out no requests; firmware that does, as EDK2's, finds the memory by `etc/tpm/config`.
 */

import { PpiArea } from "../device/ppi/area.ts";
import { PPI_CONFIG_FILE, ppiConfig } from "../device/ppi/config.ts";
import { PPI_WINDOW } from "../device/ppi/layout.ts";
import { PPI_OPERATIONS, type PpiFamily } from "../device/ppi/operations.ts";
import type { TpmVersion } from "../device/tis/ports.ts";
import type { MachineBus } from "../machine/bus.ts";
import { PRESENCE_ROM_FILE, presenceRom } from "../machine/rom/presence.ts";
import type { PresenceRequest, PresenceStatus } from "./types.ts";

type Asker = NonNullable<PresenceRequest["by"]>;

export class PhysicalPresence {
  readonly #bus: MachineBus;
  readonly #area = new PpiArea();
  readonly #ends: (() => void)[];
  #family: PpiFamily | undefined;
  /** Who asked for what is pending; "unknown" after a snapshot was put back. */
  #by: Asker | "unknown" | undefined;
  /** The request that the last reset gave to the firmware. */
  #given: PresenceRequest | undefined;
  #overwritten = false;
  /** The last reset gave a request to the firmware. */
  #carryingOut = false;

  /** Told when the status has changed. */
  onChange: ((status: PresenceStatus) => void) | undefined;

  constructor(bus: MachineBus) {
    this.#bus = bus;
    bus.attach(PPI_WINDOW, this.#area);
    this.#area.onChange = () => this.#changed();
    const end = bus.beforeReset?.(() => this.#overwrite());
    this.#ends = end ? [end] : [];
  }

  get status(): PresenceStatus {
    const { request, parameter, last, result, overwrite } = this.#area.contents;
    return {
      ...(request && { pending: this.#pending(request, parameter) }),
      ...(last && { last: { ...this.#carriedOut(last), result } }),
      overwrite,
      overwritten: this.#overwritten,
    };
  }

  /** Tells firmware and operating system what can be asked for; nothing without a TPM that works. */
  announce(version: TpmVersion): void {
    this.#family = version === "unspecified" ? undefined : version;
    this.#area.offer(this.#family);
    if (this.#family) this.#bus.setFirmwareFile(PPI_CONFIG_FILE, ppiConfig(this.#family));
    else this.#bus.removeFirmwareFile(PPI_CONFIG_FILE);
  }

  /** @throws {RangeError} see `TpmHandle.requestPresence`. */
  request(operation: number, parameter: number): void {
    const family = this.#family;
    if (!family) throw new RangeError("there is no TPM that works to ask something for");
    if (!PPI_OPERATIONS[family][operation]?.implemented)
      throw new RangeError(`the firmware carries out no operation ${operation} for a TPM ${family}`);
    this.#by = "page";
    this.#area.ask(operation, parameter);
  }

  /** The machine was reset: what was asked for is carried out now. */
  machineReset(): void {
    const { request, parameter } = this.#area.contents;
    this.#carryingOut = request !== 0;
    if (request) {
      this.#given = this.#pending(request, parameter);
      this.#bus.setFirmwareFile(PRESENCE_ROM_FILE, presenceRom());
    } else this.#bus.removeFirmwareFile(PRESENCE_ROM_FILE);
    this.#changed();
  }

  /** The memory as it stands, for a snapshot. */
  save(): Uint8Array {
    return this.#area.bytes().slice();
  }

  /** @throws {RangeError} when it is too long. */
  restore(bytes: Uint8Array): void {
    this.#area.restore(bytes);
    // Older snapshots have none: the firmware's offer is in it.
    if (!bytes.length) this.#area.offer(this.#family);
    this.#by = "unknown";
    this.#given = undefined;
    this.#overwritten = false;
  }

  end(): void {
    for (const end of this.#ends) end();
    this.announce("unspecified");
    this.#bus.removeFirmwareFile(PRESENCE_ROM_FILE);
  }

  #pending(operation: number, parameter: number): PresenceRequest {
    const by = this.#by ?? "guest";
    return { operation, parameter, ...(by !== "unknown" && { by }) };
  }

  #carriedOut(operation: number): PresenceRequest {
    return this.#given?.operation === operation ? this.#given : { operation, parameter: 0 };
  }

  #overwrite(): void {
    const asked = this.#area.contents.overwrite && this.#bus.clearMemory !== undefined;
    // Firmware that has carried out a request resets the machine itself: that belongs to the same reset.
    this.#overwritten = asked || (this.#overwritten && this.#carryingOut);
    if (!asked) return;
    this.#bus.clearMemory?.();
    this.#area.overwritten();
  }

  #changed(): void {
    if (!this.#area.contents.request) this.#by = undefined;
    else this.#by ??= "guest";
    this.onChange?.(this.status);
  }
}
