/** What the tap notes of an access, and when. */
import { describe, expect, it } from "vitest";
import type { MmioDevice } from "../../device/tis/ports.ts";
import { CommandSpans, NOTHING } from "./commands.ts";
import { TraceRing } from "./ring.ts";
import { recordingTap } from "./tap.ts";
import { at } from "./testing/driver.ts";

function tapped({ looks = false } = {}) {
  const seen: string[] = [];
  const ring = new TraceRing(10);
  const device: MmioDevice = {
    read: () => {
      seen.push(`read after ${ring.length}`);
      return 0x81;
    },
    write: () => void seen.push(`write after ${ring.length}`),
  };
  const look = (sequence: number, _word: number, value: number, meaning: number) =>
    void seen.push(`look at ${sequence}: ${value}${meaning === NOTHING ? "" : ", a command"}`);
  const tap = recordingTap({ ring, commands: new CommandSpans(), now: () => 7, ...(looks && { look }) });
  return { ring, seen, guest: tap(device, "guest"), page: tap(device, "page") };
}

describe("the recording tap", () => {
  it("gives the device's answers on, and notes them with who asked", () => {
    const { ring, guest, page } = tapped();
    expect(guest.read(at("ACCESS"), 1)).toBe(0x81);
    page.write(at("STS", 2), 4, 0x40);
    expect(ring.toJSON()).toMatchObject([
      { by: "guest", access: "read", register: "ACCESS", locality: 0, value: "0x81", time: 7 },
      { by: "page", access: "write", register: "STS", locality: 2, value: "0x00000040" },
    ]);
  });

  it("notes a read when it has its value, and a write before it is made", () => {
    const { seen, guest } = tapped();
    guest.read(at("ACCESS"), 1);
    guest.write(at("STS"), 4, 0x40);
    expect(seen).toEqual(["read after 0", "write after 2"]);
  });

  it("has each of the guest's accesses looked at once it is made, and none of the page's", () => {
    const { seen, guest, page } = tapped({ looks: true });
    guest.write(at("STS"), 4, 0x40);
    guest.read(at("ACCESS"), 1);
    page.read(at("ACCESS"), 1);
    expect(seen).toEqual([
      "write after 0",
      "look at 0: 64",
      "read after 1",
      "look at 1: 129",
      "read after 2",
    ]);
  });
});
