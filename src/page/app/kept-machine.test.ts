import { describe, expect, it, vi } from "vitest";
import { type BundleVault, VaultClosedError, VaultFullError } from "../../session/vault/index.ts";
import { tpmState } from "../../session/vault/testing.ts";
import { MachineHolder } from "./kept-machine.ts";

const PC = { name: "PC", tpmVersion: "2.0" } as const;

/** A vault with no machine yet, which saves TPMs as `saveTpm` does. */
function holder(saveTpm: BundleVault["saveTpm"]) {
  const release = vi.fn(async () => undefined);
  const vault = {
    find: async () => undefined,
    create: async () => ({ ...PC, id: "1", tpmSize: 0 }),
    lock: async () => ({ machineId: "1", held: true, release }),
    saveTpm,
  } as unknown as BundleVault;
  return { machines: new MachineHolder(vault, async () => undefined), release };
}

describe("a machine whose TPM cannot be saved", () => {
  it("boots all the same and is not kept, and what it does later is not kept either", async () => {
    const save = vi.fn().mockRejectedValue(new VaultFullError("it was not saved"));
    const { machines, release } = holder(save);
    const onUnkept = vi.fn();
    const kept = await machines.hold(PC, { steal: false, onUnkept });
    await kept.keep.save(tpmState(), "swtpm");
    expect(onUnkept).toHaveBeenCalledExactlyOnceWith(expect.any(VaultFullError));
    kept.begun();
    await kept.keep.save(tpmState(2), "swtpm");
    expect(save).toHaveBeenCalledTimes(1);
    await vi.waitFor(() => expect(release).toHaveBeenCalledOnce());
    expect(machines.id).toBeUndefined();
  });

  it("is a failure once its guest runs: it may have been told that something is saved", async () => {
    const save = vi.fn().mockResolvedValueOnce(undefined).mockRejectedValue(new VaultClosedError("closed"));
    const { machines } = holder(save);
    const onUnkept = vi.fn();
    const kept = await machines.hold(PC, { steal: false, onUnkept });
    await kept.keep.save(tpmState(), "swtpm");
    kept.begun();
    await expect(kept.keep.save(tpmState(2), "swtpm")).rejects.toThrow(VaultClosedError);
    expect(onUnkept).not.toHaveBeenCalled();
    expect(machines.id).toBe("1");
  });

  it("is a failure in any case that has nothing to do with the browser's storage", async () => {
    const { machines } = holder(vi.fn().mockRejectedValue(new TypeError("a mistake")));
    const kept = await machines.hold(PC, { steal: false, onUnkept: vi.fn() });
    await expect(kept.keep.save(tpmState(), "swtpm")).rejects.toThrow(TypeError);
  });
});
