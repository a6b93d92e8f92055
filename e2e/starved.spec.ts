/**
 * Boots on a host that has far more to do than processors, while swtpm, the bridge and the browser itself are stopped
 * and continued at random: every boot ends with the same PCRs and a log that replays.
 *
 * The routine run is two boots beside four busy processes a processor. A long one, whose table it prints:
 *
 *     WEBTPM_STARVED_BOOTS=30 WEBTPM_STARVED_LOAD=15 npx playwright test --config e2e/playwright.config.ts starved
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { availableParallelism, loadavg } from "node:os";
import { expect, type Page, test } from "@playwright/test";
import type { EventSummary } from "../src/page/app/console-api.ts";

const BOOTS = Number(process.env.WEBTPM_STARVED_BOOTS ?? 2);
const LOAD = Number(process.env.WEBTPM_STARVED_LOAD ?? 4);
/** To the shell, for one boot, in milliseconds. */
const BOOT_MS = 600_000;

/** What differs from boot to boot, in turn. */
const ROUNDS = [
  { address: "tpm=2.0&backend=bridge&kernel=small", bank: "sha256" },
  { address: "tpm=1.2&backend=bridge&kernel=small", bank: "sha1" },
  { address: "tpm=2.0&backend=bridge&kernel=stock", bank: "sha256" },
  { address: "tpm=2.0&backend=hidden&kernel=small", bank: "sha256" },
  { address: "tpm=2.0&backend=bridge&kernel=small&placement=local", bank: "sha256" },
  { address: "tpm=1.2&backend=bridge&kernel=stock", bank: "sha1" },
  { address: "tpm=1.2&backend=hidden&kernel=small", bank: "sha1" },
] as const;

interface Process {
  pid: number;
  parent: number;
  command: string;
}

function processes(): Process[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8", maxBuffer: 1 << 24 });
  return rows.split("\n").flatMap((row) => {
    const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row) ?? [];
    return command ? [{ pid: Number(pid), parent: Number(parent), command }] : [];
  });
}

/** A process and all that it has started. */
function family(all: readonly Process[], root: number): Process[] {
  const members = all.filter(({ pid }) => pid === root);
  for (const { pid } of members) members.push(...all.filter(({ parent }) => parent === pid));
  return members;
}

/** Whom the boot depends on: the page's server with bridge and swtpm, and the browser with its page. */
function parties(baseURL: string): number[][] {
  const all = processes();
  const { port } = new URL(baseURL);
  const server = all.find(
    ({ command }) => command.includes("start.ts") && command.includes(`--port ${port}`),
  );
  const bridge = server ? family(all, server.pid) : [];
  const browser = family(all, process.pid).filter(({ command }) => command.includes("chromium"));
  const renderers = browser.filter(({ command }) => command.includes("--type=renderer"));
  const swtpm = bridge.filter(({ command }) => /^\S*swtpm /.test(command));
  return [swtpm, bridge, renderers, browser].map((members) => members.map(({ pid }) => pid));
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Stops one of the parties after the other, for up to `longest` milliseconds each, until it is told to end. */
function stopAndGo(baseURL: string, longest: number): { stops: () => number; end: () => Promise<void> } {
  let [turn, stops, over] = [0, 0, false];
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const run = async () => {
    while (!over) {
      const all = parties(baseURL);
      // One that is not there is passed over: no bridge's swtpm where the hidden machine serves.
      const pids = all[turn++ % all.length] as number[];
      if (pids.length === 0) {
        await pause(10);
        continue;
      }
      signal(pids, "SIGSTOP");
      await pause(Math.random() * longest);
      signal(pids, "SIGCONT");
      stops++;
      await pause(Math.random() * 500);
    }
  };
  const running = run();
  return {
    stops: () => stops,
    async end() {
      over = true;
      await running;
    },
  };
}

let busy: ChildProcess[] = [];
test.beforeAll(() => {
  const loop = "for (;;);";
  busy = Array.from({ length: LOAD * availableParallelism() }, () => spawn(process.execPath, ["-e", loop]));
});
test.afterAll(() => {
  for (const child of busy) child.kill("SIGKILL");
});

const EV_NO_ACTION = 3;

/** The PCRs that the event log leads to: by index, those that it speaks of. */
function replayed(events: readonly EventSummary[], bank: string): Map<number, string> {
  const pcrs = new Map<number, string>();
  for (const { pcr, type, digests } of events) {
    const digest = Buffer.from(digests[bank] ?? "", "hex");
    if (type === EV_NO_ACTION || digest.length === 0) continue;
    const before = Buffer.from(pcrs.get(pcr) ?? "00".repeat(digest.length), "hex");
    pcrs.set(pcr, createHash(bank).update(before).update(digest).digest("hex"));
  }
  return pcrs;
}

/** PCRs of a bank, and how many of them are not what the log leads to. */
async function outcome(page: Page, bank: string): Promise<{ pcrs: string[]; differing: number }> {
  const { pcrs, events } = await page.evaluate(
    async (name) => ({ pcrs: await window.webtpm.pcrs(name), events: window.webtpm.eventLog() }),
    bank,
  );
  const log = replayed(events, bank);
  expect(log.size).toBeGreaterThan(7);
  return { pcrs, differing: [...log].filter(([pcr, value]) => pcrs[pcr] !== value).length };
}

test(`${BOOTS} starved boots, ${LOAD} busy processes a processor: none is lost`, async ({
  browser,
  baseURL,
}) => {
  test.setTimeout(BOOTS * BOOT_MS);
  /** PCRs 0 to 9 by round: the firmware's, the loader's and the kernel's. */
  const usual = new Map<string, string[]>();
  const table: string[] = [];
  const lost: string[] = [];
  for (let boot = 0; boot < BOOTS; boot++) {
    const { address, bank } = ROUNDS[boot % ROUNDS.length]!;
    // A machine that is kept would be asked about, before another link changes it.
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`/?boot=1&${address}`, { timeout: BOOT_MS });
    const starving = stopAndGo(baseURL!, 1500);
    let shell: boolean;
    try {
      await page.waitForFunction(() => /webtpm# /.test(window.webtpm?.serial.text() ?? ""), undefined, {
        timeout: BOOT_MS,
      });
      shell = true;
    } catch {
      shell = false;
    } finally {
      await starving.end();
    }
    const { pcrs, differing } = await outcome(page, bank);
    await context.close();
    const measured = pcrs.slice(0, 10);
    if (!usual.has(address)) usual.set(address, measured);
    const same =
      measured.join() === usual.get(address)?.join() && measured.every((value) => !/^0+$/.test(value));
    if (!shell || !same || differing > 0) lost.push(`boot ${boot + 1} (${address})`);
    table.push(
      `${boot + 1}. ${address}: load ${loadavg()[0]?.toFixed(1)}, ${starving.stops()} stops, ` +
        `${shell ? "shell" : "no shell"}, PCRs ${same ? "as usual" : "differ"}, ${differing} differ from the log`,
    );
  }
  console.log(table.join("\n"));
  expect(lost).toEqual([]);
});
