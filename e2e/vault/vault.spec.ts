/** Kept machines in Chromium's own IndexedDB: its durability, quota, clearing of data, locks. */
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { SOURCES_URL } from "../servers.ts";

async function open(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${SOURCES_URL}/e2e/vault/page.html`);
  await page.waitForFunction(() => "tools" in window);
  return page;
}

/** Makes "PC" with a TPM and a snapshot, and gives its id. */
function makeMachine(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const { openVault, tpmSave, snapshot } = window.tools;
    const vault = openVault();
    const { id } = await vault.create({ name: "PC", tpmVersion: "2.0" });
    await vault.saveTpm(id, tpmSave());
    await vault.putSnapshot(id, snapshot("good", 100_000));
    vault.close();
    return id;
  });
}

/** What is there of machine `id`, read by a new vault. */
function inventory(page: Page, id: string) {
  return page.evaluate(async (id) => {
    const vault = window.tools.openVault();
    const tpm = await vault.loadTpm(id);
    const snapshots = await vault.listSnapshots(id);
    for (const { id: snapshot } of snapshots) await vault.getSnapshot(id, snapshot);
    vault.close();
    return { saved: tpm?.time, snapshots: snapshots.map(({ name }) => name) };
  }, id);
}

function saveAgain(page: Page, id: string) {
  return page.evaluate(async (id) => {
    const vault = window.tools.openVault();
    await vault.saveTpm(id, window.tools.tpmSave(2));
    return (await vault.loadTpm(id))?.time;
  }, id);
}

const GOOD = { saved: 1_700_000_000_001, snapshots: ["good"] };

test("a machine outlives the page that made it", async ({ context }) => {
  const page = await open(context);
  const id = await makeMachine(page);
  await page.close();
  expect(await inventory(await open(context), id)).toEqual(GOOD);
});

test("writes ask for strict durability and are told when they are complete", async ({ context }) => {
  const page = await open(context);
  const seen = await page.evaluate(async () => {
    const options: unknown[] = [];
    const order: string[] = [];
    const begin = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (names, mode, given) {
      const transaction = begin.call(this, names, mode, given);
      if (mode === "readwrite") {
        options.push(transaction.durability);
        transaction.addEventListener("complete", () => order.push("complete"));
      }
      return transaction;
    };
    const vault = window.tools.openVault();
    const { id } = await vault.create({ name: "PC", tpmVersion: "2.0" });
    order.push("created");
    await vault.saveTpm(id, window.tools.tpmSave());
    order.push("saved");
    return { options, order };
  });
  expect(seen).toEqual({
    options: ["strict", "strict"],
    order: ["complete", "created", "complete", "saved"],
  });
});

test("a full disk is told, and costs nothing that was saved", async ({ context }) => {
  const page = await open(context);
  const devtools = await context.newCDPSession(page);
  const origin = new URL(page.url()).origin;
  // Before the first write: Chromium remembers for a while how much room there is.
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 3 << 20 });
  const id = await makeMachine(page);
  const told = await page.evaluate((id) => {
    const { openVault, failure, snapshot } = window.tools;
    return failure(() => openVault().putSnapshot(id, snapshot("too large", 20 << 20)));
  }, id);
  expect(told).toContain('VaultFullError: the snapshot "too large" was not saved: the browser\'s storage');
  expect(await inventory(page, id)).toEqual(GOOD);
  expect(await saveAgain(page, id)).toBe(1_700_000_000_002);
});

test("a store that is closed under the page is told, and opened anew", async ({ context }) => {
  const page = await open(context);
  const id = await makeMachine(page);
  const devtools = await context.newCDPSession(page);
  await page.evaluate(async () => {
    const vault = window.tools.openVault();
    await vault.list();
    Object.assign(window, { vault });
  });
  const told = page.evaluate(async (id) => {
    const { vault } = window as unknown as { vault: ReturnType<typeof window.tools.openVault> };
    return window.tools.failure(async () => {
      for (let saves = 1; ; saves++) {
        await vault.saveTpm(id, window.tools.tpmSave());
        Object.assign(window, { saves });
      }
    });
  }, id);
  await page.waitForFunction(() => "saves" in window);
  await devtools.send("Storage.clearDataForOrigin", {
    origin: new URL(page.url()).origin,
    storageTypes: "indexeddb",
  });
  // What was under way just then is cut off, finds nothing, or cannot open what is being cleared.
  expect(await told).toMatch(/^Vault(Closed|Missing|Unavailable)Error: .*(closed|no such machine)/);
  const again = await page.evaluate(async () => {
    const { vault } = window as unknown as { vault: ReturnType<typeof window.tools.openVault> };
    const { id } = await vault.create({ name: "PC", tpmVersion: "2.0" });
    await vault.saveTpm(id, window.tools.tpmSave());
    return vault.list();
  });
  expect(again).toMatchObject([{ name: "PC" }]);
});

test("a flipped bit and a newer format are told, and left as they are", async ({ context }) => {
  const page = await open(context);
  const id = await makeMachine(page);
  const told = await page.evaluate(async (id) => {
    const { openVault, tamper } = window.tools;
    const vault = openVault();
    const [{ id: snapshot } = { id: "" }] = await vault.listSnapshots(id);
    const key = [id, snapshot, "emulator", 0];
    const flip = (piece: Uint8Array) => piece.map((byte, index) => (index === 50_000 ? byte ^ 1 : byte));
    await tamper("webtpm-vault", "pieces", key, flip);
    const flipped = await window.tools.failure(() => vault.getSnapshot(id, snapshot));
    await tamper("webtpm-vault", "pieces", key, flip);
    const by = (versions: number) => (record: { formatVersion: number }) => ({
      ...record,
      formatVersion: record.formatVersion + versions,
    });
    await tamper("webtpm-vault", "snapshots", [id, snapshot], by(1));
    const newer = await window.tools.failure(() => vault.getSnapshot(id, snapshot));
    await tamper("webtpm-vault", "snapshots", [id, snapshot], by(-1));
    return { flipped, newer };
  }, id);
  expect(told.flipped).toMatch(/^VaultDamagedError: the snapshot "good" is damaged: its part "emulator"/);
  expect(told.newer).toMatch(/^VaultNewerError: the snapshot "good" has format \d+/);
  expect(await inventory(page, id)).toEqual(GOOD);
});

test.describe("one owner", () => {
  /** Locks PC in the page; `window.told` counts how often it was asked to stop. */
  const lock = (page: Page, id: string, how: { steal?: boolean; deaf?: boolean } = {}) =>
    page.evaluate(
      async ([id, { steal = false, deaf = false }]) => {
        const vault = window.tools.openVault();
        const state = { vault, told: 0, saved: "" };
        Object.assign(window, { state });
        try {
          await vault.lock(id, {
            steal,
            async onTakeOver() {
              state.told++;
              if (deaf) await new Promise(() => undefined);
              await vault.saveTpm(id, { ...window.tools.tpmSave(), description: "saved by the first" });
            },
          });
          return "locked";
        } catch (error) {
          return `${(error as Error).name}: ${(error as Error).message}`;
        }
      },
      [id, how] as const,
    );
  type State = { vault: ReturnType<typeof window.tools.openVault>; told: number };
  const save = (page: Page, id: string) =>
    page.evaluate(async (id) => {
      const { vault } = (window as unknown as { state: State }).state;
      return vault.saveTpm(id, window.tools.tpmSave(2)).then(
        () => "saved",
        (error) => error.name,
      );
    }, id);
  const told = (page: Page) => page.evaluate(() => (window as unknown as { state: State }).state.told);

  test("a second tab is told, and may take over from one that stops and saves", async ({ context }) => {
    const first = await open(context);
    const id = await makeMachine(first);
    const second = await open(context);
    expect(await lock(first, id)).toBe("locked");
    expect(await lock(second, id)).toMatch(/MachineInUseError: the machine "PC" runs in another tab/);
    expect(await save(second, id)).toBe("MachineLockLostError");
    expect(await lock(second, id, { steal: true })).toBe("locked");
    expect(await told(first)).toBe(1);
    expect(await save(first, id)).toBe("MachineLockLostError");
    const description = () =>
      second.evaluate(async (id) => (await window.tools.openVault().loadTpm(id))?.description, id);
    expect(await description()).toBe("saved by the first");
    expect(await save(second, id)).toBe("saved");
  });

  test("one that does not answer loses the machine, and writes nothing more", async ({ context }) => {
    const first = await open(context);
    const id = await makeMachine(first);
    const second = await open(context);
    expect(await lock(first, id, { deaf: true })).toBe("locked");
    expect(await lock(second, id, { steal: true })).toBe("locked");
    expect(await told(first)).toBe(1);
    expect(await save(first, id)).toBe("MachineLockLostError");
    expect(await save(second, id)).toBe("saved");
  });

  test("a tab that ends gives its machine back", async ({ context }) => {
    const first = await open(context);
    const id = await makeMachine(first);
    expect(await lock(first, id)).toBe("locked");
    await first.close();
    const second = await open(context);
    await expect.poll(() => lock(second, id)).toBe("locked");
    expect(await save(second, id)).toBe("saved");
  });
});
