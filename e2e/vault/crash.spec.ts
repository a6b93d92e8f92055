/**
 * A browser that is killed at any moment, while the guest counts in its TPM: what the guest has printed is never lost.
 * By default a few rounds; `WEBTPM_CRASHES=100` for the whole. About five seconds a round on a machine at rest.
 */
import { expect, type Page, test } from "@playwright/test";
import { encodeCommand } from "../../src/protocol/tpm2/index.ts";
import { type KilledBrowser, withProfile } from "../killed-browser.ts";
import { SOURCES_URL } from "../servers.ts";

const ADDRESS = `${SOURCES_URL}/e2e/vault/crash.html`;

const ROUNDS = Number(process.env.WEBTPM_CRASHES ?? 5);
const ROUND_MS = 60_000;
/** The first page has to boot. */
const BOOT_MS = 180_000;

const INDEX = 0x0150_0001;
const handles = { authHandle: "OWNER", nvIndex: INDEX };
/** A counter that the owner reads and increments. */
const publicInfo = { nvIndex: INDEX, nameAlg: "SHA256", attributes: 0x0202_0012, dataSize: 8 };
const DEFINE = encodeCommand("NV_DefineSpace", {
  handles: { authHandle: "OWNER" },
  parameters: { auth: "", publicInfo },
});
const INCREMENT = encodeCommand("NV_Increment", { handles });
const READ = encodeCommand("NV_Read", { handles, parameters: { size: 8, offset: 0 } });

/** The guest's shell talks to its driver directly: tpm2-tools would take most of the time. */
const asPrintf = (command: Uint8Array) =>
  Array.from(command, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
const ask = (command: Uint8Array) =>
  `printf '${asPrintf(command)}' >&3; echo "$N $(dd bs=4096 count=1 <&3 2>/dev/null | od -An -tx1 -v | tr -d ' \\n')"`;
const SHELL = {
  open: "exec 3<>/dev/tpm0",
  define: `N=defined; ${ask(DEFINE)}`,
  read: `N=count; ${ask(READ)}`,
  count: `while :; do N=incremented; ${ask(INCREMENT)}; N=count; ${ask(READ)}; done`,
};

/** The counter's values as the guest prints them. */
class Counts {
  readonly #wants = new Set<() => void>();
  readonly values: number[] = [];
  readonly other: string[] = [];

  constructor(page: Page) {
    page.on("console", (message) => {
      const count = /^count 8002.{8}00000000.{8}0008([0-9a-f]{16})/.exec(message.text());
      if (count) this.values.push(Number.parseInt(count[1]!, 16));
      else this.other.push(message.text());
      for (const want of this.#wants) want();
    });
  }

  /** The next value from now on. */
  next(limit: number): Promise<number> {
    const from = this.values.length;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#wants.delete(look);
        reject(
          new Error(`no value within ${limit} ms; the guest said: ${this.other.slice(-10).join(" | ")}`),
        );
      }, limit);
      const look = () => {
        if (this.values.length <= from) return;
        clearTimeout(timer);
        this.#wants.delete(look);
        resolve(this.values[from]!);
      };
      this.#wants.add(look);
    });
  }
}

interface Round {
  /** What the counter was when the browser came back; undefined in the first round, or when it cannot be read. */
  found: number | undefined;
  printed: number[];
}

/** One life of the browser: looks at the counter, counts, and is killed. */
async function live(browser: KilledBrowser, writeThrough: boolean, first: boolean): Promise<Round> {
  const page = await browser.open();
  await page.goto(ADDRESS);
  await page.waitForFunction(() => "start" in window);
  const counts = new Counts(page);
  await page.evaluate((through) => window.start({ writeThrough: through }), writeThrough);
  const type = (line: string) => page.evaluate((text) => window.type(`${text}\n`), line);
  await type(SHELL.open);
  let found: number | undefined;
  if (first) await type(SHELL.define);
  else {
    const value = counts.next(writeThrough ? ROUND_MS : 8000);
    await type(SHELL.read);
    // Without write-through even the counter itself is lost.
    found = writeThrough ? await value : await value.catch(() => undefined);
    if (found === undefined) await type(SHELL.define);
  }
  const counting = counts.next(ROUND_MS);
  const before = counts.values.length;
  await type(SHELL.count);
  await counting;
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 1500));
  await browser.kill();
  return { found, printed: counts.values.slice(before) };
}

test(`a counter never goes back below what the guest has printed, over ${ROUNDS} crashes`, async () => {
  test.setTimeout(BOOT_MS + (ROUNDS + 1) * ROUND_MS);
  await withProfile(async (browser) => {
    let last = (await live(browser, true, true)).printed.at(-1)!;
    let ahead = 0;
    for (let crash = 1; crash <= ROUNDS; crash++) {
      const { found, printed } = await live(browser, true, false);
      expect(found, `crash ${crash}`).toBeGreaterThanOrEqual(last);
      // At most the one increment whose value could not be printed any more.
      expect(found, `crash ${crash}`).toBeLessThanOrEqual(last + 1);
      if (found! > last) ahead++;
      last = printed.at(-1)!;
    }
    console.log(
      `${ROUNDS} crashes, 0 losses; the counter is at ${last}; ${ahead} crashes came between save and print`,
    );
  });
});

test("a loss is noticed: without write-through the counter does go back", async () => {
  test.setTimeout(BOOT_MS + 3 * ROUND_MS);
  await withProfile(async (browser) => {
    const { printed } = await live(browser, true, true);
    await live(browser, false, false);
    const { printed: more } = await live(browser, false, false);
    const { found } = await live(browser, false, false);
    expect(found === undefined || found < more.at(-1)!).toBe(true);
    expect(printed.length).toBeGreaterThan(0);
  });
});
