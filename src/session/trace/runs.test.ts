import { describe, expect, it } from "vitest";
import { TIS_BASE } from "../../device/tis/ports.ts";
import { REGISTERS, STS } from "../../device/tis/registers.ts";
import { packAccess } from "./access.ts";
import { TraceRecorder } from "./recorder.ts";
import { TraceRing } from "./ring.ts";
import { foldAccesses } from "./runs.ts";

const at = (key: "STS" | "DATA_FIFO") => TIS_BASE + REGISTERS[key].offset;
const poll = packAccess(at("STS"), 4, false, "guest");
const go = packAccess(at("STS"), 1, true, "guest");
const put = packAccess(at("DATA_FIFO"), 1, true, "guest");
const take = packAccess(at("DATA_FIFO"), 4, false, "guest");
const REQUEST = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0];

/** A command as a driver sends it, and polls until its answer. */
function recorded(): TraceRecorder {
  const recorder = new TraceRecorder({ ring: new TraceRing(1000) });
  const { ring, commands } = recorder;
  let time = 0;
  const access = (word: number, value: number) =>
    commands.access(ring.push(time, word, value), time++, word, value);
  for (const byte of REQUEST) access(put, byte);
  access(go, STS.TPM_GO);
  for (let i = 0; i < 300; i++) access(poll, 0x80);
  access(poll, 0x90);
  for (const word of [0x0000_0180, 0x0000_0a00, 0x0000_0000]) access(take, word);
  ring.mark(time);
  commands.newest!.id = 7;
  return recorder;
}

describe("accesses of a recording", () => {
  it("are few where the same was seen again and again", () => {
    const { ring, commands } = recorded();
    const { runs, whole } = foldAccesses(ring, commands.spans, 0);
    expect(whole).toBe(true);
    expect(runs).toHaveLength(6);
    expect(runs[0]).toEqual({ time: 0, word: put, bytes: Uint8Array.from(REQUEST) });
    expect(runs[1]).toEqual({ time: 12, word: go, value: STS.TPM_GO, count: 1, command: 7 });
    expect(runs[2]).toEqual({ time: 13, word: poll, value: 0x80, count: 300 });
    expect(runs[4]?.bytes).toEqual(Uint8Array.of(0x80, 1, 0, 0, 0, 0x0a, 0, 0, 0, 0, 0, 0));
    expect(foldAccesses(ring, commands.spans, 13).runs).toHaveLength(4);
  });

  it("are the first ones of very many, and it is said so", () => {
    const { ring, commands } = recorded();
    const { runs, whole } = foldAccesses(ring, commands.spans, 0, 14);
    expect(runs.map(({ time }) => time)).toEqual([0, 12]);
    expect(whole).toBe(false);
  });

  it("are the same accesses and commands when they are played", () => {
    const one = recorded();
    const other = new TraceRecorder({ ring: new TraceRing(1000) });
    other.play(foldAccesses(one.ring, one.commands.spans, 0).runs);
    const plain = ({ ring }: TraceRecorder) =>
      Array.from({ length: ring.length }, (_, i) => [ring.word(i), ring.value(i)]);
    expect(plain(other)).toEqual(plain(one));
    expect(other.commands.byId(7)).toMatchObject({ first: 0, go: 12, code: 0x144, id: 7 });
    other.rewind();
    expect(other.ring.length).toBe(0);
    expect(other.commands.byId(7)).toBeUndefined();
  });
});
