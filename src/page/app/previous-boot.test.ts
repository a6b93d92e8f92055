import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { decodeBoot, encodeBoot, makePreviousBoot } from "./previous-boot.ts";

const data = new TextEncoder().encode("Calling INT 19h");
const log = new ByteWriter()
  .u32le(4)
  .u32le(5)
  .bytes(new Uint8Array(20).fill(7))
  .u32le(data.length)
  .bytes(data)
  .finish();

describe("the previous boot", () => {
  it("survives being stored", () => {
    const pcrs = [{ algorithm: "sha1", values: [new Uint8Array(20), new Uint8Array(20).fill(255)] }];
    const boot = makePreviousBoot(log, pcrs, "Linux", 1234);
    expect(boot.log.events).toHaveLength(1);
    const read = decodeBoot(encodeBoot(log, boot));
    expect(read).toEqual(boot);
  });

  it("is ignored when it is of another form", () => {
    expect(decodeBoot("{}")).toBeUndefined();
    expect(decodeBoot("nonsense")).toBeUndefined();
    expect(
      decodeBoot(JSON.stringify({ format: 99, log: "", pcrs: [], label: "", endedAt: 0 })),
    ).toBeUndefined();
  });
});
