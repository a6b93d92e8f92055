import { expect, test } from "vitest";
import { expectedPcr7 } from "./pcr7.ts";
import { enroll } from "./secure-boot.ts";

const KEYS = enroll([], { pk: Uint8Array.of(1), kek: Uint8Array.of(2), db: Uint8Array.of(3) }, 0);

test.each(["PK", "KEK", "db", "dbx"])("a variable %s of another vendor does not count", (name) => {
  const other = {
    vendor: "11111111-2222-3333-4444-555555555555",
    name,
    attributes: 7,
    time: new Uint8Array(16),
    data: Uint8Array.of(9),
  };
  const expected = expectedPcr7(KEYS, undefined);
  expect(expected).toHaveLength(32);
  expect(expectedPcr7([other, ...KEYS], undefined)).toEqual(expected);
});
