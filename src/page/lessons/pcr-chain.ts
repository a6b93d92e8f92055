/** What a PCR must hold, computed from the commands that were seen. */
import { equalBytes, toHex } from "../../protocol/bytes/hex.ts";
import { extend } from "../../protocol/eventlog/hash.ts";
import { bytesOf, numberOf, type SeenCommand } from "./seen.ts";
import { pcrValue, type World } from "./world.ts";

/** The digest that a TPM2_PCR_Extend of this PCR carries for SHA-256. */
export function extendedDigest(command: SeenCommand, pcr: number): Uint8Array | undefined {
  if (command.name !== "TPM2_PCR_Extend" || !command.ok || pcrHandle(command) !== pcr) return undefined;
  const list = command.asked("parameters", "digests")?.children ?? [];
  const entry = list.find(({ children }) => children?.[0]?.text === "TPM_ALG_SHA256");
  return bytesOf(entry?.children?.[1]);
}

export function pcrHandle(command: SeenCommand): number | undefined {
  return numberOf(command.asked("handles", "pcrHandle"));
}

/** The extends of a PCR since it was last reset, and what they lead to. */
export interface Chain {
  digests: Uint8Array[];
  value: Uint8Array;
}

/** Undefined when the PCR was not reset since the step began: nothing is known of its value before. */
export function chainOf(world: World, pcr: number): Chain | undefined {
  const reset = world.commands.findLastIndex(
    (command) => command.name === "TPM2_PCR_Reset" && command.ok && pcrHandle(command) === pcr,
  );
  if (reset < 0) return undefined;
  const digests = world.commands.slice(reset).flatMap((command) => extendedDigest(command, pcr) ?? []);
  return { digests, value: chain(digests) };
}

/** Zeros, extended with these, in this order; SHA-256. */
export function chain(digests: readonly Uint8Array[], start = new Uint8Array(32)): Uint8Array {
  return digests.reduce<Uint8Array>((value, digest) => extend("sha256", value, digest) ?? value, start);
}

/** Whether the TPM holds that value; undefined until the page has read it. */
export function holds(world: World, pcr: number, value: Uint8Array): boolean | undefined {
  const real = pcrValue(world, "sha256", pcr);
  return real && equalBytes(real, value);
}

/** The ends of a long value. */
export function short(value: Uint8Array): string {
  const hex = toHex(value);
  return hex.length > 20 ? `${hex.slice(0, 8)}…${hex.slice(-8)}` : hex;
}
