import { describe, expect, it, vi } from "vitest";
import type { PageActions, PageState } from "../model/model.ts";
import { Store } from "../model/store.ts";
import type { Question } from "../ui/machines/ask.ts";
import { type Ending, Work } from "./work.ts";

const RESET: Ending = { title: "Reset?", confirm: "Reset" };
const BENCH: Ending = { title: "The bench?", confirm: "Yes", unexpected: true };

/** A page whose machine runs, and whose owner answers so. */
function world(answer: Record<string, string> | null = {}) {
  const state = {
    machine: { phase: "running", holds: [], boots: 1 },
    kept: { running: "id", unreadable: [], snapshots: [], auto: "off" },
    settings: { tpm: "2.0" },
  } as unknown as PageState;
  const store = new Store(state, { schedule: () => undefined, pace: { wait: 0, begin: () => undefined } });
  const asked: Question[] = [];
  const work = new Work(store, async (question) => {
    asked.push(question);
    return answer ?? undefined;
  });
  const snapshot = vi.fn(async () => undefined);
  const run = vi.fn();
  const page = { machines: { snapshot } } as unknown as PageActions & { machines: { snapshot: never } };
  const ending = (what: Ending) => work.before(what, page, run);
  return { store, work, asked, snapshot, run, ending };
}

describe("before a guest is ended", () => {
  it("nobody is asked about a reset of a guest in which nobody has worked", async () => {
    const { ending, asked, run } = world();
    await ending(RESET);
    expect(asked).toEqual([]);
    expect(run).toHaveBeenCalledOnce();
  });

  it("its owner is asked once somebody has typed to it, until it starts again", async () => {
    const { ending, asked, run, work, store } = world();
    work.typed();
    expect(work.holdsTab).toBe(true);
    await ending(RESET);
    expect(asked[0]).toMatchObject({ confirm: "Reset", first: "Take a snapshot first" });
    expect(asked[0]?.text).toContain("The TPM of “PC” is kept");
    expect(run).toHaveBeenCalledOnce();
    store.update({ machine: { ...store.state.machine, boots: 2 } });
    expect(work.holdsTab).toBe(false);
    await ending(RESET);
    expect(asked).toHaveLength(1);
  });

  it("its owner is asked in any case about what does not say that it ends it", async () => {
    const { ending, asked, run, store } = world();
    await ending(BENCH);
    expect(asked).toHaveLength(1);
    expect(run).toHaveBeenCalledOnce();
    store.update({ kept: { ...store.state.kept, running: undefined } });
    await ending(BENCH);
    expect(asked[1]?.text).toContain("Its TPM is not kept, and goes too.");
    expect(asked[1]).not.toHaveProperty("first");
    for (const phase of ["off", "failed", "loading"] as const) {
      store.update({ machine: { ...store.state.machine, phase } });
      await ending(BENCH);
    }
    expect(asked).toHaveLength(2);
  });

  it("a no leaves it alone", async () => {
    const { ending, asked, run } = world(null);
    await ending(BENCH);
    expect(asked).toHaveLength(1);
    expect(run).not.toHaveBeenCalled();
  });

  it("a snapshot is taken first where that is wanted, and nothing is ended without it", async () => {
    const { ending, run, snapshot } = world({ answer: "first" });
    await ending(BENCH);
    expect(snapshot).toHaveBeenCalledOnce();
    expect(run).toHaveBeenCalledOnce();
    snapshot.mockRejectedValueOnce(new Error("full"));
    await ending(BENCH);
    expect(run).toHaveBeenCalledOnce();
  });
});
