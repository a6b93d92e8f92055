/**
 * Boots the guest in Node with a TPM, its serial console on this terminal:
 *
 *     npx tsx src/node/tools/boot.ts --tpm 2.0
 *
 * Everything a page would do, without a browser: for trying things out, and for tests, which import `bootInNode`.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { InterfaceName } from "../../device/interfaces/interfaces.ts";
import type { TpmVersion } from "../../device/tis/ports.ts";
import type { UefiImage } from "../../machine/v86/uefi/uefi-machine.ts";
import type { KernelName } from "../../session/images/manifest.ts";
import { followUefiLog } from "../../session/uefi-log.ts";
import { openFileDrive } from "./file-drive.ts";
import { readGuestImages, readUefiGuest } from "./guest-images.ts";
import { attachNativeTpm, type NativeTpm, type NativeTpmOptions } from "./native-tpm.ts";
import {
  createNodeMachine,
  createUefiNodeMachine,
  type MachineImages,
  type NodeMachine,
} from "./node-machine.ts";

export interface BootOptions
  extends Partial<MachineImages>,
    Partial<Omit<NativeTpmOptions, "version" | "firmware">> {
  /** UEFI in place of SeaBIOS. */
  uefi?: UefiImage;
  /** `none` boots without a TPM. */
  tpm?: Exclude<TpmVersion, "unspecified"> | "none";
  /** One of the project's kernels, where no `kernel` is given; the small one if it has been built. */
  kernelName?: KernelName;
  /** Guest RAM in bytes. */
  memorySize?: number;
}

const INTERFACE_NAMES = ["tis", "crb"] as const;

export interface Booted extends NodeMachine {
  tpm: NativeTpm | undefined;
  /** Stops the machine and its TPM. */
  close(): Promise<void>;
}

/** Makes a machine, with a TPM and the project's images where no others are given, and starts it. */
export async function bootInNode(options: BootOptions = {}): Promise<Booted> {
  const {
    tpm: version = "2.0",
    kernelName,
    memorySize,
    delayMs,
    graceMs,
    interface: registers,
    interrupt,
    uefi,
    ...own
  } = options;
  const disk = own.hda || own.cdrom;
  // Firmware that is UEFI starts no kernel but one that is an EFI program.
  const guest = uefi ? { ...(await readUefiGuest(kernelName)), uefi } : await readGuestImages(kernelName);
  const { kernel, initrd, cmdline, prompt, ...rest } = guest;
  const all = { ...rest, ...(!disk && { kernel, initrd, cmdline, prompt }), ...own };
  const memory = memorySize ?? guest.memorySize;
  const machine =
    "uefi" in all ? await createUefiNodeMachine(all.uefi, all, memory) : await createNodeMachine(all, memory);
  const tpm =
    version === "none"
      ? undefined
      : await attachNativeTpm(machine.bus, {
          version,
          ...(delayMs && { delayMs }),
          ...(graceMs !== undefined && { graceMs }),
          ...(uefi && { firmware: "uefi" }),
          ...(registers && { interface: registers }),
          ...(interrupt && { interrupt }),
        });
  const unfollow = uefi && tpm ? followUefiLog(tpm.tpm, machine.bus, machine.emulator, memory) : undefined;
  machine.bus.resume();
  return {
    ...machine,
    tpm,
    async close() {
      unfollow?.();
      await machine.emulator.destroy();
      await tpm?.close();
    },
  };
}

const USAGE = `Boots the guest with a TPM; its serial console is this terminal. Ctrl-] ends it.

  --tpm 2.0|1.2|none    which TPM (2.0)
  --interface tis|crb   which registers it has (tis)
  --irq                 tell the guest of the TPM's interrupt line; else its driver polls
  --kernel FILE|NAME    a bzImage, or "small" or "stock" (the small one if it has been built)
  --initrd FILE         an initrd
  --cmdline TEXT        the kernel's command line
  --disk FILE           boot from this hard disk image instead
  --cdrom FILE          boot from this CD image instead
  --bios FILE           another SeaBIOS
  --uefi FOLDER         UEFI in place of SeaBIOS, and a kernel for it: OVMF_CODE.fd and OVMF_VARS.fd in this folder
  --memory MIB          guest RAM
  --delay MS            make every TPM command take so much longer
  --firmware-log        show SeaBIOS's own log
  --commands            show every TPM command with its time by the host's and by the guest's clock
  --help
`;

