import { describe, expect, it } from "vitest";
import { efiSignatureLists } from "../eventlog/efi.ts";
import { VENDOR } from "./guid.ts";
import { clear, enroll, OWNER, revoke, revoked, secureBootMode, switchSecureBoot } from "./secure-boot.ts";
import type { UefiVariable } from "./variable-store.ts";

const keys = { pk: Uint8Array.of(1), kek: Uint8Array.of(2, 2), db: Uint8Array.of(3, 3, 3) };
const other: UefiVariable = {
  vendor: VENDOR.GLOBAL,
  name: "BootOrder",
  attributes: 7,
  time: new Uint8Array(16),
  data: Uint8Array.of(0, 0),
};
const DATE = Date.UTC(2026, 10, 26, 20, 30, 5);

describe("Secure Boot's variables", () => {
  it("are there after the keys were put in, and gone after they were taken out", () => {
    const list = enroll([other], keys, DATE);
    expect(list.map(({ name }) => name)).toEqual(["BootOrder", "PK", "KEK", "db"]);
    const db = list[3]!;
    expect(db).toMatchObject({ vendor: VENDOR.IMAGE_SECURITY, attributes: 0x27 });
    expect([...db.time]).toEqual([0xea, 7, 11, 26, 20, 30, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(efiSignatureLists(db.data)).toMatchObject([
      {
        type: "a5c059a1-94e4-4aa7-87b5-ab155c2bf072",
        size: 28 + 16 + 3,
        signatures: [{ owner: OWNER, data: keys.db }],
      },
    ]);
    expect(clear(list)).toEqual([other]);
  });

  it("say which mode the firmware will be in", () => {
    expect(secureBootMode([other])).toBe("setup");
    const on = enroll([], keys, DATE);
    expect(secureBootMode(on)).toBe("on");
    expect(secureBootMode(switchSecureBoot(on, false))).toBe("off");
    expect(secureBootMode(switchSecureBoot(switchSecureBoot(on, false), true))).toBe("on");
    expect(secureBootMode(enroll(switchSecureBoot(on, false), keys, DATE))).toBe("on");
  });

  it("refuse one image after the other", () => {
    const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const list = revoke(revoke(enroll([], keys, DATE), first, DATE), second, DATE + 1000);
    expect(revoked(list)).toEqual([first, second]);
    expect(revoked(enroll(list, keys, DATE))).toEqual([]);
  });
});
