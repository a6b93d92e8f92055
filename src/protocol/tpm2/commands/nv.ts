/** Non-volatile storage (Part 3, 31). */
import { f } from "../schema.ts";
import { TPM2B_AUTH, TPM2B_MAX_NV_BUFFER, TPM2B_NAME } from "../types/basic.ts";
import {
  TPMI_RH_NV_AUTH,
  TPMI_RH_NV_DEFINED_INDEX,
  TPMI_RH_NV_INDEX,
  TPMI_RH_PLATFORM,
  TPMI_RH_PROVISION,
} from "../types/handles.ts";
import { BITS64, UINT16 } from "../types/integers.ts";
import { TPM2B_NV_PUBLIC, TPM2B_NV_PUBLIC_2 } from "../types/storage.ts";
import { command, h } from "./spec.ts";

const PROVISION = h("authHandle", TPMI_RH_PROVISION, "owner or platform", "USER");
const WRITER = h("authHandle", TPMI_RH_NV_AUTH, "who authorizes the write", "USER");
const READER = h("authHandle", TPMI_RH_NV_AUTH, "who authorizes the read", "USER");
const INDEX = h("nvIndex", TPMI_RH_NV_INDEX, "the NV index");

export const NV_COMMANDS = {
  NV_DefineSpace: command("Part 3, 31.3", "Makes an NV index.", {
    handles: [PROVISION],
    parameters: [
      f("auth", TPM2B_AUTH, "password of the index"),
      f("publicInfo", TPM2B_NV_PUBLIC, "what it is to be"),
    ],
  }),
  NV_UndefineSpace: command("Part 3, 31.4", "Removes an NV index.", { handles: [PROVISION, INDEX] }),
  NV_UndefineSpaceSpecial: command("Part 3, 31.5", "Removes an NV index that only its policy may remove.", {
    handles: [
      h("nvIndex", TPMI_RH_NV_INDEX, "the NV index", "ADMIN"),
      h("platform", TPMI_RH_PLATFORM, "the platform", "USER"),
    ],
  }),
  NV_ReadPublic: command("Part 3, 31.6", "Reads all of an NV index but its data.", {
    handles: [INDEX],
    response: [f("nvPublic", TPM2B_NV_PUBLIC, "what it is"), f("nvName", TPM2B_NAME, "its name")],
  }),
  NV_Write: command("Part 3, 31.7", "Writes data to an NV index.", {
    handles: [WRITER, INDEX],
    parameters: [f("data", TPM2B_MAX_NV_BUFFER, "the data"), f("offset", UINT16, "first byte")],
  }),
  NV_Increment: command("Part 3, 31.8", "Adds one to an NV counter.", { handles: [WRITER, INDEX] }),
  NV_Extend: command("Part 3, 31.9", "Extends an NV index as a PCR is extended.", {
    handles: [WRITER, INDEX],
    parameters: [f("data", TPM2B_MAX_NV_BUFFER, "the data")],
  }),
  NV_SetBits: command("Part 3, 31.10", "Sets bits of an NV bit field.", {
    handles: [WRITER, INDEX],
    parameters: [f("bits", BITS64, "the bits to set")],
  }),
  NV_WriteLock: command("Part 3, 31.11", "Locks an NV index against writing.", { handles: [WRITER, INDEX] }),
  NV_GlobalWriteLock: command("Part 3, 31.12", "Locks all NV indexes against writing that ask for it.", {
    handles: [PROVISION],
  }),
  NV_Read: command("Part 3, 31.13", "Reads data of an NV index.", {
    handles: [READER, INDEX],
    parameters: [f("size", UINT16, "how many bytes"), f("offset", UINT16, "first byte")],
    response: [f("data", TPM2B_MAX_NV_BUFFER, "the data")],
  }),
  NV_ReadLock: command("Part 3, 31.14", "Locks an NV index against reading until the next restart.", {
    handles: [READER, INDEX],
  }),
  NV_ChangeAuth: command("Part 3, 31.15", "Changes the password of an NV index.", {
    handles: [h("nvIndex", TPMI_RH_NV_INDEX, "the NV index", "ADMIN")],
    parameters: [f("newAuth", TPM2B_AUTH, "the new password")],
  }),
  NV_DefineSpace2: command("Part 3, 31.17", "Makes an NV index of any kind.", {
    handles: [PROVISION],
    parameters: [
      f("auth", TPM2B_AUTH, "password of the index"),
      f("publicInfo", TPM2B_NV_PUBLIC_2, "what it is to be"),
    ],
  }),
  NV_ReadPublic2: command("Part 3, 31.18", "Reads all of an NV index of any kind but its data.", {
    handles: [h("nvIndex", TPMI_RH_NV_DEFINED_INDEX, "the NV index")],
    response: [f("nvPublic", TPM2B_NV_PUBLIC_2, "what it is"), f("nvName", TPM2B_NAME, "its name")],
  }),
} as const;
