/** What an export holds: the manifest's format, and the names of the files beside it. */
import * as v from "valibot";
import { BUNDLE } from "../reading/limits.ts";
import { count, dateTime, list, text } from "../reading/numbers.ts";
import { type Format, settings, sha256, tpmVersion } from "./format.ts";
import type { PartName } from "./types.ts";

export const MANIFEST = "manifest.json";
export const README = "README.txt";
/** As QEMU takes it for the second of its flash drives. */
export const VARIABLES = "uefi/OVMF_VARS.fd";

/** With format and version of their own, checked when they are used. */
const described = v.record(v.string(), v.unknown());

export const EXPORT_FORMAT = {
  name: "webtpm-export",
  version: 2,
  schema: v.object({
    time: dateTime,
    machine: v.object({
      name: text(BUNDLE.text),
      tpmVersion,
      created: dateTime,
      changed: dateTime,
      settings,
    }),
    /** The TPM's state, whose blobs are in `tpm/`; null when there is none yet. */
    tpm: v.nullable(described),
    /** The flash with UEFI firmware's variables, whose content is `VARIABLES`; null when there is none. */
    flash: v.nullable(described),
    /** Snapshots, whose parts are in `folder`. */
    snapshots: list(v.object({ folder: text(BUNDLE.text), snapshot: described }), BUNDLE.snapshots),
    /** All other files. */
    files: list(v.object({ path: text(BUNDLE.text), size: count(BUNDLE.contents), sha256 }), BUNDLE.entries),
  }),
  // Version 2 has the flash.
  migrations: { 1: (value) => ({ ...value, flash: null }) },
} satisfies Format<v.GenericSchema>;
export type ExportManifest = v.InferOutput<typeof EXPORT_FORMAT.schema>;

const EXTENSION: Record<PartName, string> = {
  device: "json",
  permanent: "blob",
  volatile: "blob",
  savestate: "blob",
  eventlog: "bin",
  ppi: "bin",
  emulator: "bin.gz",
};

export const partPath = (folder: string, part: PartName) => `${folder}/${part}.${EXTENSION[part]}`;

export const README_TEXT = `A machine with its TPM, exported by WebTPM.

manifest.json       what is here, with the size and SHA-256 of every file; times are milliseconds since 1970
tpm/*.blob          the TPM's state as swtpm's CMD_GET_STATEBLOB gives it: permanent, volatile, savestate
uefi/OVMF_VARS.fd   the UEFI firmware's variables, Secure Boot's keys among them, where the machine has some
swtpm/              the same TPM as swtpm keeps it in a folder of its own
snapshots/N/        the machine at one point: the TPM interface (device.json), the TPM's blobs, the firmware's event
                    log, the memory of physical presence (ppi.bin), and the saved state of the v86 emulator
                    (emulator.bin.gz; compressed with gzip)
snapshots/N/swtpm/  the running TPM of that point, with its PCRs and sessions (volatilestate)

To go on with this TPM natively (TPM 1.2: leave out --tpm2):

  mkdir mytpm && cp swtpm/* mytpm/
  swtpm socket --tpm2 --tpmstate dir=mytpm --ctrl type=unixio,path=mytpm/sock
  qemu-system-x86_64 -chardev socket,id=c,path=mytpm/sock -tpmdev emulator,id=t,chardev=c -device tpm-tis,tpmdev=t ...

A machine with UEFI goes on in QEMU with the firmware that it had (the page has it as ovmf-code.fd.gz):

  qemu-system-i386 -drive if=pflash,format=raw,readonly=on,file=ovmf-code.fd \\
    -drive if=pflash,format=raw,file=uefi/OVMF_VARS.fd ...

The way back: import mytpm/tpm2-00.permall (TPM 1.2: tpm-00.permall) on the page.

These files hold the TPM's secrets: whoever has them has its keys. The same TPM in two places goes two ways from here:
counters and keys that one of them makes, the other does not have.
`;