const OPTIONS = {
  tpm: { type: "string" },
  interface: { type: "string" },
  irq: { type: "boolean" },
  kernel: { type: "string" },
  initrd: { type: "string" },
  cmdline: { type: "string" },
  disk: { type: "string" },
  cdrom: { type: "string" },
  bios: { type: "string" },
  uefi: { type: "string" },
  memory: { type: "string" },
  delay: { type: "string" },
  "firmware-log": { type: "boolean" },
  commands: { type: "boolean" },
  help: { type: "boolean" },
} as const;

function arguments_(args: string[]) {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.tpm !== undefined && !["2.0", "1.2", "none"].includes(values.tpm)) {
    throw new TypeError(`--tpm takes 2.0, 1.2 or none, not ${values.tpm}`);
  }
  const { interface: registers } = values;
  if (registers !== undefined && !(INTERFACE_NAMES as readonly string[]).includes(registers)) {
    throw new TypeError(`--interface takes ${INTERFACE_NAMES.join(" or ")}, not ${registers}`);
  }
  for (const name of ["memory", "delay"] as const) {
    if (values[name] !== undefined && !(Number(values[name]) > 0)) {
      throw new TypeError(`--${name} takes a number above 0, not ${values[name]}`);
    }
  }
  return values;
}

async function optionsFrom(values: ReturnType<typeof arguments_>): Promise<BootOptions> {
  const file = async (key: keyof MachineImages, path: string | undefined) =>
    path === undefined ? {} : { [key]: await readFile(path) };
  const named = values.kernel === "small" || values.kernel === "stock";
  return {
    ...(values.tpm && { tpm: values.tpm as NonNullable<BootOptions["tpm"]> }),
    ...(values.interface && { interface: values.interface.toUpperCase() as InterfaceName }),
    ...(values.irq && { interrupt: true }),
    ...(named && { kernelName: values.kernel as KernelName }),
    ...(await file("kernel", named ? undefined : values.kernel)),
    ...(await file("initrd", values.initrd)),
    ...(values.disk !== undefined && { hda: await openFileDrive(values.disk) }),
    ...(await file("cdrom", values.cdrom)),
    ...(await file("bios", values.bios)),
    ...(values.uefi !== undefined && { uefi: await uefiImage(values.uefi) }),
    ...(values.cmdline !== undefined && { cmdline: values.cmdline }),
    ...(values.memory && { memorySize: Number(values.memory) * 2 ** 20 }),
    ...(values.delay && { delayMs: () => Number(values.delay) }),
  };
}

/** As edk2 names its two parts. */
async function uefiImage(folder: string): Promise<UefiImage> {
  const [code, variables] = await Promise.all(
    ["OVMF_CODE.fd", "OVMF_VARS.fd"].map((name) => readFile(join(folder, name))),
  );
  return { code: code!, variables: variables! };
}

const ESCAPE = "\x1d";

async function main(args: string[]): Promise<void> {
  const values = arguments_(args);
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const machine = await bootInNode(await optionsFrom(values));
  const { serial, tpm } = machine;
  process.stdout.write(serial.text);
  serial.onOutput = (text) => process.stdout.write(text);
  if (values["firmware-log"])
    machine.bus.onFirmwareLog((line) => process.stderr.write(`firmware: ${line}\n`));
  if (values.commands) {
    tpm?.onCommand(({ code, responseCode, hostMs, guestMs }) => {
      const times = `${hostMs.toFixed(1)} ms, for the guest ${guestMs.toFixed(1)} ms`;
      process.stderr.write(
        `tpm: command 0x${code.toString(16)} -> 0x${responseCode.toString(16)}, ${times}\n`,
      );
    });
  }
  const end = async () => {
    await machine.close();
    process.exit(0);
  };
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  if (process.stdin.isTTY) process.stdin.setRawMode(true);
  process.stdin.setEncoding("utf8");
  process.stdin.on("data", (text: string) => {
    if (text.includes(ESCAPE)) void end();
    else serial.send(text);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(error instanceof TypeError ? 2 : 1);
  });
}
