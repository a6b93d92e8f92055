/** Each example, in a fresh folder with the packed library, does what it says. */
import { once } from "node:events";
import { cp, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { type Browser, chromium, type Page } from "@playwright/test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, FLAGS } from "../chromium.ts";
import { install, makeImages, Programs, pack, ROOT, run } from "./consumer.ts";

const EXAMPLES = join(ROOT, "src/examples");
let folder: string;
let browser: Browser;
const programs = new Programs();
const SHOTS = process.env.WEBTPM_SHOTS;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webtpm-examples-"));
  for (const entry of await readdir(EXAMPLES, { withFileTypes: true }))
    if (entry.isDirectory() && entry.name !== "images")
      await cp(join(EXAMPLES, entry.name), join(folder, entry.name), {
        recursive: true,
        filter: (path) => !path.includes("node_modules"),
      });
  await rename((await pack(folder)).path, join(folder, "webtpm.tgz"));
  await makeImages(join(folder, "images"));
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});
afterAll(async () => {
  await browser?.close();
  await programs.end();
  if (folder) await rm(folder, { recursive: true });
});

/** Starts a server of an example. @returns the address that it prints. */
async function start(name: string, program: string, args: string[]): Promise<string> {
  return (await programs.start(program, args, join(folder, name), /http:\/\/127\.0\.0\.1:\d+\//))[0];
}

/** Builds with Vite, and serves what it has built. */
async function preview(name: string): Promise<string> {
  const directory = join(folder, name);
  await install(directory);
  await cp(join(folder, "images"), join(directory, "public/images"), { recursive: true });
  await run("npm", ["run", "build"], directory);
  return start(name, join(directory, "node_modules/.bin/vite"), ["preview", "--port", "0"]);
}

/** A port that is free, as is the one behind it. */
async function freePair(): Promise<number> {
  for (;;) {
    const first = createServer().listen(0, "127.0.0.1");
    await once(first, "listening");
    const { port } = first.address() as AddressInfo;
    const second = createServer().listen(port + 1, "127.0.0.1");
    const both = await once(second, "listening").then(
      () => true,
      () => false,
    );
    for (const server of [first, second]) server.close();
    if (both) return port;
  }
}

async function open(url: string): Promise<{ page: Page; errors: Error[] }> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  const errors: Error[] = [];
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(url);
  return { page, errors };
}

describe("the example", () => {
  it("plain-html boots a PC, and shows its TPM in the library's elements", async () => {
    await install(join(folder, "plain-html"));
    const { page, errors } = await open(await start("plain-html", process.execPath, ["serve.js"]));
    await page.locator("webtpm-commands").getByText("TPM2_PCR_Extend").first().waitFor({ timeout: 90_000 });
    // The elements of one TPM share what is chosen: from a PCR's chain to its command.
    const pcrs = page.locator("webtpm-pcrs");
    await pcrs.getByRole("button", { name: "PCR 4: how it came to be" }).click();
    await pcrs.getByText(/give.? the value that the TPM holds/).waitFor();
    await pcrs
      .locator(".chain")
      .getByRole("button", { name: /^command/ })
      .first()
      .click();
    await page.locator("webtpm-commands").getByRole("region", { name: "Fields and bytes" }).waitFor();
    await page
      .locator("webtpm-eventlog")
      .getByText(/gives exactly the TPM's sha256 values/)
      .waitFor();
    await page.locator("webtpm-registers").getByText("TPM_ACCESS", { exact: false }).first().waitFor();
    expect(errors).toEqual([]);
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/plain-html.png`, fullPage: true });
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`)).toEqual([]);
    await page.context().close();
  });

  it("vite boots Linux, whose shell has the TPM", { timeout: 400_000 }, async () => {
    const { page, errors } = await open(await preview("vite"));
    const shell = page.locator("#console");
    await expect.poll(() => shell.textContent(), { timeout: 200_000, interval: 500 }).toMatch(/[#$] $/);
    await page.getByRole("textbox").press("Enter");
    await expect.poll(() => shell.textContent(), { timeout: 60_000 }).toMatch(/7 *: 0x[0-9A-F]{64}/);
    await expect
      .poll(() => page.locator("#commands").textContent())
      .toMatch(/read PCRs 0, 7 of sha256: TPM_RC_SUCCESS/);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it("react shows the PCRs of the firmware's boot", async () => {
    const { page, errors } = await open(await preview("react"));
    const first = page.getByRole("list", { name: "PCRs" }).getByRole("listitem").first();
    await expect.poll(() => first.textContent(), { timeout: 120_000 }).toMatch(/^(?!0+$)[0-9a-f]{64}$/);
    await page.locator("webtpm-commands").getByText("TPM2_PCR_Extend").first().waitFor();
    expect(errors).toEqual([]);
    await page.context().close();
  });

  describe("node", () => {
    const node = () => join(folder, "node");
    beforeAll(() => install(node()));

    it("decodes a command and its response", async () => {
      const command = "80010000000c0000014400 00";
      const out = await run(
        "npm",
        ["run", "--silent", "decode", "--", command, "80010000000a00000100"],
        node(),
      );
      expect(out).toMatch(/TPM2_Startup/);
      expect(out).toMatch(/TPM_RC_INITIALIZE/);
    });

    it("replays an event log", async () => {
      const log = join(ROOT, "src/protocol/eventlog/testdata/seabios-2.0.bin");
      const out = await run("npm", ["run", "--silent", "replay", "--", log], node());
      expect(out).toMatch(/PCR {2}4 {2}EV_SEPARATOR/);
      expect(out).toMatch(/ {2}sha256 0: [0-9a-f]{64}/);
    });

    it("gives tpm2-tools a TPM", async () => {
      const script =
        "tpm2_startup -c && tpm2_pcrextend 16:sha256=$(printf %064d 1) && tpm2_pcrread sha256:16";
      const env = { WEBTPM_IMAGES: join(folder, "images"), PORT: String(await freePair()) };
      const out = await run("npm", ["run", "--silent", "tpm", "--", "sh", "-c", script], node(), env);
      expect(out).toMatch(/16: 0x(?!0{64})[0-9A-F]{64}/);
    });
  });
});
