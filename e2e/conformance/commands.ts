/**
 * TPM commands whose responses are the same in any swtpm with the same past: nothing random, no clock.
 */
import { fromHex } from "../../src/protocol/bytes/hex.ts";
import type { Version } from "./interface.ts";
import type { Random } from "./random.ts";

const ZERO_DIGEST = "00".repeat(20);
const PASSWORD_SESSION = "00000009 40000009 0000 00 0000";

const COMMANDS: Record<Version, readonly (readonly [weight: number, hex: string])[]> = {
  "2.0": [
    [6, "8001 0000000c 00000144 0000"], // Startup(CLEAR)
    [1, "8001 0000000c 00000144 0001"], // Startup(STATE)
    [3, "8001 0000000b 00000143 00"], // SelfTest
    [1, "8001 0000000b 00000143 01"], // SelfTest(full)
    [4, "8001 0000000a 0000017c"], // GetTestResult
    [3, "8001 00000016 0000017a 00000006 00000100 0000002c"], // GetCapability: properties
    [3, "8001 00000016 0000017a 00000002 0000011f 00000100"], // GetCapability: commands
    [3, "8001 00000016 0000017a 00000005 00000000 00000001"], // GetCapability: PCRs
    [4, "8001 00000014 0000017e 00000001 000b 03 000401"], // PCR_Read
    [3, `8002 00000035 00000182 0000000a ${PASSWORD_SESSION} 00000001 0004 ${"a5".repeat(20)}`], // PCR_Extend(10)
    [2, `8002 00000035 00000182 00000010 ${PASSWORD_SESSION} 00000001 0004 ${ZERO_DIGEST}`], // PCR_Extend(16)
    [2, `8002 0000001b 0000013d 00000010 ${PASSWORD_SESSION}`], // PCR_Reset(16)
    [2, `8002 0000001b 0000013d 00000014 ${PASSWORD_SESSION}`], // PCR_Reset(20): by locality
    [2, "8001 00000017 0000017d 0003 414243 000b 40000007"], // Hash
    [2, "8001 0000000e 00000173 80ffffff"], // ReadPublic of nothing
    [1, "8001 0000000a 00000fff"], // no such command
    [1, "00c1 0000000a 00000099"], // the other family's tag
    [1, "8001 0000000e 0000017b 00000000"], // GetRandom with rubbish behind
  ],
  "1.2": [
    [6, "00c1 0000000c 00000099 0001"], // Startup(CLEAR)
    [2, "00c1 0000000a 00000053"], // ContinueSelfTest
    [1, "00c1 0000000a 00000050"], // SelfTestFull
    [3, "00c1 0000000a 00000054"], // GetTestResult
    [3, "00c1 00000016 00000065 00000005 00000004 00000101"], // GetCapability: PCRs
    [3, "00c1 00000012 00000065 00000006 00000000"], // GetCapability: version
    [4, "00c1 0000000e 00000015 0000000a"], // PCRRead(10)
    [2, "00c1 0000000e 00000015 00000063"], // PCRRead of none
    [3, `00c1 00000022 00000014 0000000a ${"a5".repeat(20)}`], // Extend(10)
    [2, `00c1 00000022 00000014 00000010 ${ZERO_DIGEST}`], // Extend(16)
    [2, "00c1 0000000f 000000c8 0003 000001"], // PCR_Reset(16)
    [1, "00c1 0000000a 00000fff"], // no such command
    [1, "8001 0000000c 00000144 0000"], // the other family's tag
  ],
};

/** A whole command. */
export function validCommand(random: Random, version: Version): Uint8Array {
  return fromHex(random.weighted(COMMANDS[version]));
}

/** Something that is no command: wrong sizes, wrong bytes. */
export function invalidCommand(random: Random, version: Version): Uint8Array {
  const bytes = validCommand(random, version);
  const length = random.weighted([
    [4, bytes.length + 1 + random.below(6)],
    [2, bytes.length],
    [1, 10 + random.below(20)],
  ]);
  const result = new Uint8Array(length);
  result.set(bytes.subarray(0, length));
  if (random.chance(40)) result[random.below(2)]! ^= 1 << random.below(8);
  if (random.chance(30)) result[6 + random.below(4)]! ^= 0x80;
  const declared = random.weighted([
    [3, bytes.length],
    [2, length],
    [1, random.below(length + 1)],
    [1, 0x1_0000 + length],
    [1, random.bits()],
  ]);
  new DataView(result.buffer).setUint32(2, declared);
  return result;
}
