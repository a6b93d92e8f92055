/** Browsers that cannot keep anything: the machine boots all the same, says so, and is kept once that is possible. */
import { expect, type Locator, type Page, test } from "@playwright/test";
import { accessible } from "../accessible.ts";
import { run, untilShell } from "../page-guest.ts";

declare global {
  interface Window {
    /** Ends the fault. */
    heal(): void;
  }
}

const notice = (page: Page): Locator => page.locator(".notice", { hasText: "This TPM is not kept." });
/** TPM2_GetRandom of 8 bytes, once the firmware leaves the TPM alone for a moment. */
const asksTpm = (page: Page) =>
  expect
    .poll(() => page.evaluate(() => window.webtpm.command("80010000000c0000017b0008").catch(String)))
    .toMatch(/^800100000014000000000008/);

/** What is done to the browser before the page starts, and the words that the page has for it. */
const FAULTS: Record<string, { fault: () => void; says: RegExp }> = {
  "no IndexedDB": {
    fault: () => {
      const { indexedDB } = window;
      Object.defineProperty(window, "indexedDB", { value: undefined, configurable: true });
      window.heal = () => Object.defineProperty(window, "indexedDB", { value: indexedDB });
    },
    says: /This browser has no storage for pages \(IndexedDB\)/,
  },
  "a denied one": {
    fault: () => {
      const { indexedDB } = window;
      const get = () => {
        throw new DOMException("access is denied for this document", "SecurityError");
      };
      Object.defineProperty(window, "indexedDB", { get, configurable: true });
      window.heal = () => Object.defineProperty(window, "indexedDB", { value: indexedDB });
    },
    says: /This browser does not let this page keep anything \(access is denied for this document\)/,
  },
  "a damaged one": {
    fault: () => {
      const { open } = IDBFactory.prototype;
      IDBFactory.prototype.open = () => {
        const request = { error: new DOMException("Internal error opening backing store", "UnknownError") };
        const failed = request as unknown as IDBOpenDBRequest;
        queueMicrotask(() => failed.onerror?.(new Event("error")));
        return failed;
      };
      window.heal = () => {
        IDBFactory.prototype.open = open;
      };
    },
    says: /The browser could not open its storage for this page, which may be damaged/,
  },
  "one that never answers": {
    fault: () => {
      const { open } = IDBFactory.prototype;
      IDBFactory.prototype.open = () => ({}) as IDBOpenDBRequest;
      window.heal = () => {
        IDBFactory.prototype.open = open;
      };
    },
    says: /The browser has not opened its storage for this page within 8 s/,
  },
  "one with room for the machine's name, and none for its TPM": {
    fault: () => {
      const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (...given) {
        if (this.name === "tpms") throw new DOMException("no room", "QuotaExceededError");
        return put.apply(this, given);
      };
      window.heal = () => {
        IDBObjectStore.prototype.put = put;
      };
    },
    says: /The TPM's state was not saved: the browser's storage for this page is full/,
  },
};

async function keptAgain(page: Page): Promise<void> {
  await notice(page).getByRole("button", { name: "Boot again and keep it" }).click();
  await expect(notice(page)).toHaveCount(0);
  await page.evaluate(() => window.webtpm.ready);
  await expect(notice(page)).toHaveCount(0);
  const machines = await page.evaluate(() => window.webtpm.machines());
  expect(machines.map(({ name, tpmSize }) => [name, tpmSize > 1000])).toEqual([["PC", true]]);
}

for (const [what, { fault, says }] of Object.entries(FAULTS)) {
  test(`${what}: the machine boots, its TPM is not kept, and is with another try`, async ({ page }) => {
    await page.addInitScript(fault);
    await page.goto("/?boot=1&kernel=small");
    await page.evaluate(() => window.webtpm.ready);
    await expect(notice(page)).toContainText(says);
    await asksTpm(page);
    await page.evaluate(() => window.heal());
    expect(await page.evaluate(() => window.webtpm.snapshot("no").catch(String))).toContain("is not kept");
    await keptAgain(page);
  });
}

test("a full quota: the machine boots, its TPM is not kept, and is when there is room", async ({ page }) => {
  const devtools = await page.context().newCDPSession(page);
  await page.goto("/");
  const { origin } = new URL(page.url());
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1 });
  await page.goto("/?boot=1&kernel=small");
  await page.evaluate(() => window.webtpm.ready);
  await expect(notice(page)).toContainText(/storage for this page is full/);
  await asksTpm(page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin });
  await keptAgain(page);
});

test("a connection that is closed without a word costs the guest nothing", async ({ page }) => {
  await page.addInitScript(() => {
    const { transaction } = IDBDatabase.prototype;
    let closing = false;
    IDBDatabase.prototype.transaction = function (names, mode, options) {
      if (closing) this.close();
      closing = false;
      return transaction.call(this, names, mode, options);
    };
    window.heal = () => {
      closing = true;
    };
  });
  await page.goto("/?boot=1&kernel=small");
  await untilShell(page);
  for (const index of ["0x1500001", "0x1500002"]) {
    await page.evaluate(() => window.heal());
    await run(page, `tpm2_nvdefine -Q -C o -s 8 ${index}`);
  }
  await expect(page.getByRole("alert")).toHaveCount(0);
  await page.reload();
  await untilShell(page);
  expect(await run(page, "tpm2_getcap handles-nv-index")).toContain("0x1500002");
});

for (const width of [1280, 390]) {
  test(`what is not kept is said to everybody, ${width} px wide`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    await page.addInitScript(FAULTS["no IndexedDB"]!.fault);
    await page.goto("/?boot=1&kernel=small&pane=machines");
    await page.evaluate(() => window.webtpm.ready);
    const retry = notice(page).getByRole("button", { name: "Boot again and keep it" });
    await expect(retry).toBeInViewport({ ratio: 1 });
    await expect(page.locator(".machines")).toContainText("This browser has no storage for pages");
    await expect(page.getByRole("alert")).toHaveCount(0);
    await accessible(page, "a browser that keeps nothing");
    await page.screenshot({ path: test.info().outputPath(`unkept-${width}.png`) });
  });
}
