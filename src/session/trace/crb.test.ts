/** Accesses through the CRB interface: which command they belong to, how they fold, what they say. */
import { describe, expect, it } from "vitest";
import { CTRL_REQ, CTRL_START, REGISTERS } from "../../device/crb/registers.ts";
import { INTERFACES } from "../../device/interfaces/interfaces.ts";
import { interfaceMark, packAccess } from "./access.ts";
import { BreakpointSet } from "./breakpoints.ts";
import { NOTHING } from "./commands.ts";
import { describeAccess } from "./describe.ts";
import { parseFilter } from "./filter.ts";
import { TraceRecorder } from "./recorder.ts";
import { TraceRing } from "./ring.ts";
import { TraceRows } from "./rows.ts";
import { foldAccesses } from "./runs.ts";

const BASE = INTERFACES.CRB.frontEnd.window.base;
const MARK = interfaceMark(INTERFACES.CRB);
const at = (key: keyof typeof REGISTERS, size: 1 | 4, write: boolean, more = 0) =>
  packAccess(BASE + REGISTERS[key].offset + more, size, write, "guest", MARK);
const GET_RANDOM = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8];
/** TPM_RC_FAILURE, as little-endian words. */
const REFUSED = [0x0000_0180, 0x0000_0a00, 0x0000_0101];

/** A command as a driver sends it: byte by byte in, the bit polled, word by word out. */
function recorded(): TraceRecorder {
  const recorder = new TraceRecorder({ ring: new TraceRing(1000) });
  const { ring, commands } = recorder;
  let time = 0;
  const access = (word: number, value: number) =>
    commands.access(ring.push(time, word, value), time++, word, value);
  access(at("CTRL_REQ", 4, true), CTRL_REQ.CMD_READY);
  for (const [index, byte] of GET_RANDOM.entries()) access(at("DATA_BUFFER", 1, true, index), byte);
  access(at("CTRL_START", 4, true), CTRL_START.START);
  for (let i = 0; i < 50; i++) access(at("CTRL_START", 4, false), CTRL_START.START);
  access(at("CTRL_START", 4, false), 0);
  for (const [index, word] of REFUSED.entries()) access(at("DATA_BUFFER", 4, false, 4 * index), word);
  access(at("CTRL_REQ", 4, true), CTRL_REQ.GO_IDLE);
  return recorder;
}

describe("accesses through the CRB interface", () => {
  it("make a command of what was put into the buffer, started, and read there", () => {
    const { commands } = recorded();
    expect(commands.spans).toHaveLength(1);
    expect(commands.newest).toMatchObject({ first: 1, go: 13, last: 68, locality: 0, code: 0x17b });
    expect(commands.newest?.result).toBe(0x101);
  });

  it("fold to runs of bytes, and come out of them as they went in", () => {
    const { ring, commands } = recorded();
    commands.newest!.id = 1;
    const { runs } = foldAccesses(ring, commands.spans, 0);
    expect(runs.map(({ bytes, count }) => bytes?.length ?? count)).toEqual([1, 12, 1, 50, 1, 12, 1]);
    const played = new TraceRecorder({ ring: new TraceRing(1000) });
    played.play(runs);
    const all = (from: TraceRing) =>
      Array.from({ length: from.length }, (_, i) => [from.word(from.start + i), from.value(from.start + i)]);
    expect(all(played.ring)).toEqual(all(ring));
    expect(played.commands.newest).toMatchObject({ code: 0x17b, id: 1 });
    const rows = new TraceRows(ring);
    rows.update();
    expect(Array.from({ length: rows.length }, (_, i) => rows.row(i).count)).toEqual([1, 12, 1, 50, 1, 3, 1]);
  });

  it("are described, filtered and held at by the interface's own registers", () => {
    const { ring } = recorded();
    const start = ring.access(13)!;
    expect(start).toMatchObject({ register: "CTRL_START", interface: { name: "CRB" } });
    expect(describeAccess(start)).toMatchObject({ register: "TPM_CRB_CTRL_START", fields: "Start" });
    const matching = (text: string) => {
      const filter = parseFilter(text)!;
      return Array.from({ length: ring.length }, (_, i) => i).filter((i) =>
        filter(ring.word(i), ring.value(i)),
      );
    };
    expect(matching("write start")).toEqual([13]);
    expect(matching("ctrl_req goIdle")).toEqual([68]);
    expect(matching("data write")).toHaveLength(12);
    expect(matching("fifo")).toEqual([]);
    const held = (registers: "TIS" | "CRB") => {
      const set = new BreakpointSet([
        { kind: "access", interface: registers, register: "INT_ENABLE", direction: "write" },
        { kind: "access", interface: "CRB", register: "CTRL_START", direction: "write", field: "Start" },
      ]);
      return (word: number, value: number) => set.hit(word, value, NOTHING, undefined) !== undefined;
    };
    expect(held("CRB")(ring.word(13), ring.value(13))).toBe(true);
    expect(held("CRB")(at("INT_ENABLE", 4, true), 1)).toBe(true);
    expect(held("TIS")(at("INT_ENABLE", 4, true), 1)).toBe(false);
  });
});
