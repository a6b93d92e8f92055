import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { type LinkAnswer, LinkGuard, type LinkQuestion, LinkRefusedError } from "./link-guard.ts";
import type { Parameters } from "./link-wishes.ts";

const BASE = "http://page.example/";
const BRIDGE = "http://other.example/tpm";

function guard(link: Parameters, answer: LinkAnswer = "throw-away", grantedTo?: string) {
  const ask = vi.fn(async (_: LinkQuestion) => answer);
  return { ask, guard: new LinkGuard(link, BASE, ask, grantedTo) };
}
const PC = { machine: "PC", now: { cmdline: "quiet" }, kept: {} };

describe("a link", () => {
  it("that wants nothing is not asked about, and is the owner's own", async () => {
    const { ask, guard: link } = guard({ memory: "256", tpm: "1.2" });
    expect(link.trusts("PC")).toBe(true);
    await link.settle(PC);
    expect(ask).not.toHaveBeenCalled();
  });

  it("that asks for another bridge gets no kept TPM without a yes", async () => {
    const { ask, guard: link } = guard({ bridge: BRIDGE });
    expect(link.bridgeFor("PC")).toBeUndefined();
    await link.settle(PC);
    expect(ask).toHaveBeenCalledWith({
      by: "link",
      machine: "PC",
      wishes: [{ name: "bridge", value: BRIDGE, origin: "http://other.example", instead: "" }],
    });
    expect(link.throwAway).toBe(true);
    expect(link.trusts("PC")).toBe(false);
    expect(link.bridgeFor("PC")).toBe(BRIDGE);
    await link.settle(PC);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it("has a yes for one machine, and is asked about anew for another", async () => {
    const { ask, guard: link } = guard({ bridge: BRIDGE }, "kept");
    await link.settle(PC);
    expect(link).toMatchObject({ throwAway: false });
    expect(link.bridgeFor("PC")).toBe(BRIDGE);
    expect(link.bridgeFor("Work")).toBeUndefined();
    await link.settle(PC);
    expect(ask).toHaveBeenCalledTimes(1);
    await link.settle({ ...PC, machine: "Work" });
    expect(ask).toHaveBeenCalledTimes(2);
    expect(link.trusts("PC")).toBe(false);
  });

  it("that was granted in the tab's history goes on, for that machine only", async () => {
    const { ask, guard: link } = guard({ bridge: BRIDGE }, "throw-away", "PC");
    await link.settle(PC);
    expect(ask).not.toHaveBeenCalled();
    expect(link.bridgeFor("PC")).toBe(BRIDGE);
    await link.settle({ ...PC, machine: "Work" });
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it("that is turned down leaves nothing behind", async () => {
    const { guard: link } = guard({ bridge: BRIDGE }, "no");
    await expect(link.settle(PC)).rejects.toThrow(LinkRefusedError);
    expect(link.bridge).toBeUndefined();
    await link.settle(PC);
    expect(link).toMatchObject({ throwAway: false });
    expect(link.bridgeFor("PC")).toBeUndefined();
  });

  it("is not forgiven while nobody knows what is kept", async () => {
    const { ask, guard: link } = guard({ cmdline: "quiet" });
    await link.settle({ ...PC, kept: "unknown" });
    expect(ask).not.toHaveBeenCalled();
    expect(link.trusts("PC")).toBe(false);
    await link.settle(PC);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it("is over when the owner chooses a machine on the page", async () => {
    const { ask, guard: link } = guard({ bridge: BRIDGE, cmdline: "quiet" });
    await link.settle(PC);
    link.over();
    await link.settle(PC);
    expect(ask).toHaveBeenCalledTimes(1);
    expect(link).toMatchObject({ throwAway: false, bridge: undefined });
  });

  it("gives a TPM on the bench to another origin only after a question, and never a kept one with it", async () => {
    const { ask, guard: link } = guard({ bridge: BRIDGE, cmdline: "quiet" }, "kept");
    expect(link.bridgeFor(undefined)).toBeUndefined();
    await link.settle({ now: {} });
    expect(ask).toHaveBeenCalledWith({
      by: "link",
      machine: undefined,
      wishes: [{ name: "bridge", value: BRIDGE, origin: "http://other.example" }],
    });
    expect(link.throwAway).toBe(true);
  });

  it("is asked about once, however many starts wait for the answer", async () => {
    const { ask, guard: link } = guard({ bridge: BRIDGE });
    await Promise.all([link.settle(PC), link.settle(PC), link.settle({ now: {} })]);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it("never gets a kept TPM to its bridge unless the last word on that machine was yes", async () => {
    const answers = fc.constantFrom<LinkAnswer>("throw-away", "kept", "no");
    const machines = fc.constantFrom("PC", "Work", undefined);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(machines, answers), { maxLength: 8 }), async (steps) => {
        let answer: LinkAnswer = "throw-away";
        const yes = new Set<string>();
        const link = new LinkGuard({ bridge: BRIDGE }, BASE, async ({ machine }) => {
          if (answer === "kept" && machine !== undefined) yes.add(machine);
          return answer;
        });
        for (const [machine, next] of steps) {
          answer = next;
          await link.settle({ machine, now: {}, kept: {} }).catch(() => undefined);
          for (const name of ["PC", "Work"])
            if (link.bridgeFor(name) !== undefined) expect(link.throwAway || yes.has(name)).toBe(true);
        }
      }),
    );
  });
});

describe("a kept machine that is chosen", () => {
  const DISK = "http://elsewhere.example/disk.img";
  const wants = { hda: DISK, cmdline: "quiet" };
  const start = { machine: "Gift", now: wants, kept: wants };

  it("boots as it is kept where all of it is this page's", async () => {
    const { ask, guard: link } = guard({ bridge: BRIDGE });
    const own = { hda: "/disk.img", initrd: `${BASE}initrd`, cmdline: "quiet", measured: "0" };
    link.choose("Gift", own);
    await link.settle({ machine: "Gift", now: own, kept: own });
    expect(ask).not.toHaveBeenCalled();
    expect(link).toMatchObject({ throwAway: false, bridge: undefined });
  });

  it("is asked about when it loads something from elsewhere, and has no TPM that is kept without a yes", async () => {
    const { ask, guard: link } = guard({});
    link.choose("Gift", wants);
    expect(link.trusts("Gift")).toBe(false);
    await link.settle(start);
    expect(ask).toHaveBeenCalledWith({
      by: "machine",
      machine: "Gift",
      wishes: [
        { name: "hda", value: DISK, origin: "http://elsewhere.example" },
        { name: "cmdline", value: "quiet" },
      ],
    });
    expect(link.throwAway).toBe(true);
  });

  it("is asked about once for the same machine and the same image", async () => {
    const { ask, guard: link } = guard({}, "kept");
    for (const [machine, hda, questions] of [
      ["Gift", DISK, 1],
      ["Gift", DISK, 1],
      ["Gift", `${DISK}.2`, 2],
      ["Other", DISK, 3],
      ["Gift", DISK, 3],
    ] as const) {
      link.choose(machine, { hda });
      await link.settle({ machine, now: { hda }, kept: { hda } });
      expect(ask).toHaveBeenCalledTimes(questions);
      expect(link).toMatchObject({ throwAway: false });
    }
  });

  it("keeps the yes that the tab's history has", async () => {
    const { ask, guard: link } = guard(wants, "throw-away", "Gift");
    link.choose("Gift", wants);
    await link.settle(start);
    expect(ask).not.toHaveBeenCalled();
  });

  it("keeps a bridge that it was allowed, and is asked about the rest", async () => {
    const { ask, guard: link } = guard({ bridge: BRIDGE }, "kept");
    await link.settle({ machine: "Gift", now: {}, kept: {} });
    link.choose("Gift", wants);
    expect(link.bridgeFor("Gift")).toBeUndefined();
    await link.settle(start);
    expect(ask.mock.lastCall![0].wishes.map(({ name }) => name)).toEqual(["bridge", "hda", "cmdline"]);
    expect(link.bridgeFor("Gift")).toBe(BRIDGE);
    expect(link.bridgeFor("PC")).toBeUndefined();
  });

  it("that is turned down leaves nothing behind", async () => {
    const { guard: link } = guard({}, "no");
    link.choose("Gift", wants);
    await expect(link.settle(start)).rejects.toThrow(LinkRefusedError);
    expect(link.trusts("PC")).toBe(true);
  });
});
