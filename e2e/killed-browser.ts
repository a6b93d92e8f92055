/** A Chromium in a process group of its own, with a profile that outlives it: to be killed at any moment. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "@playwright/test";
import { CHROMIUM, FLAGS } from "./chromium.ts";

const OWN_FLAGS = ["--headless=new", "--remote-debugging-port=0"];

export class KilledBrowser {
  readonly #profile: string;
  #process: ChildProcess | undefined;
  #browser: Browser | undefined;

  constructor(profile: string) {
    this.#profile = profile;
  }

  /** An empty page. */
  async open(): Promise<Page> {
    const flags = [...FLAGS, ...OWN_FLAGS, `--user-data-dir=${this.#profile}`, "about:blank"];
    const child = spawn(CHROMIUM, flags, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    const endpoint = await new Promise<string>((resolve, reject) => {
      let said = "";
      child.once("exit", (code) => reject(new Error(`Chromium ended with ${code}: ${said.slice(-500)}`)));
      child.stderr!.on("data", (chunk: Buffer) => {
        said += chunk;
        const found = /DevTools listening on (ws:\S+)/.exec(said);
        if (found) resolve(found[1]!);
      });
    });
    this.#browser = await chromium.connectOverCDP(endpoint);
    return this.#browser.contexts()[0]!.pages()[0]!;
  }

  /** The whole process group, at once, without a goodbye. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child?.pid) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    process.kill(-child.pid, "SIGKILL");
    await ended;
    await this.#browser?.close().catch(() => undefined); // its other end is gone
  }
}

export async function withProfile(work: (browser: KilledBrowser) => Promise<void>): Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), "webtpm-crash-"));
  const browser = new KilledBrowser(profile);
  try {
    await work(browser);
  } finally {
    await browser.kill();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
