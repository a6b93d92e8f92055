/** Names that nothing else has. `crypto.randomUUID` would do, but pages that are not secure have none. */
import { toHex } from "../../protocol/bytes/hex.ts";

const ID_BYTES = 16;

/** 32 hexadecimal digits, at random. */
export const newId = (): string => toHex(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
