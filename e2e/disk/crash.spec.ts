/**
 * A browser that is killed at any moment, while the guest writes to an ext4 on its disk and syncs it: the file system is
 * in order afterwards, and has all that the guest has said is synced. By default a few rounds; `WEBTPM_CRASHES=100` for
 * the whole.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { type KilledBrowser, withProfile } from "../killed-browser.ts";
import { SOURCES_URL } from "../servers.ts";
import { FileServer } from "../static/file-server.ts";
import type { DiskKind } from "./crash.ts";
import { checkDisk, diskInitrd, makeDisk } from "./guest.ts";

const ADDRESS = `${SOURCES_URL}/e2e/disk/crash.html`;
const ROUNDS = Number(process.env.WEBTPM_CRASHES ?? 4);
const ROUND_MS = 60_000;
/** The first page has to boot. */
const BOOT_MS = 300_000;
const DISK_MIB = 16;

/** Mounts what is on the disk now, and not what the kernel remembers of it. */
const MOUNT = "echo 3 > /proc/sys/vm/drop_caches; mount -t ext4 /dev/sda /mnt && echo mounted";
/** Counts in a file that is made anew each time, among others that come and go. */
const COUNT =
  "i=$(cat /mnt/last 2>/dev/null || echo 0); while :; do i=$((i+1)); dd if=/dev/zero of=/mnt/f$((i%7)) bs=1k count=$((i%40+1)) 2>/dev/null; " +
  "rm -f /mnt/f$((i%5)); echo $i > /mnt/new; mv /mnt/new /mnt/last; sync; echo synced $i; done";

let folder: string;
/** What is given by the debugger's pipe in place of a server may take minutes. */
let server: FileServer;
test.beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "webtpm-disk-crash-"));
  writeFileSync(join(folder, "disk-initrd"), await diskInitrd());
  makeDisk(join(folder, "disk-base"), DISK_MIB);
  server = new FileServer(folder);
  await server.start();
});
test.afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** What the guest says. */
class Said {
  readonly lines: string[] = [];

  constructor(page: Page) {
    page.on("console", (message) => this.lines.push(message.text()));
  }

  get synced(): number {
    const counts = this.lines.flatMap((line) => /^synced (\d+)$/.exec(line)?.slice(1) ?? []);
    return Number(counts.at(-1) ?? 0);
  }

  async until(condition: () => boolean, timeout = ROUND_MS): Promise<void> {
    // What it has said by then tells why it is not there.
    await expect.poll(() => condition() || this.lines.slice(-10).join(" | "), { timeout }).toBe(true);
  }
}

async function open(browser: KilledBrowser): Promise<Page> {
  const page = await browser.open();
  for (const name of ["disk-initrd", "disk-base"])
    await page.route(`**/${name}`, (route) => route.continue({ url: `${server.url}${name}` }));
  await page.goto(ADDRESS);
  await page.waitForFunction(() => "disk" in window);
  return page;
}

/** What the disk counts, looked at as after a power cut. @throws what is wrong with it. */
async function look(page: Page, kind: DiskKind): Promise<number> {
  const path = join(folder, "now.img");
  writeFileSync(path, Buffer.from(await page.evaluate((how) => window.disk.content(how), kind), "base64"));
  return Number(checkDisk(path, "/last") || 0);
}

interface Round {
  /** What the disk counted when the browser came back. */
  found: number;
  /** The last count that the guest said was synced. */
  synced: number;
}

/** One life of the browser: looks at the disk, counts, and is killed. */
async function live(browser: KilledBrowser, kind: DiskKind, first: boolean): Promise<Round> {
  const page = await open(browser);
  const said = new Said(page);
  const found = first ? 0 : await look(page, kind);
  await page.evaluate((how) => window.disk.start(how), kind);
  const type = (line: string) => page.evaluate((text) => window.type(`${text}\n`), line);
  await type(MOUNT);
  await said.until(() => said.lines.includes("mounted"));
  await type(COUNT);
  await said.until(() => said.synced > found + 2);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 1500));
  await browser.kill();
  return { found, synced: said.synced };
}

for (const kind of ["kept", "cached"] as const) {
  const rounds = kind === "kept" ? ROUNDS : Math.ceil(ROUNDS / 4);
  test(`a disk (${kind}) has all that was synced, in order, over ${rounds} crashes`, async () => {
    test.setTimeout(BOOT_MS + (rounds + 1) * ROUND_MS);
    await withProfile(async (browser) => {
      let { synced } = await live(browser, kind, true);
      let ahead = 0;
      for (let crash = 1; crash <= rounds; crash++) {
        const round = await live(browser, kind, false);
        expect(round.found, `crash ${crash}`).toBeGreaterThanOrEqual(synced);
        if (round.found > synced) ahead++;
        synced = round.synced;
      }
      console.log(`${rounds} crashes, 0 losses; the disk is at ${synced}; ${ahead} had more than was said`);
    });
  });
}

test("a loss is noticed: with flushes that do nothing, what was synced is not there", async () => {
  test.setTimeout(BOOT_MS + 2 * ROUND_MS);
  await withProfile(async (browser) => {
    const { synced } = await live(browser, "unflushed", true);
    const page = await open(browser);
    // What is left need not even be a file system in order.
    const found = await look(page, "unflushed").catch(() => 0);
    expect(found).toBeLessThan(synced);
  });
});
