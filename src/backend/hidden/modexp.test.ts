import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../protocol/bytes/hex.ts";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { answerModexp, modularPower } from "./modexp.ts";

/** The definition, bit by bit. */
function slowPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n % modulus;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === "1") result = (result * base) % modulus;
  }
  return result;
}

function request(...numbers: Uint8Array[]): Uint8Array {
  const writer = new ByteWriter();
  for (const { length } of numbers) writer.u16le(length);
  for (const number of numbers) writer.bytes(number);
  return writer.finish();
}

describe("modular exponentiation", () => {
  it("is that of the definition", () => {
    const number = fc.bigInt({ min: 0n, max: 2n ** 300n });
    fc.assert(
      fc.property(number, number, fc.bigInt({ min: 1n, max: 2n ** 256n }), (base, exponent, modulus) => {
        expect(modularPower(base, exponent, modulus)).toBe(slowPower(base, exponent, modulus));
      }),
    );
  });

  it("gives an answer as long as the modulus", () => {
    const answer = answerModexp(request(Uint8Array.of(2), Uint8Array.of(4), Uint8Array.of(1, 0, 1)));
    expect(toHex(answer)).toBe("000010");
    expect(toHex(answerModexp(request(new Uint8Array(), new Uint8Array(), Uint8Array.of(7))))).toBe("01");
  });

  it("refuses what is no request", () => {
    expect(() => answerModexp(Uint8Array.of(1, 0, 1, 0))).toThrow();
    expect(() => answerModexp(request(Uint8Array.of(2), Uint8Array.of(4), Uint8Array.of(0)))).toThrow(
      RangeError,
    );
  });
});
