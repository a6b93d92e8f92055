import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { TpmStatus } from "../../../session/types.ts";
import { type BootVerdict, concernsTpm } from "../../boot-check/index.ts";
import type { PageState } from "../../model/model.ts";
import { statusItems } from "./status.ts";

const tpm: TpmStatus = {
  phase: "ready",
  message: "The TPM is ready.",
  placement: "worker",
  backend: "bridge",
  backendLabel: "swtpm 0.7.1 on ws://127.0.0.1:5173",
  version: "2.0",
  interface: "tis",
  interrupt: false,
};

function texts(patch: Partial<PageState>): string[] {
  const state = {
    settings: { tpm: "2.0" },
    machine: { phase: "off", holds: [], boots: 0 },
    ...patch,
  } as unknown as PageState;
  return statusItems(state).map(({ text }) => text);
}

/** Tones by item. */
function tones(patch: Partial<PageState>): Record<string, string> {
  const state = {
    settings: { tpm: "2.0" },
    machine: { phase: "running", holds: [], boots: 1 },
    ...patch,
  } as unknown as PageState;
  return Object.fromEntries(statusItems(state).map(({ name, tone }) => [name, tone]));
}

function bootView(verdict: BootVerdict): NonNullable<PageState["boot"]> {
  const none = { kind: "checking", missing: "something" } as const;
  const died = verdict.kind === "guest died";
  const troubles = died || verdict.kind === "kernel says" ? [verdict] : [];
  const tpmTroubles = troubles.filter((one) => concernsTpm(one));
  return { verdict, measurement: died ? none : verdict, troubles, tpmTroubles };
}

describe("the status line", () => {
  it("is green for a TPM only when this boot was measured", () => {
    const measured = bootView({ kind: "measured", checks: ["this"] });
    expect(tones({ tpm })).toMatchObject({ TPM: "plain", Guest: "plain" });
    expect(tones({ tpm, boot: bootView({ kind: "checking", missing: "x" }) })).toMatchObject({
      TPM: "plain",
      Boot: "busy",
    });
    expect(tones({ tpm, boot: measured })).toMatchObject({ TPM: "good", Boot: "good", Guest: "plain" });
    expect(tones({ tpm: { ...tpm, phase: "failed" }, boot: measured })).toMatchObject({ TPM: "bad" });
    const says = bootView({ kind: "kernel says", line: "tpm tpm0: Operation Timed out" });
    expect(tones({ tpm, boot: says })).toMatchObject({ TPM: "plain", Boot: "bad" });
  });

  it("says that a guest has died, where its time would be", () => {
    const boot = bootView({ kind: "guest died", how: "panic", line: "Kernel panic" });
    const machine = { phase: "running" as const, holds: [], boots: 1 };
    expect(texts({ tpm, boot, machine })).toContain("the guest has died: kernel panic");
    expect(texts({ tpm, boot, machine })).not.toContain("guest time runs");
    expect(tones({ tpm, boot })).toMatchObject({ Guest: "bad" });
  });

  it("says that nothing was started", () => {
    expect(texts({})).toEqual(["TPM 2.0, not started yet", "no machine yet"]);
  });

  it("says who uses the TPM, where it runs and what boots", () => {
    const machine = { phase: "running" as const, holds: [], boots: 1, label: "Linux 6.1 (small kernel)" };
    expect(texts({ tpm, machine, interface: { locality: 0, state: "completion" } })).toEqual([
      "TPM 2.0 ready, locality 0: completion",
      "in a worker (isolated)",
      "swtpm 0.7.1 on ws://127.0.0.1:5173",
      "guest time runs",
      "Linux 6.1 (small kernel)",
    ]);
  });

  it("says what memory a TPM in the page takes", () => {
    const hidden: TpmStatus = {
      ...tpm,
      backend: "hidden",
      backendLabel: "swtpm here",
      backendMemory: 53_804_032,
    };
    expect(texts({ tpm: hidden })).toContain("swtpm in a hidden machine, 51.3 MiB of memory");
  });

  it("names a command that takes long, and for how long it has run", () => {
    vi.useFakeTimers({ now: 0, toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const command = { id: 1, name: "TPM2_CreatePrimary", startedAt: performance.now() - 3500 };
    const commands = [{ ...command, duration: 2 }, command] as unknown as PageState["commands"];
    expect(texts({ tpm: { ...tpm, phase: "executing" }, commands })[0]).toBe(
      "TPM 2.0 runs TPM2_CreatePrimary (3 s)",
    );
    expect(texts({ tpm, commands: commands.slice(0, 1) })[0]).toBe("TPM 2.0 ready");
    expect(texts({ tpm: { ...tpm, phase: "failed" }, commands })[0]).toBe("TPM 2.0 failed");
  });

  it("gives reasons: placement, held time, failure", () => {
    const local: TpmStatus = {
      ...tpm,
      phase: "failed",
      version: "unspecified",
      placement: "local",
      placementReason: "the page is not cross-origin isolated",
    };
    const machine = { phase: "paused" as const, holds: ["TPM command", "paused by the user"], boots: 1 };
    const found = texts({ tpm: local, machine, interface: { locality: undefined, state: "idle" } });
    expect(found[0]).toBe("TPM failed");
    expect(found[1]).toBe("on the page's thread: the page is not cross-origin isolated");
    expect(found[3]).toBe("guest time held: TPM command, paused by the user");
  });

  it("shows how far the small kernel is", () => {
    const images = {
      guest: "",
      kernels: [],
      kernel: "stock" as const,
      build: { state: "building" as const, percent: 41.7, message: "compiling" },
    };
    expect(texts({ images }).at(-1)).toBe("a faster, small kernel is being built: 41 %");
  });
});
