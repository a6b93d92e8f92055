/** Commands that take seconds in the hidden machine: the page says which and how long, and the guest does not mind. */
import { expect, type Page, test } from "@playwright/test";
import { run, untilShell } from "../page-guest.ts";
import { buildDirectory } from "./build.ts";
import { FileServer } from "./file-server.ts";
import { untilStarted } from "./page-static.ts";

/** Keys to make: each is a matter of luck, between one second and many. More are made until one was long. */
const KEYS = 2;
const MOST_KEYS = 15;
/** What takes this long has surely been named, in milliseconds. */
const SURELY_LONG = 2500;

let server: FileServer;

test.beforeAll(async () => {
  server = new FileServer(buildDirectory());
  await server.start();
});
test.afterAll(() => server.stop());

/** Keeps all that the status line says of the TPM from now on, and how long the page's thread was ever busy. */
async function listen(page: Page): Promise<() => Promise<{ said: string[]; longestPause: number }>> {
  await page.evaluate(() => {
    const said = new Set<string>();
    const heard = { said, longestPause: 0 };
    let last = performance.now();
    setInterval(() => {
      const item = document.querySelector('status-line [data-name="TPM"] > span:last-child');
      said.add(item?.textContent ?? "");
      const now = performance.now();
      heard.longestPause = Math.max(heard.longestPause, now - last);
      last = now;
    }, 20);
    Object.assign(window, { heard });
  });
  return () =>
    page.evaluate(() => {
      const { heard } = window as unknown as { heard: { said: Set<string>; longestPause: number } };
      return { said: [...heard.said], longestPause: heard.longestPause };
    });
}

/** Whether a key has taken long. */
const hasBeenLong = (page: Page) =>
  page.evaluate(
    (limit) =>
      window.webtpm.commands().some(({ name, duration = 0 }) => name === "TPM2_Create" && duration > limit),
    SURELY_LONG,
  );

const uptime = async (page: Page) => Number(await run(page, "cut -d' ' -f1 /proc/uptime"));

test("RSA-2048 keys for the guest: its clock stands meanwhile, its driver waits, the page says what goes on", async ({
  page,
}) => {
  test.setTimeout(600_000);
  await page.goto(`${server.url}?boot=1`);
  await untilStarted(page);
  await untilShell(page);
  const heard = await listen(page);
  const make = "tpm2_createprimary -Q -C o -G ecc -c p.ctx && tpm2_flushcontext -t";
  await run(page, `cd /tmp && ${make}`);
  const begin = await uptime(page);
  let keys = 0;
  while (keys < KEYS || (keys < MOST_KEYS && !(await hasBeenLong(page)))) {
    const files = `-u k${keys}.pub -r k${keys}.priv`;
    await run(page, `tpm2_create -Q -C p.ctx -G rsa2048 ${files} && tpm2_flushcontext -t`);
    keys++;
  }
  await run(page, "tpm2_createprimary -Q -C o -G rsa2048 -c rsa.ctx && tpm2_flushcontext -t");
  const guestSeconds = (await uptime(page)) - begin;

  const commands = await page.evaluate(() => window.webtpm.commands());
  // The first use of a key with dictionary-attack protection is answered with TPM_RC_RETRY, and sent again.
  const made = commands
    .filter(({ name, responseCode }) => /^TPM2_Create(Primary)?$/.test(name) && responseCode === 0)
    .slice(1);
  expect(made).toHaveLength(keys + 1);
  const durations = made.map(({ duration }) => duration ?? 0);
  const seconds = durations.reduce((sum, ms) => sum + ms, 0) / 1000;
  const { said, longestPause } = await heard();
  console.log(
    `RSA-2048: ${durations.map((ms) => (ms / 1000).toFixed(1)).join(", ")} s; ` +
      `${guestSeconds.toFixed(1)} s for the guest; page's longest pause ${longestPause.toFixed(0)} ms`,
  );
  expect(guestSeconds).toBeLessThan(seconds);
  // By the laws of chance at least one of so many is long.
  expect(Math.max(...durations)).toBeGreaterThan(SURELY_LONG);
  expect(said).toContainEqual(expect.stringMatching(/^TPM 2\.0 runs TPM2_Create(Primary)? \([1-9]\d* s\)$/));
  expect(await run(page, "dmesg | grep -iE 'tpm.*(time|error|cancel)' || true")).toBe("");
  const publics = await run(
    page,
    "cat k?.pub | sha256sum; for k in k?.pub; do sha256sum < $k; done | sort -u | wc -l",
  );
  expect(publics.trim().split("\n").at(-1)).toBe(String(keys));
});
