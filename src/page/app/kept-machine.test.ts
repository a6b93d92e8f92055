import "fake-indexeddb/auto";
import { describe, expect, it, vi } from "vitest";
import { type BundleVault, openVault, VaultClosedError, VaultFullError } from "../../session/vault/index.ts";
import { tpmState } from "../../session/vault/testing.ts";
import { MachineHolder } from "./kept-machine.ts";

const PC = { name: "PC", tpmVersion: "2.0" } as const;

/** A vault with no machine yet, which saves TPMs as `saveTpm` does. */
function holder(saveTpm: BundleVault["saveTpm"]) {
  const release = vi.fn(async () => undefined);
  const vault = {
    list: async () => [],
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
    await kept.begun();
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
    await kept.begun();
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

const usual = { steal: false, onUnkept: vi.fn() };

it("UEFI's variables that a snapshot brings are kept once its machine runs, and not before", async () => {
  const vault = openVault("flash");
  const machines = new MachineHolder(vault, async () => undefined);
  const { id, flash } = await machines.hold(PC, usual);
  await vault.saveFlash(id, { bytes: Uint8Array.of(1), time: 1 });
  await flash.save(Uint8Array.of(2));
  expect(await flash.load()).toEqual(Uint8Array.of(1));

  const again = await machines.hold(PC, usual);
  await again.flash.save(Uint8Array.of(3));
  await again.flash.save(Uint8Array.of(4));
  await again.begun();
  expect(await flash.load()).toEqual(Uint8Array.of(4));
  await again.flash.save(Uint8Array.of(5));
  expect(await flash.load()).toEqual(Uint8Array.of(5));
  await machines.release();
});

it("a machine that another tab calls otherwise is the same one at its next boot here", async () => {
  const here = openVault("names");
  const there = openVault("names");
  const machines = new MachineHolder(here, async () => undefined);
  const { id } = await machines.hold(PC, usual);
  await there.rename(id, "Work");
  expect(await machines.hold(PC, usual)).toMatchObject({ id, name: "Work" });
  // The page asks for it by its new name from now on; a third name does no harm either.
  await there.rename(id, "Home");
  expect(await machines.hold({ ...PC, name: "Work" }, usual)).toMatchObject({ id, name: "Home" });
  expect(await here.list()).toHaveLength(1);

  // Renamed here, the old name is free for another one.
  await here.rename(id, "Lab");
  expect(machines.renamed(id, "Lab")).toBe("Home");
  expect(machines.renamed("another", "Lab")).toBeUndefined();
  const other = await machines.hold({ ...PC, name: "Home" }, usual);
  expect(other.id).not.toBe(id);
  expect(await here.list()).toHaveLength(2);
  await machines.release();
});
