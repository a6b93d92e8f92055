/**
 * What tells firmware and operating system that there is a TPM: the TPM2 or TCPA table, and an SSDT with the
 * device. SeaBIOS builds its own ACPI tables on v86 and adds every fw_cfg file whose name begins with `acpi/`
 * to them as it is, so whole tables with checksums are made here.
 *
 * Sources: TCG ACPI Specification (the client TCPA table of family 1.2, the TPM2 table of family 2.0); ACPI 6.4 for
 * headers and AML; the bytes that QEMU 7.2 emits.
 */

import { TIS_BASE, type TpmVersion } from "../../device/tis/ports.ts";
import { fromHex } from "../../protocol/bytes/hex.ts";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import type { MmioWindow } from "../bus.ts";
import { table } from "./table.ts";
import { TPM_AML } from "./tpm-aml.ts";

/** Where the firmware's event log lies: the spare upper half of the device's own 128 KiB MMIO block. */
export const EVENT_LOG_WINDOW: Readonly<MmioWindow> = { base: 0xfed5_0000, size: 0x1_0000 };

/** A file for `MachineBus.setFirmwareFile`. */
export interface FirmwareFile {
  name: string;
  data: Uint8Array<ArrayBuffer>;
}

const CLIENT_PLATFORM = 0;
const START_METHOD_TIS = 6;
const START_METHOD_CRB = 7;
/** Into locality 0's page: TPM_CRB_CTRL_REQ, with which the control area begins (PTP 1.05, section 6.5.3). */
const CONTROL_AREA_AT = 0x40;
const START_METHOD_PARAMETERS = 12;

/** Names of the files that {@link firmwareFiles} may give. */
const TPM2_FILE = "acpi/TPM2";
const TCPA_FILE = "acpi/TCPA";
const SSDT_FILE = "acpi/SSDT-TPM";
/** All names that may have been set for any version; to be removed before other files are set. */
export const FIRMWARE_FILE_NAMES: readonly string[] = [TPM2_FILE, TCPA_FILE, SSDT_FILE];

/**
 * The TPM2 table, revision 4: which interface there is. 76 bytes, or 64 without an event log.
 * @param log where it lies; undefined where firmware tells the operating system otherwise, as UEFI does.
 */
export function tpm2Table(
  log?: MmioWindow,
  { base = TIS_BASE, crb = false }: TpmResources = {},
): Uint8Array<ArrayBuffer> {
  const body = new ByteWriter()
    .u16le(CLIENT_PLATFORM)
    .u16le(0)
    .u64le(crb ? BigInt(base + CONTROL_AREA_AT) : 0n) // the FIFO interface has no control area
    .u32le(crb ? START_METHOD_CRB : START_METHOD_TIS)
    .zeros(START_METHOD_PARAMETERS);
  if (log) body.u32le(log.size).u64le(BigInt(log.base));
  return table("TPM2", 4, body.finish());
}

/** The TCPA table of a client platform, revision 2, for TPM 1.2. 50 bytes. */
export function tcpaTable(log: MmioWindow): Uint8Array<ArrayBuffer> {
  const body = new ByteWriter().u16le(CLIENT_PLATFORM).u32le(log.size).u64le(BigInt(log.base));
  return table("TCPA", 2, body.finish());
}

/** What firmware and driver are told of the device: where it is, in its `_CRS`, and how it is used. */
export interface TpmResources {
  /** Default: the usual one of every interface. */
  base?: number;
  /** It has the CRB interface instead of the FIFO one; a TPM 2.0 only. */
  crb?: boolean;
  /** Number of its interrupt line, level and active low; undefined: none is told of, and the driver polls. */
  irq?: number | undefined;
}

/** The SSDT with `\_SB.TPM0`, as iasl compiles tpm.asl. */
export function ssdt(
  version: Exclude<TpmVersion, "unspecified">,
  { base = TIS_BASE, irq }: TpmResources = {},
): Uint8Array<ArrayBuffer> {
  const family = version === "2.0" ? "tpm20" : "tpm12";
  const aml: { body: string; baseAt: number; irqAt?: number } =
    TPM_AML[irq === undefined ? family : (`${family}Interrupt` as const)];
  const body = fromHex(aml.body);
  const view = new DataView(body.buffer);
  view.setUint32(aml.baseAt, base, true);
  if (irq !== undefined && aml.irqAt !== undefined) view.setUint32(aml.irqAt, irq, true);
  return table("SSDT", 2, body);
}

/**
 * The fw_cfg files for a TPM of this version; none for "unspecified", so that nobody looks for a TPM that failed.
 * @param log the event-log area; "own" for firmware that has one of its own and tells of it itself.
 */
export function firmwareFiles(
  version: TpmVersion,
  log: MmioWindow | "own" = EVENT_LOG_WINDOW,
  resources: TpmResources = {},
): FirmwareFile[] {
  if (version === "unspecified") return [];
  const announcement =
    version === "2.0"
      ? { name: TPM2_FILE, data: tpm2Table(log === "own" ? undefined : log, resources) }
      : { name: TCPA_FILE, data: tcpaTable(log === "own" ? EVENT_LOG_WINDOW : log) };
  return [announcement, { name: SSDT_FILE, data: ssdt(version, resources) }];
}
