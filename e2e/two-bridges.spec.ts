/** Two bridges, and the one in use is killed under a guest that uses its TPM: it goes on at the other, as it was. */
import { expect, test } from "@playwright/test";
import { OwnBridge } from "./own-bridge.ts";
import { allowLink, parsePcrRead, run, untilShell } from "./page-guest.ts";

test("a guest's TPM goes on at the other bridge when the one in use is killed", async ({ page, baseURL }) => {
  test.setTimeout(600_000);
  const { origin } = new URL(baseURL!);
  const bridges = [new OwnBridge(origin), new OwnBridge(origin)] as const;
  for (const bridge of bridges) await bridge.start();
  try {
    const urls = bridges.map(({ url }) => url).join(" ");
    await page.goto(`/?boot=1&backend=bridge&bridge=${encodeURIComponent(urls)}`);
    await allowLink(page);
    await untilShell(page);
    expect(bridges.map((bridge) => bridge.swtpmProcesses().length)).toEqual([1, 0]);
    await run(page, `tpm2_pcrextend 16:sha256=${"42".repeat(32)}`);
    await run(page, "tpm2_createprimary -Q -C o -G ecc -c /tmp/p.ctx");
    const before = await run(page, "tpm2_pcrread sha256");

    // In the middle of the guest's work.
    await page.evaluate(() =>
      window.webtpm.serial.send(
        "i=0; while [ $i -lt 12 ]; do i=$((i+1)); tpm2_getrandom --hex 4; echo; done; echo fin''ished\n",
      ),
    );
    await bridges[0].kill();
    await page.waitForFunction(() => window.webtpm.serial.text().includes("finished"), undefined, {
      timeout: 240_000,
    });
    expect(bridges[1].swtpmProcesses()).toHaveLength(1);
    expect(await run(page, "tpm2_pcrread sha256")).toBe(before);
    expect(parsePcrRead(before).get("sha256")?.[16]).not.toBe("00".repeat(32));
    await run(page, "tpm2_readpublic -Q -c /tmp/p.ctx && echo the key is there");
    await expect(page.locator(".notice", { hasText: "goes on as it was" })).not.toHaveCount(0);
    expect(await page.evaluate(() => window.webtpm.serial.text())).not.toMatch(/tpm.*(error|timed? ?out)/i);
  } finally {
    for (const bridge of bridges) await bridge.stop();
  }
});
