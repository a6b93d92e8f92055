import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Flash } from "../../machine/uefi/flash.ts";
import type { UefiMachine } from "../../machine/v86/uefi/uefi-machine.ts";
import { efiImage } from "../../node/images/secure-boot/testing.ts";
import { VENDOR } from "../../protocol/uefi/guid.ts";
import { enroll, revoked, secureBootMode } from "../../protocol/uefi/secure-boot.ts";
import { factoryFlash } from "../../protocol/uefi/testing.ts";
import { readVariables, writeVariables } from "../../protocol/uefi/variable-store.ts";
import type { ImageManifest } from "../../session/images/manifest.ts";
import { VaultDamagedError } from "../../session/vault/index.ts";
import type { Notice, PageState, PageStore } from "../model/model.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { Notices } from "./notices.ts";
import { NoVariablesError, toBootWith, Variables } from "./variables.ts";

const ERASE_BLOCK = 0x20;
const CONFIRM = 0xd0;
const BOOT_OPTION = {
  vendor: VENDOR.GLOBAL,
  name: "Boot0000",
  attributes: 7,
  time: new Uint8Array(16),
  data: Uint8Array.of(1, 2, 3),
};
const FILLED = writeVariables(factoryFlash(), [BOOT_OPTION]);
const ERASED = new Uint8Array(FILLED.length).fill(0xff);

const file = (url: string, unpackedSize: number) => ({ url, unpackedSize, compression: "none" });
const KERNEL = efiImage();
const MANIFEST = {
  uefi: { vars: file("vars", FILLED.length) },
  kernel: "small",
  kernels: { small: { efi: file("kernel", KERNEL.length) } },
} as unknown as ImageManifest;

