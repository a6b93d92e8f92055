import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConsoleFlow } from "./console-flow.ts";

/** A terminal that takes in what it was given when it is told to. */
function slowTerminal() {
  const given: { data: Uint8Array | string; drawn: () => void }[] = [];
  const shown: string[] = [];
  const flow = new ConsoleFlow((data, drawn) => given.push({ data, drawn }));
  const draw = () => {
    const next = given.shift();
    if (!next) return false;
    shown.push(typeof next.data === "string" ? next.data : new TextDecoder().decode(next.data));
    next.drawn();
    return true;
  };
  return { flow, draw, shown };
}
const bytes = (text: string, length = text.length) => new TextEncoder().encode(text.padStart(length, "x"));

describe("ConsoleFlow", () => {
  it("hands on at once what the terminal keeps up with", () => {
    const { flow, draw, shown } = slowTerminal();
    flow.write(bytes("one"));
    flow.write(bytes("two"));
    while (draw());
    expect(shown).toEqual(["one", "two"]);
  });

  it("leaves out the middle of a flood, says how much, and shows the newest", () => {
    const { flow, draw, shown } = slowTerminal();
    for (let chunk = 0; chunk < 300; chunk++) flow.write(bytes(`${chunk};`, 64 * 1024));
    expect(flow.waiting).toBeLessThanOrEqual(1024 * 1024);
    flow.write(bytes("webtpm# "));
    while (draw());
    const all = shown.join("");
    expect(all.endsWith("webtpm# ")).toBe(true);
    expect(all).toMatch(/--- 19,\d{3},\d{3} bytes left out: they came faster than they can be shown ---/);
  });

  it("never holds more than its bound, and shows or counts every byte", () => {
    const step = fc.oneof(fc.constant("draw" as const), fc.integer({ min: 1, max: 1_000_000 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { flow, draw, shown } = slowTerminal();
        let sent = 0;
        for (const what of steps) {
          if (what === "draw") draw();
          else {
            flow.write(new Uint8Array(what).fill(0x78));
            sent += what;
          }
          expect(flow.waiting).toBeLessThanOrEqual(512 * 1024 + 2 * 64 * 1024);
        }
        while (draw());
        let counted = 0;
        for (const text of shown) {
          const left = /--- ([\d,]+) bytes left out/.exec(text)?.[1];
          counted += left === undefined ? text.length : Number(left.replaceAll(",", ""));
        }
        expect(counted).toBe(sent);
      }),
    );
  });
});
