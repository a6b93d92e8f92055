/** Out of the browser and in again: the guest unseals in QEMU, with Debian's swtpm, what it sealed on the page. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, type Page, test } from "@playwright/test";
import { unzipSync } from "fflate";
import { allowLink, run, untilShell } from "../page-guest.ts";

const BOOT_MS = 120_000;
const COMMAND_MS = 60_000;
/** One step a command: each is quick enough for a busy computer. */
const SEAL = (text: string, handle: string) => [
  "cd /tmp && tpm2_createprimary -Q -C o -G ecc -c p.ctx",
  `echo -n "${text}" | tpm2_create -Q -C p.ctx -i - -u s.pub -r s.priv && tpm2_flushcontext -t`,
  "tpm2_load -Q -C p.ctx -u s.pub -r s.priv -c s.ctx && tpm2_flushcontext -t",
  `tpm2_evictcontrol -Q -C o -c s.ctx ${handle} && tpm2_flushcontext -t`,
];
const IN_BROWSER = "0x81010001";
const IN_QEMU = "0x81010002";

/** Unseals and, for the shell's sake, ends the line. */
const UNSEAL = (handle: string) => `tpm2_unseal -c ${handle}; echo`;

interface Images {
  kernel: Buffer;
  initrd: Buffer;
  cmdline: string;
}

/** What the page boots, from its own server. */
async function loadImages(page: Page): Promise<Images> {
  const get = async (name: string) => (await page.request.get(`/images/${name}`)).body();
  const manifest = JSON.parse((await get("manifest.json")).toString());
  const unpacked = async ({ url, compression }: { url: string; compression: string }) =>
    compression === "gzip" ? gunzipSync(await get(url)) : get(url);
  const { small } = manifest.kernels;
  return { kernel: await unpacked(small), initrd: await unpacked(manifest.initrd), cmdline: small.cmdline };
}

/** A PC in QEMU, whose TPM is the swtpm state in `folder`. */
class Qemu {
  readonly #swtpm: ChildProcess;
  readonly #qemu: ChildProcess;
  #text = "";
  #commands = 0;

  constructor(swtpm: ChildProcess, qemu: ChildProcess) {
    this.#swtpm = swtpm;
    this.#qemu = qemu;
    qemu.stdout?.setEncoding("latin1").on("data", (text: string) => {
      this.#text += text;
    });
  }

  static async start(folder: string, state: string, { kernel, initrd, cmdline }: Images): Promise<Qemu> {
    writeFileSync(join(folder, "kernel"), kernel);
    writeFileSync(join(folder, "initrd"), initrd);
    const socket = join(folder, "control");
    const swtpm = spawn("swtpm", [
      ...["socket", "--tpm2", "--tpmstate", `dir=${state}`, "--ctrl", `type=unixio,path=${socket}`],
    ]);
    await expect.poll(() => existsSync(socket)).toBe(true);
    const qemu = spawn("qemu-system-i386", [
      ..."-accel tcg -machine pc -nodefaults -no-user-config -display none -no-reboot -serial stdio -m 256".split(
        " ",
      ),
      ...["-kernel", join(folder, "kernel"), "-initrd", join(folder, "initrd"), "-append", cmdline],
      ...["-chardev", `socket,id=control,path=${socket}`, "-tpmdev", "emulator,id=tpm,chardev=control"],
      ...["-device", "tpm-tis,tpmdev=tpm"],
    ]);
    const machine = new Qemu(swtpm, qemu);
    await machine.#until(/webtpm# /, BOOT_MS);
    return machine;
  }

  async #until(pattern: RegExp, timeout: number): Promise<RegExpExecArray> {
    await expect.poll(() => pattern.test(this.#text), { timeout, message: `${pattern}` }).toBe(true);
    return pattern.exec(this.#text) as RegExpExecArray;
  }

  async run(command: string): Promise<string> {
    const id = ++this.#commands;
    this.#qemu.stdin?.write(`echo "beg""in-${id}"; ${command}; echo "e""nd-${id}"\n`);
    const output = await this.#until(new RegExp(`begin-${id}\\r?\\n([\\s\\S]*?)end-${id}`), COMMAND_MS);
    return (output[1] ?? "").replaceAll("\r", "");
  }

  async end(): Promise<void> {
    for (const child of [this.#qemu, this.#swtpm]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, "exit");
      child.kill();
      await gone;
    }
  }
}

test("what the guest sealed on the page it unseals in QEMU, and the other way round", async ({ browser }) => {
  test.setTimeout(600_000);
  const folder = mkdtempSync(join(tmpdir(), "webtpm-qemu-"));
  let qemu: Qemu | undefined;
  try {
    const page = await (await browser.newContext()).newPage();
    await page.goto("/?boot=1&kernel=small");
    await untilShell(page);
    for (const step of SEAL("from the page", IN_BROWSER)) await run(page, step);
    const downloading = page.waitForEvent("download");
    await page.evaluate(async () => {
      const link = document.createElement("a");
      const file = await window.webtpm.export();
      link.href = URL.createObjectURL(file);
      link.download = file.name;
      link.click();
    });
    const files = unzipSync(readFileSync(await (await downloading).path()));
    const images = await loadImages(page);
    await page.context().close();

    const state = join(folder, "state");
    mkdirSync(state);
    const { "swtpm/tpm2-00.permall": permall } = files;
    writeFileSync(join(state, "tpm2-00.permall"), permall as Uint8Array);
    qemu = await Qemu.start(folder, state, images);
    expect(await qemu.run(UNSEAL(IN_BROWSER))).toBe("from the page\n");
    for (const step of SEAL("from QEMU", IN_QEMU)) await qemu.run(step);
    expect(await qemu.run(UNSEAL(IN_QEMU))).toBe("from QEMU\n");
    await qemu.end();

    const back = await (await browser.newContext()).newPage();
    await back.goto("/?kernel=small");
    const bytes = Array.from(readFileSync(join(state, "tpm2-00.permall")));
    await back.evaluate(async (bytes) => {
      await window.webtpm.import(new File([new Uint8Array(bytes)], "tpm2-00.permall"), { name: "PC" });
    }, bytes);
    const booted = back.evaluate(() => window.webtpm.boot());
    // The address names a kernel for a TPM that is kept now.
    await allowLink(back);
    await booted;
    await untilShell(back);
    expect(await run(back, UNSEAL(IN_BROWSER))).toBe("from the page\n");
    expect(await run(back, UNSEAL(IN_QEMU))).toBe("from QEMU\n");
    await back.context().close();
  } finally {
    await qemu?.end();
    rmSync(folder, { recursive: true, force: true });
  }
});