/** The server, which gives the kernel when it is told to. */
let giveKernel: () => void;
let fetched: string[];
beforeEach(() => {
  fetched = [];
  const given = new Promise<void>((resolve) => {
    giveKernel = resolve;
  });
  vi.stubGlobal("document", { baseURI: "http://page.example/" });
  vi.stubGlobal("fetch", async (url: URL) => {
    fetched.push(url.pathname);
    if (!url.pathname.endsWith("kernel")) return new Response(factoryFlash());
    await given;
    return new Response(KERNEL);
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** The variables of a page that keeps `kept` of its machine. */
function page(kept?: Uint8Array) {
  const store = {
    state: {
      machine: { phase: "off" },
      settings: DEFAULT_SETTINGS,
      notices: [] as Notice[],
    } as unknown as PageState,
    update(patch: Partial<PageState>) {
      this.state = { ...this.state, ...patch };
    },
  };
  const flash = { kept };
  const vault = {
    load: vi.fn(async () => flash.kept),
    save: vi.fn(async (bytes: Uint8Array | undefined) => {
      flash.kept = bytes;
    }),
  };
  const asStore = store as unknown as PageStore;
  const variables = new Variables(asStore, new Notices(asStore), {
    ...vault,
    manifest: async () => MANIFEST,
    switchOff: async () => false,
    boot: () => undefined,
  });
  return { store, flash, vault, variables };
}

/** However long the page takes to load its code. */
const until = (assertion: () => void) => vi.waitFor(assertion, { interval: 5, timeout: 20_000 });

const machine = (content: Uint8Array) => {
  const chip = new Flash(content, { base: 0 });
  return { chip, uefi: { variables: chip } as unknown as UefiMachine };
};

describe("a flash that holds no store", () => {
  it("is told in words while the guest that erased it runs on, and is forgotten when it is written again", () => {
    vi.useFakeTimers();
    const { store, variables } = page();
    const { chip, uefi } = machine(FILLED);
    variables.follow(uefi);
    expect(store.state.variables).toEqual({ from: "machine", list: [BOOT_OPTION] });
    const whole = chip.save();
    vi.runAllTimers();
    chip.write(0, 1, ERASE_BLOCK);
    chip.write(0, 1, CONFIRM);
    expect(chip.save().mode).toBe("status");
    vi.runAllTimers();
    expect(store.state.variables).toMatchObject({
      from: "machine",
      list: undefined,
      problem: expect.stringMatching(/^This is no flash with UEFI's variables: .*\.$/),
    });
    chip.restore(whole);
    vi.runAllTimers();
    expect(store.state.variables).toEqual({ from: "machine", list: [BOOT_OPTION] });
  });

  it("is shown of a machine that a snapshot has brought it, and boots no other", async () => {
    vi.useFakeTimers();
    const { store, variables } = page();
    variables.follow(machine(ERASED).uefi);
    vi.runAllTimers();
    expect(store.state.variables).toMatchObject({ from: "machine", problem: expect.any(String) });
    const boots = (bytes?: Uint8Array) =>
      toBootWith({ load: async () => bytes, save: async () => undefined }).load();
    await expect(boots(ERASED)).rejects.toThrow(NoVariablesError);
    expect(await boots(FILLED)).toBe(FILLED);
    expect(await boots()).toBeUndefined();
  });

  it("is told of a machine that is off, which can have the factory's again", async () => {
    const { store, flash, variables } = page(ERASED);
    variables.refresh();
    await until(() =>
      expect(store.state.variables).toMatchObject({ from: "kept", problem: expect.any(String) }),
    );
    expect(store.state.notices).toEqual([]);
    variables.factory();
    await until(() => expect(store.state.variables).toEqual({ from: "factory", list: [] }));
    expect(flash.kept).toBeUndefined();
  });
});

it("variables that are damaged in the browser's storage are told of, and can be the factory's again", async () => {
  const { store, vault, variables } = page(FILLED);
  vault.load.mockRejectedValueOnce(new VaultDamagedError("the UEFI variables", "a digest"));
  variables.refresh();
  await until(() =>
    expect(store.state.variables).toMatchObject({
      from: "kept",
      list: undefined,
      problem: expect.stringContaining("The UEFI variables"),
    }),
  );
  variables.factory();
  await until(() => expect(store.state.variables).toEqual({ from: "factory", list: [] }));
});

describe("a notice about variables", () => {
  const titles = (state: PageState) => state.notices.map(({ title }) => title);

  it("says of a change that is saved that they cannot be shown, not that they are as they were", async () => {
    const { store, flash, variables } = page(FILLED);
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    variables.factory();
    await until(() =>
      expect(titles(store.state)).toEqual(["UEFI’s variables are changed, and cannot be shown."]),
    );
    expect(flash.kept).toBeUndefined();
    expect(store.state.variables).toMatchObject({ from: "factory", problem: expect.any(String) });
  });

  it("says of a change that was not saved that they are as they were", async () => {
    const { store, flash, vault, variables } = page(FILLED);
    vault.save.mockRejectedValueOnce(new VaultDamagedError("the machine", "a digest"));
    variables.clear();
    await until(() => expect(titles(store.state)).toEqual(["UEFI’s variables are as they were."]));
    expect(flash.kept).toBe(FILLED);
  });

  it("says that they cannot be shown when nobody wanted to change them", async () => {
    const { store, vault, variables } = page(FILLED);
    vault.load.mockRejectedValueOnce(new VaultDamagedError("the UEFI variables", "a digest"));
    variables.refresh();
    await until(() => expect(titles(store.state)).toEqual(["UEFI’s variables cannot be shown."]));
  });
});

describe("two changes", () => {
  const keys = { pk: Uint8Array.of(1), kek: Uint8Array.of(2), db: Uint8Array.of(3) };
  const enrolled = writeVariables(factoryFlash(), enroll([], keys, 0));
  const kept = (flash: { kept: Uint8Array | undefined }) => readVariables(flash.kept!);

  it("are both made, also when the first one waits for a download", async () => {
    const { flash, variables } = page(enrolled);
    variables.revoke();
    variables.switchSecureBoot(false);
    giveKernel();
    await until(() => expect(revoked(kept(flash))).toHaveLength(1));
    await until(() => expect(secureBootMode(kept(flash))).toBe("off"));
    await variables.settled;
    expect(revoked(kept(flash))).toHaveLength(1);
    expect(secureBootMode(kept(flash))).toBe("off");
  });

  it("are waited for by a machine that is to boot with them", async () => {
    const { store, flash, variables } = page(enrolled);
    variables.revoke();
    variables.switchSecureBoot(false);
    const booted = variables.settled.then(() => kept(flash));
    giveKernel();
    const had = await booted;
    expect(revoked(had)).toHaveLength(1);
    expect(secureBootMode(had)).toBe("off");
    expect(store.state.notices).toEqual([]);
  });

  it("do not hang together: one is made where the one before failed", async () => {
    const { store, flash, vault, variables } = page(enrolled);
    vault.save.mockRejectedValueOnce(new VaultDamagedError("the machine", "a digest"));
    variables.clear();
    variables.switchSecureBoot(false);
    await variables.settled;
    expect(secureBootMode(kept(flash))).toBe("off");
    expect(store.state.notices).toHaveLength(1);
  });

  it("begin with the variables as they are when all is loaded", async () => {
    const { flash, vault, variables } = page(enrolled);
    variables.revoke();
    await until(() => expect(fetched).toContain("/images/kernel"));
    expect(vault.load).not.toHaveBeenCalled();
    giveKernel();
    await variables.settled;
    expect(revoked(kept(flash))).toHaveLength(1);
  });
});
