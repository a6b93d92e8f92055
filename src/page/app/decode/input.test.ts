import { describe, expect, it } from "vitest";
import { toHex } from "../../../protocol/bytes/hex.ts";
import { toPcap } from "../../../protocol/export/index.ts";
import { readMessages } from "../../../session/reading/messages.ts";
import { commandRecords, typedBytes } from "./input.ts";
import { fromFragment, SharedError, toFragment } from "./share.ts";

const STARTUP = "80010000000c000001440000";
const SUCCESS = "80010000000a00000000";

describe("what was typed", () => {
  it("is hex, however it is spaced, and out of a hexdump", () => {
    const dumps = [
      "80 01 00 00 00 0c 00 00 01 44 00 00",
      "0x80,0x01,0x00,0x00,0x00,0x0c,0x00,0x00,0x01,0x44,0x00,0x00",
      "00000000: 8001 0000 000c 0000 0144 0000            .........D..",
      "00000000  80 01 00 00 00 0c 00 00  01 44 00 00              |.........D..|\n0000000c",
    ];
    for (const dump of dumps) expect(toHex(typedBytes(dump)), dump).toBe(STARTUP);
    expect(() => typedBytes("hello")).toThrow(/'h' is not a hexadecimal digit/);
  });
});

describe("what was found", () => {
  it("is commands with their responses, in hex or as a capture", async () => {
    const read = async (bytes: Uint8Array<ArrayBuffer>) =>
      commandRecords((await readMessages(new Blob([bytes]), () => undefined)).entries);
    const records = await read(typedBytes(STARTUP + SUCCESS + STARTUP));
    expect(records.map(({ id, name, responseName }) => ({ id, name, responseName }))).toEqual([
      { id: 1, name: "TPM2_Startup", responseName: "TPM_RC_SUCCESS" },
      { id: 2, name: "TPM2_Startup", responseName: undefined },
    ]);
    const capture = await read(
      toPcap([{ time: 5, request: typedBytes(STARTUP), response: typedBytes(SUCCESS) }]),
    );
    expect(capture).toMatchObject([{ name: "TPM2_Startup", responseCode: 0 }]);
  });
});

describe("a link", () => {
  it("holds what was put in", async () => {
    const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) & 0xff);
    const fragment = await toFragment(new Blob([bytes]));
    expect(fragment).toMatch(/^d=[\w-]+$/);
    expect(await fromFragment(`#${fragment}`)).toEqual(bytes);
    expect(await fromFragment("")).toBeUndefined();
    expect(await fromFragment("#cmd=1")).toBeUndefined();
  });

  it("is not made of what is too large, and one that was cut says so", async () => {
    const noise = crypto.getRandomValues(new Uint8Array(60_000));
    expect(await toFragment(new Blob([noise]))).toBeUndefined();
    const fragment = (await toFragment(new Blob([noise.subarray(0, 1000)]))) as string;
    await expect(fromFragment(fragment.slice(0, -50))).rejects.toThrow(SharedError);
    await expect(fromFragment("d=%%%")).rejects.toThrow(/was cut/);
  });
});
