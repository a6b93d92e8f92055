/** One machine of the page: emulator, bus, TPM, in the order in which they have to be made; and its end. */
import { V86, type V86Options } from "v86";
import wasmUrl from "v86/build/v86.wasm?url";
import type { TpmKeep } from "../../backend/port.ts";
import { BusToCome } from "../../machine/bus-to-come.ts";
import type { Drive } from "../../machine/drive/drive.ts";
import { PC_OPTIONS, pcOptions } from "../../machine/pc.ts";
import { DirectBoot } from "../../machine/rom/index.ts";
import { createV86 } from "../../machine/v86/create-v86.ts";
import { drawInSight } from "../../machine/v86/screen-in-sight.ts";
import { createUefiV86, type UefiImage, type UefiMachine } from "../../machine/v86/uefi/uefi-machine.ts";
import type { V86Bus } from "../../machine/v86/v86.ts";
import { type FlashKeep, FlashKeeper } from "../../session/flash-keep.ts";
import { attachTpm, type Tpm } from "../../session/tpm.ts";
import type { TpmHandle } from "../../session/types.ts";
import { followUefiLog } from "../../session/uefi-log.ts";
import type { BootSettings } from "../model/model.ts";
import type { BootImages } from "./boot-images.ts";

const MIB = 2 ** 20;
/** How long SeaBIOS waits for Esc, in milliseconds of the guest's time. */
const MENU_WAIT_MS = 6000;

export interface MachineParts {
  emulator: V86;
  bus: V86Bus;
  tpm: Tpm;
  screen: HTMLElement;
  /** Its disk and its CD. */
  drives: readonly Drive[];
  /** Only of a machine with UEFI. */
  uefi?: UefiMachine | undefined;
  /** Ends the machine and its TPM. Never rejects: what cannot be ended is left to the browser. */
  close(): Promise<void>;
}

/** Where the machine's TPM and variables are when it runs, and when it does not. */
export interface MachinePlace {
  bridge: string | undefined;
  /** Undefined for a TPM that lives as long as the machine. */
  keep: TpmKeep | undefined;
  /** The same for the variables of UEFI firmware. */
  flash: FlashKeep | undefined;
  /** They could not be saved: what the guest has just written may be gone after this machine. */
  onFlashUnsaved: (error: Error) => void;
}

/**
 * Makes a machine with a TPM that is powered on; `bus.resume()` then starts it.
 * @throws whatever kept the machine from being made or the TPM from being powered on, with words for people.
 */
export async function createMachine(
  images: BootImages,
  settings: BootSettings,
  { bridge, keep, flash, onFlashUnsaved }: MachinePlace,
  onTpm: (tpm: TpmHandle, bus: V86Bus) => void,
): Promise<MachineParts> {
  const screen = screenElement();
  // The TPM takes longer to start than the machine takes to be made.
  const early = new BusToCome();
  const tpm = attachTpm(early, {
    version: settings.tpm,
    interface: settings.interface,
    interrupt: settings.interrupt,
    ...(images.uefi && { firmware: "uefi" as const }),
    ...(settings.placement === "local" && { placement: "local" as const }),
    ...(bridge !== undefined && { bridge }),
    ...(keep && { keep, factory: true }),
    ...(images.hidden && { hidden: images.hidden }),
  });
  const { hda, cdrom } = images.drives;
  const drives = [hda, cdrom].filter((drive) => drive !== undefined);
  let emulator: V86 | undefined;
  let unfollow: (() => void) | undefined;
  let keeper: FlashKeeper | undefined;
  const close = async () => {
    unfollow?.();
    // The guest first: what it writes is not to come after its drives.
    await emulator?.stop();
    const ends = await Promise.allSettled([
      tpm.close(),
      emulator?.destroy(),
      keeper?.close(),
      ...drives.map((drive) => drive.close()),
    ]);
    for (const end of ends) if (end.status === "rejected") console.warn("ending the machine:", end.reason);
  };
  try {
    const machine: MadeMachine = images.uefi
      ? await uefiMachine(images, await withKept(images.uefi, flash), settings, screen)
      : await createV86(V86, machineOptions(images, settings, screen), wasmUrl);
    const { bus, uefi } = machine;
    emulator = machine.emulator;
    drawInSight(emulator, screen, (listener) => bus.onReset(listener));
    emulator.keyboard_set_enabled(false);
    emulator.mouse_set_enabled(false);
    early.become(bus);
    onTpm(tpm, bus);
    if (uefi && flash) keeper = new FlashKeeper(uefi.variables, flash.save, onFlashUnsaved);
    if (uefi) unfollow = followUefiLog(tpm, bus, emulator, settings.memory * MIB);
    else if (images.linux && settings.measured) {
      new DirectBoot(bus, emulator, images.linux, { memorySize: settings.memory * MIB });
    }
    setFirmwareOptions(bus, settings);
    await tpm.ready;
    return { emulator, bus, tpm, screen, drives, uefi, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type MadeMachine = Pick<MachineParts, "emulator" | "bus" | "uefi">;

/** The firmware with the variables that the machine has; the factory's where it has none yet. */
async function withKept(image: UefiImage, flash: FlashKeep | undefined): Promise<UefiImage> {
  return { ...image, variables: (await flash?.load()) ?? image.variables };
}

/** The firmware itself starts and measures the kernel. */
function uefiMachine(
  { linux, drives }: BootImages,
  image: UefiImage,
  settings: BootSettings,
  screen: HTMLElement,
): Promise<MadeMachine> {
  // v86 takes drives that read by pieces, which its types do not say.
  const options: object = { ...PC_OPTIONS, screen: { container: screen }, ...drives };
  return createUefiV86(V86, options as V86Options, wasmUrl, {
    image,
    linux,
    memorySize: settings.memory * MIB,
  });
}

function machineOptions(images: BootImages, settings: BootSettings, screen: HTMLElement): V86Options {
  const { linux, drives } = images;
  const options = {
    ...pcOptions({ bios: images.bios, vgaBios: images.vgaBios, memorySize: settings.memory * MIB }),
    screen: { container: screen },
    ...drives,
  };
  if (!linux || settings.measured) return options as V86Options;
  const whole = (bytes: Uint8Array) => ({ buffer: bytes.slice().buffer });
  return {
    ...options,
    bzimage: whole(linux.kernel),
    ...(linux.initrd && { initrd: whole(linux.initrd) }),
    cmdline: linux.cmdline,
  } as V86Options;
}

/** SeaBIOS asks for these files; without them it shows no menu, so as not to lose time. */
function setFirmwareOptions(bus: V86Bus, { bootMenu }: BootSettings): void {
  bus.setFirmwareFile("etc/show-boot-menu", u16(bootMenu ? 1 : 0));
  if (bootMenu) bus.setFirmwareFile("etc/boot-menu-wait", u16(MENU_WAIT_MS));
}

const u16 = (value: number) => Uint8Array.of(value & 0xff, value >> 8);

/** The elements that v86 draws text and graphics into. */
function screenElement(): HTMLElement {
  const container = document.createElement("div");
  container.className = "vga-container";
  container.append(document.createElement("div"), document.createElement("canvas"));
  (container.lastElementChild as HTMLElement).style.display = "none";
  return container;
}
