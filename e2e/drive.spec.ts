/** Disks that cannot be read, or change under the guest: the page says so, and the guest waits in that very read. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";

const BOOT_MS = 120_000;
const SECTOR = 512;
/** Where the disk's message lies: in another piece of it than its boot sector. */
const MESSAGE_SECTOR = 2000;
/** So large that it is read by pieces. */
const SIZE = 64 * 2 ** 20;

/** A boot sector that reads one sector by the BIOS (int 13h, function 42h) and prints it on the serial port. */
function bootSector(): Buffer {
  const code =
    "31c0 8ed8 fc be407c b280 b442 cd13 720e be0080 ac 84c0 7406 baf803 ee ebf5 f4 ebfd".replaceAll(" ", "");
  const sector = Buffer.alloc(SECTOR);
  sector.write(code, "hex");
  // The disk address packet at 7C40h: one sector to 0000:8000h.
  sector.write("10000100 00800000".replace(" ", ""), 0x40, "hex");
  sector.writeUInt32LE(MESSAGE_SECTOR, 0x48);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

function disk(message: string): Buffer {
  const image = Buffer.alloc(SIZE);
  bootSector().copy(image);
  image.write(`${message}\n`, MESSAGE_SECTOR * SECTOR);
  return image;
}

const notice = (page: Page) => page.getByRole("alert").filter({ hasText: "The guest waits for its drive." });
const printed = (page: Page) => page.evaluate(() => window.webtpm.serial.text());

/** Serves `image` by pieces; while it is `ill`, what lies behind the first megabyte not at all. */
class PieceServer {
  ill = false;
  etag = '"one"';
  readonly #server: Server;

  constructor(image: Buffer) {
    this.#server = createServer((request, response) => {
      response.setHeader("Access-Control-Allow-Origin", "*");
      response.setHeader("Access-Control-Expose-Headers", "Accept-Ranges, Content-Length, ETag");
      response.setHeader("Access-Control-Allow-Headers", "Range");
      response.setHeader("Accept-Ranges", "bytes");
      response.setHeader("ETag", this.etag);
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
      if (request.method !== "GET" || !range) {
        response.writeHead(200, { "Content-Length": image.length }).end();
        return;
      }
      const [from, to] = [Number(range[1]), Number(range[2])];
      if (this.ill && from >= 900_000) {
        response.writeHead(503).end();
        return;
      }
      const headers = { "Content-Range": `bytes ${from}-${to}/${image.length}` };
      response.writeHead(206, headers).end(image.subarray(from, to + 1));
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((ready) => this.#server.listen(0, "127.0.0.1", ready));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/disk.img`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

test("a picked file that changes on disk afterwards is named, and picked again it boots", async ({
  page,
}) => {
  const folder = mkdtempSync(join(tmpdir(), "webtpm-drive-"));
  try {
    const path = join(folder, "disk.img");
    writeFileSync(path, disk("first"));
    await page.goto("/?backend=bridge");
    await page.locator("details", { hasText: "Kernel, command line, memory" }).locator("summary").click();
    await page.getByLabel("Disk: pick a file").setInputFiles(path);
    writeFileSync(path, disk("here is the second disk"));
    await page.getByRole("button", { name: /^Boot .*disk\.img/ }).click();
    const alert = page.getByRole("alert");
    await expect(alert).toContainText("The file disk.img has changed on disk", { timeout: BOOT_MS });
    await page.getByLabel("Disk: pick a file").setInputFiles(path);
    await alert.getByRole("button", { name: "Try again" }).click();
    await expect.poll(() => printed(page), { timeout: BOOT_MS }).toContain("here is the second disk");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a server that fails in the middle is waited for; a disk that changes there is refused", async ({
  page,
}) => {
  const server = new PieceServer(disk("here is the disk"));
  const url = await server.start();
  try {
    server.ill = true;
    await page.goto(`/?boot=1&backend=bridge&hda=${encodeURIComponent(url)}`);
    await page.getByRole("dialog").getByRole("button", { name: "Run it in a throw-away machine" }).click();
    await expect(notice(page)).toContainText("its server answers 503", { timeout: BOOT_MS });
    await expect(page.locator("body")).toContainText("its drive cannot be read");
    expect(await printed(page)).not.toContain("here is the disk");
    server.ill = false;
    await notice(page).getByRole("button", { name: "Try again" }).click();
    await expect.poll(() => printed(page), { timeout: BOOT_MS }).toContain("here is the disk");
    await expect(notice(page)).toHaveCount(0);

    server.ill = true;
    await page.evaluate(() => window.webtpm.boot());
    await expect(notice(page)).toContainText("its server answers 503", { timeout: BOOT_MS });
    server.ill = false;
    server.etag = '"two"';
    await notice(page).getByRole("button", { name: "Try again" }).click();
    await expect(notice(page)).toContainText("has changed on its server");
    await expect(notice(page).getByRole("button", { name: "Boot again" })).toBeVisible();
    await expect(notice(page).getByRole("button", { name: "Try again" })).toHaveCount(0);
  } finally {
    server.stop();
  }
});
