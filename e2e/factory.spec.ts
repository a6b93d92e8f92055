/** A kept TPM as it leaves the factory: the guest's tools find its certificate, and whoever verifies it, its chain. */
import { X509Certificate } from "node:crypto";
import { expect, type Page, test } from "@playwright/test";
import { run, untilShell } from "./page-guest.ts";

/** The tool gives all that there are, RSA first, each into a file where it is told of one. */
const EK_CERTIFICATE = "tpm2_getekcertificate -Q --raw -o /tmp/rsa.der -o /tmp/ecc.der && cat /tmp/rsa.der";

const certificate = async (page: Page, print: string) =>
  new X509Certificate(
    // The tools' warnings go to the same console.
    Buffer.from(
      (await run(page, `{ ${print}; } 2>/dev/null | od -An -v -tx1 | tr -d " \\n"; echo`)).trim(),
      "hex",
    ),
  );

for (const backend of ["bridge", "hidden"] as const) {
  test(`a TPM 2.0 (${backend}) has a certificate that tpm2_getekcertificate gives, and its chain holds`, async ({
    page,
  }) => {
    test.setTimeout(300_000);
    await page.goto(`/?boot=1&kernel=small&backend=${backend}`);
    await untilShell(page);
    const issuer = await certificate(page, "tpm2_nvread 0x1c00100");
    const ek = await certificate(page, EK_CERTIFICATE);
    expect(ek.checkIssued(issuer) && ek.verify(issuer.publicKey)).toBe(true);
    expect(ek.keyUsage).toEqual(["2.23.133.8.1"]);
    // The key in it is the one that the TPM makes of its seed, each time.
    const key = await run(
      page,
      "tpm2_createek -Q -G rsa -c /tmp/ek.ctx -u /tmp/ek.pem -f pem && cat /tmp/ek.pem",
    );
    expect(ek.publicKey.export({ type: "spki", format: "pem" }).toString().replace(/\s/g, "")).toBe(
      key.replace(/\s/g, ""),
    );
    // It is the same TPM after a reload, and is not made again.
    await page.reload();
    await untilShell(page);
    expect((await certificate(page, EK_CERTIFICATE)).fingerprint256).toBe(ek.fingerprint256);
  });
}

test("a TPM 1.2 has an endorsement key", async ({ page }) => {
  await page.goto("/?boot=1&kernel=small&tpm=1.2&backend=bridge");
  await untilShell(page);
  const read = () => page.evaluate(() => window.webtpm.command(`00c10000001e0000007c${"00".repeat(20)}`));
  const key = await read();
  expect(key.slice(12, 20)).toBe("00000000");
  expect(key.length).toBeGreaterThan(2 * 256);
});
