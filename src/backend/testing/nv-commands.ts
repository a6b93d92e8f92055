/** Commands on NV indices with a password or none, for tests of what is kept. */

import { viewOf } from "../../protocol/bytes/view.ts";
import { encodeCommand, encodeCommand12, passwordSession } from "../../protocol/tpm2/index.ts";

/** An index of the owner's: 8 bytes that count, or that are written. */
export const NV_INDEX = 0x0100_0001;
const COUNTS = "02060016";
const PLAIN = "00060006";

/** TPM2_NV_DefineSpace of {@link NV_INDEX} for a counter. @param auth its password, in hex. */
export const defineCounter = (auth = "") => define(COUNTS, auth);
/** The same for data; wrong passwords count against the lockout. */
export const definePlain = (auth = "") => define(PLAIN, auth);

function define(attributes: string, auth: string) {
  const publicInfo = {
    nvIndex: NV_INDEX,
    nameAlg: "SHA256",
    attributes: Number(`0x${attributes}`),
    dataSize: 8,
  };
  return encodeCommand("NV_DefineSpace", {
    handles: { authHandle: "OWNER" },
    parameters: { auth, publicInfo },
  });
}

const handles = { authHandle: NV_INDEX, nvIndex: NV_INDEX };
const sessions = (auth: string) => [passwordSession(auth)];

export const increment = (auth = "") => encodeCommand("NV_Increment", { handles, sessions: sessions(auth) });
export const write = (data: string, auth = "") =>
  encodeCommand("NV_Write", { handles, sessions: sessions(auth), parameters: { data, offset: 0 } });
export const readIndex = (auth = "") =>
  encodeCommand("NV_Read", { handles, sessions: sessions(auth), parameters: { size: 8, offset: 0 } });

/** What TPM2_NV_Read of a counter has answered. @throws {RangeError} for anything else. */
export function counterIn(response: Uint8Array): number {
  const view = viewOf(response);
  if (view.getUint32(6) !== 0 || view.getUint16(14) !== 8)
    throw new RangeError(
      `no counter's value: ${Array.from(response, (byte) => byte.toString(16)).join(" ")}`,
    );
  return Number(view.getBigUint64(16));
}

/** TPM 1.2: an area of 8 bytes that anybody may write, while the NV is not locked. */
const NV_AREA = 0x0001_1101;
const TPM_NV_PER_PPWRITE = 1;

const noPcrs = {
  pcrSelection: "",
  localityAtRelease: 0x1f,
  digestAtRelease: "00".repeat(20),
};

export const defineArea = () =>
  encodeCommand12("NV_DefineSpace", {
    pubInfo: {
      tag: 24,
      nvIndex: NV_AREA,
      pcrInfoRead: noPcrs,
      pcrInfoWrite: noPcrs,
      permissionTag: 23,
      permission: TPM_NV_PER_PPWRITE,
      dataSize: 8,
    },
    encAuth: "00".repeat(20),
  });
export const writeArea = (data: string) =>
  encodeCommand12("NV_WriteValue", { nvIndex: NV_AREA, offset: 0, data });
export const readArea = () => encodeCommand12("NV_ReadValue", { nvIndex: NV_AREA, offset: 0, dataSize: 8 });
