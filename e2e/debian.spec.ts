/**
 * Debian as it is installed on a PC, from the page's own server: its TPM unlocks an encrypted disk at every boot, over the
 * guest's reboot, a reload of the page and a browser that is killed. Takes a quarter of an hour, and the disk of
 * `npm run debian`: `WEBTPM_DEBIAN=1 npm run e2e -- debian`.
 */
import { expect, type Page, test } from "@playwright/test";
import { withProfile } from "./killed-browser.ts";
import { PAGE_URL } from "./servers.ts";

const BOOT_MS = 900_000;
const RUN_MS = 300_000;
const TEST_MS = 5 * BOOT_MS;

test.skip(!process.env.WEBTPM_DEBIAN, "asked for by WEBTPM_DEBIAN=1");

/** A guest at its serial port, through the page that has it now. */
class Debian {
  #page: Page;
  #seen = 0;
  #commands = 0;

  constructor(page: Page) {
    this.#page = page;
  }

  /** The page has another machine, or there is another page. */
  anew(page = this.#page): void {
    this.#page = page;
    this.#seen = 0;
  }

  async #expect(pattern: RegExp, timeout: number): Promise<string> {
    let found: RegExpExecArray | null = null;
    const look = async () => {
      const text = await this.#page.evaluate((from) => window.webtpm.serial.text().slice(from), this.#seen);
      found = pattern.exec(text);
      return found ? true : text.slice(-500);
    };
    await expect.poll(look, { timeout, message: `${pattern}` }).toBe(true);
    const match = found as unknown as RegExpExecArray;
    this.#seen += match.index + match[0].length;
    return match[1] ?? "";
  }

  async #send(text: string): Promise<void> {
    await this.#page.evaluate((typed) => window.webtpm.serial.send(typed), text);
  }

  async logIn(): Promise<void> {
    await this.#expect(/login: $/, BOOT_MS);
    await this.#send("root\n");
    await this.#expect(/# $/, RUN_MS);
  }

  async run(command: string, status = 0): Promise<string> {
    const id = ++this.#commands;
    await this.#send(`echo "beg""in-${id}"; ${command}; echo "e""nd-${id}:$?"\n`);
    await this.#expect(new RegExp(`begin-${id}\r?\n`), RUN_MS);
    const output = await this.#expect(new RegExp(`([\\s\\S]*?end-${id}:\\d+)\r?\n`), RUN_MS);
    const [, text = "", code] = new RegExp(`^([\\s\\S]*?)end-${id}:(\\d+)$`).exec(output) ?? [];
    expect(Number(code), `${command}\n${text}`).toBe(status);
    return text.replaceAll("\r", "");
  }

  async reboot(): Promise<void> {
    await this.#send("systemctl reboot\n");
    // What the page has of the serial port begins anew with the reset.
    this.anew();
    await this.logIn();
  }

  /** What an administrator looks at first. */
  async inOrder(): Promise<void> {
    expect(await this.run("systemctl is-system-running --wait")).toContain("running");
    expect(await this.run("systemctl --failed --no-legend --plain | cat")).toBe("");
    const timeouts = "journalctl -b --no-pager | grep -i tpm | grep -iE 'time.?out|timed out' || true";
    expect(await this.run(timeouts)).toBe("");
  }

  /** From the login on: a disk is sealed to this boot, and is open after the guest's reboot. */
  async sealOverReboot(): Promise<void> {
    await this.logIn();
    await this.inOrder();
    await this.#seal();
    await this.reboot();
    await this.inOrder();
    await this.unlocked();
  }

  async #seal(): Promise<void> {
    for (const command of [
      "printf secret >/root/key",
      "cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/sda2 /root/key",
      "PASSWORD=secret systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=0+2+4+7 /dev/sda2",
      "echo 'sealed /dev/sda2 none tpm2-device=auto' >>/etc/crypttab",
      "systemctl daemon-reload && systemctl start systemd-cryptsetup@sealed.service",
      "mke2fs -q /dev/mapper/sealed && mount /dev/mapper/sealed /mnt && echo inside >/mnt/file && umount /mnt && sync",
    ])
      await this.run(command);
  }

  /** Nobody but the TPM has given the key since the machine was started. */
  async unlocked(): Promise<void> {
    expect(await this.run("mount /dev/mapper/sealed /mnt && cat /mnt/file && umount /mnt")).toBe("inside\n");
  }
}

async function open(page: Page, backend: string): Promise<void> {
  const manifest = await (await page.request.get(`${PAGE_URL}/images/manifest.json`)).json();
  const { url, memorySize } = manifest.debian;
  await page.goto(`${PAGE_URL}/?backend=${backend}&boot=1&memory=${memorySize / 2 ** 20}&hda=images/${url}`);
  await page.evaluate(() => window.webtpm.ready);
}

test("behind the bridge: over reboot, reload and a killed browser the TPM unlocks the disk", async () => {
  test.setTimeout(TEST_MS);
  await withProfile(async (browser) => {
    let page = await browser.open();
    await open(page, "bridge");
    const debian = new Debian(page);
    await debian.sealOverReboot();

    await page.reload();
    await page.evaluate(() => window.webtpm.ready);
    debian.anew();
    await debian.logIn();
    await debian.unlocked();

    await debian.run("sync");
    await browser.kill();
    page = await browser.open();
    await open(page, "bridge");
    debian.anew(page);
    await debian.logIn();
    await debian.inOrder();
    await debian.unlocked();
  });
});

test("with the TPM in a hidden machine: the guest's reboot finds its disk unlocked", async ({ page }) => {
  test.setTimeout(TEST_MS);
  await open(page, "hidden");
  await new Debian(page).sealOverReboot();
});
