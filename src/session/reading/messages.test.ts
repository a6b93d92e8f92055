import { describe, expect, it } from "vitest";
import { fromHex } from "../../protocol/bytes/hex.ts";
import { CaptureError, toPcap } from "../../protocol/export/index.ts";
import { MESSAGES } from "./limits.ts";
import { readMessages } from "./messages.ts";

const STARTUP = fromHex("80010000000c000001440000");
const SUCCESS = fromHex("80010000000a00000000");
const read = (parts: BlobPart[]) => readMessages(new Blob(parts), () => undefined);

describe("a file of anybody", () => {
  it("has no messages where it is something else", async () => {
    const none = { entries: [], problems: [] };
    expect(await read([new Uint8Array(100)])).toEqual(none);
    expect(await read([])).toEqual(none);
    expect(await read([new Uint8Array(MESSAGES.file + 1)])).toEqual(none);
  });

  it("is refused in words beyond the limits", async () => {
    const capture = toPcap([{ time: 5, request: STARTUP, response: SUCCESS }]);
    await expect(read([capture, new Uint8Array(MESSAGES.file)])).rejects.toThrow(
      "more than 67,108,864 bytes, the most that this page reads",
    );
    const many = Array<BlobPart>(2 * (MESSAGES.commands + 1)).fill(STARTUP);
    await expect(read(many)).rejects.toThrow(CaptureError);
    await expect(read(many)).rejects.toThrow("more than 50,000 commands");
  });

  it("is read with its progress", async () => {
    const entry = { time: 5, request: STARTUP, response: SUCCESS };
    const file = new Blob([toPcap(Array(8000).fill(entry))]);
    const done: number[] = [];
    expect((await readMessages(file, (_, at) => done.push(at))).entries).toHaveLength(8000);
    expect(done.length).toBeGreaterThan(2);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
  });
});
