/**
 * Vendors' own commands (Part 3, 34). IBM's software stack sends three to a Nuvoton chip; two of them are not here:
 * public sources disagree on the handle of NTC2_PreConfig (0x20000211), and NTC2_LockPreConfig (0x20000212) is in one only.
 */
import { f, struct } from "../schema.ts";
import { TPM2B_DATA } from "../types/basic.ts";
import { HEX8 } from "../types/integers.ts";
import { command } from "./spec.ts";

const FREE_BYTES = [..."ABCDEFGHIJ"].map((letter) => f(`CFG_${letter}`, HEX8, "the chip's own"));

const NTC2_CFG_STRUCT = struct("NTC2_CFG_STRUCT", "Nuvoton NPCT6xx and NPCT7xx", "how a chip is set up", [
  f("i2cLoc1_2", HEX8, "I2C addresses of localities 1 and 2"),
  f("i2cLoc3_4", HEX8, "I2C addresses of localities 3 and 4"),
  f("AltCfg", HEX8, "what its pins are for"),
  f("Direction", HEX8, "which pins drive a level"),
  f("PullUp", HEX8, "which pins have a pull-up resistor"),
  f("PushPull", HEX8, "how pins drive a level"),
  ...FREE_BYTES,
  f("IsValid", HEX8, "0xAA in a set-up that counts"),
  f("IsLocked", HEX8, "0xAA once it can be changed no more"),
]);

export const VENDOR_COMMANDS = {
  Vendor_TCG_Test: command("Part 3, 34.2", "A command to test vendor commands with.", {
    parameters: [f("inputData", TPM2B_DATA, "any data")],
    response: [f("outputData", TPM2B_DATA, "any data")],
  }),
  NTC2_GetConfig: command("Nuvoton NPCT6xx and NPCT7xx", "Tells how a Nuvoton chip is set up.", {
    response: [f("preConfig", NTC2_CFG_STRUCT, "how it is set up")],
  }),
} as const;
