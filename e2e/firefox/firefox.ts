/** Debian's Firefox, driven by WebDriver BiDi: Playwright's own needs what this Firefox has not. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer, { type Browser, type Page } from "puppeteer-core";

/** For one call, e.g. one that waits for a snapshot, on a busy host; in milliseconds. */
const CALL_MS = 300_000;

/** A page with its own storage, and all that went wrong in it: exceptions, errors on the console, refusals. */
export interface Watched {
  page: Page;
  /** Grows while the page is used. */
  errors: string[];
}

export class Firefox {
  readonly #browser: Browser;
  /** The folder that gets what pages give to the browser's downloads. */
  readonly downloads: string;

  private constructor(browser: Browser, downloads: string) {
    this.#browser = browser;
    this.downloads = downloads;
  }

  static async start(): Promise<Firefox> {
    const downloads = mkdtempSync(join(tmpdir(), "webtpm-firefox-"));
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: "/usr/bin/firefox-esr",
      headless: true,
      defaultViewport: { width: 1280, height: 800 },
      protocolTimeout: CALL_MS,
      timeout: CALL_MS,
      extraPrefsFirefox: { "browser.download.folderList": 2, "browser.download.dir": downloads },
    });
    return new Firefox(browser, downloads);
  }

  async openPage(): Promise<Watched> {
    const context = await this.#browser.createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(CALL_MS);
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.evaluateOnNewDocument(() => {
      addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
        console.error(`refused by ${effectiveDirective}: ${blockedURI}`),
      );
    });
    return { page, errors };
  }

  /** With its downloads. */
  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.downloads, { recursive: true });
  }
}
