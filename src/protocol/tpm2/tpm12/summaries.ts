/** What each TPM 1.2 command is told in one line, where its name does not say enough. */
import { answered, given, plain, type Summarizer, short, size } from "../summary-parts.ts";
import type { OrdinalName } from "./ordinals.ts";

const nvIndex: Summarizer = (e) => `NV index ${given(e, "nvIndex")?.text ?? "?"}`;
const nvRead: Summarizer = (e) => `read ${given(e, "dataSize")?.text ?? "?"} bytes of ${nvIndex(e)}`;
const nvWrite: Summarizer = (e) => `write ${size(given(e, "data"))} to ${nvIndex(e)}`;

export const SUMMARIES12: Readonly<Partial<Record<OrdinalName, Summarizer>>> = {
  Startup: (e) => `start up (${plain(given(e, "startupType")).toLowerCase()})`,
  SaveState: () => "save state",
  SelfTestFull: () => "self-test of everything",
  ContinueSelfTest: () => "finish the self-test",
  Extend: (e) => `extend ${given(e, "pcrNum")?.text ?? "?"}: sha1 ${short(given(e, "inDigest"))}`,
  PCRRead: (e) => {
    const value = answered(e, "outDigest");
    return `read ${given(e, "pcrIndex")?.text ?? "?"}${value ? `: ${short(value)}` : ""}`;
  },
  PCR_Reset: (e) => `reset PCRs ${given(e, "pcrSelection")?.text ?? "?"}`,
  GetRandom: (e) => `${given(e, "bytesRequested")?.text ?? "?"} random bytes`,
  GetCapability: (e) => {
    const sub = given(e, "subCap")?.children?.[1];
    const about = sub && sub.length > 0 ? `: ${sub.text}` : "";
    return `ask for ${given(e, "capArea")?.note ?? given(e, "capArea")?.text ?? "?"}${about}`;
  },
  TSC_PhysicalPresence: (e) => `physical presence: ${given(e, "physicalPresence")?.text ?? "?"}`,
  TSC_ResetEstablishmentBit: () => "reset the establishment bit",
  PhysicalSetDeactivated: (e) => (given(e, "state")?.value ? "deactivate the TPM" : "activate the TPM"),
  SetOwnerInstall: (e) => (given(e, "state")?.value ? "allow taking ownership" : "forbid taking ownership"),
  FlushSpecific: (e) => `flush ${given(e, "resourceType")?.note ?? "?"}, ${given(e, "handle")?.text ?? "?"}`,
  OSAP: (e) => `open session for ${given(e, "entityType")?.note ?? "?"}`,
  OIAP: () => "open session",
  ReadPubek: () => "read endorsement key",
  NV_DefineSpace: (e) => {
    const area = given(e, "pubInfo");
    const index = area?.children?.find((field) => field.name === "nvIndex")?.text;
    const bytes = area?.children?.find((field) => field.name === "dataSize")?.text;
    return `define NV index ${index ?? "?"}, ${bytes ?? "?"} bytes`;
  },
  NV_ReadValue: nvRead,
  NV_ReadValueAuth: nvRead,
  NV_WriteValue: nvWrite,
  NV_WriteValueAuth: nvWrite,
  GetTicks: (e) => {
    const ticks = answered(e, "currentTime", "currentTicks")?.text;
    return ticks ? `read ticks: ${ticks}` : "read ticks";
  },
};
