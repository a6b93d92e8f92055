/** The option ROM that carries out requests of the Physical Presence Interface; asm/physical-presence.S. */
import { fromBase64 } from "../base64.ts";
import { PRESENCE_ROM } from "./presence-rom.ts";

/** The firmware file's name: SeaBIOS runs ROMs of this folder. */
export const PRESENCE_ROM_FILE = "genroms/webtpm-presence.bin";

/** The ROM's image. */
export function presenceRom(): Uint8Array {
  return fromBase64(PRESENCE_ROM);
}
