/**
 * Modular exponentiation for the hidden machine's swtpm, which is nearly all of the work of RSA: what the emulated
 * processor takes 50 ms and more for takes 2 ms here. Who can look into this worker's memory can look into the
 * machine's too, so nothing is given away that was hidden before; but neither here nor there is the time that it takes
 * independent of the numbers. The other side is `../../node/images/guest/modexp.c`.
 */
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { ByteReader } from "../../protocol/bytes/reader.ts";

/** Bits of the exponent that one multiplication takes care of. */
const WINDOW = 5;

const toNumber = (bytes: Uint8Array) => (bytes.length ? BigInt(`0x${toHex(bytes)}`) : 0n);

/** base ** exponent mod modulus, for whole numbers from 0 on. @throws {RangeError} when the modulus is 0. */
export function modularPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  const powers = [1n % modulus, base % modulus];
  for (let i = 2; i < 1 << WINDOW; i++) powers.push((powers[i - 1]! * powers[1]!) % modulus);
  const bits = exponent.toString(2);
  let result = powers[0]!;
  for (let at = 0; at < bits.length; at += WINDOW) {
    const digit = bits.slice(at, at + WINDOW);
    for (let i = 0; i < digit.length; i++) result = (result * result) % modulus;
    result = (result * powers[Number.parseInt(digit, 2)]!) % modulus;
  }
  return result;
}

/**
 * Answers a request: u16 sizes of base, exponent and modulus (little endian), then these three, big endian.
 * @returns the result, as long as the modulus.
 * @throws {ShortInputError} {RangeError} when it is no such request.
 */
export function answerModexp(request: Uint8Array): Uint8Array {
  const reader = new ByteReader(request);
  const sizes = [reader.u16le(), reader.u16le(), reader.u16le()];
  const [base, exponent, modulus] = sizes.map((size) => toNumber(reader.take(size)));
  const result = modularPower(base!, exponent!, modulus!).toString(16);
  return fromHex(result.padStart(2 * sizes[2]!, "0"));
}
