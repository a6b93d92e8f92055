/** Our signatures, verified by sbverify (sbsigntool), which knows nothing of this project. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  attachSignature,
  authenticodeDigest,
  EfiImageError,
  isSigned,
} from "../../../protocol/uefi/authenticode.ts";
import { run } from "../command.ts";
import { buildSecureBootKeys, privateKeyOf, readSecureBootKeys, type TeachingKeys } from "./keys.ts";
import { signImage } from "./sign.ts";
import { efiImage } from "./testing.ts";

let folder: string;
let keys: TeachingKeys;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webtpm-sign-"));
  await buildSecureBootKeys(folder);
  keys = await readSecureBootKeys(folder);
  for (const [name, { certificate }] of Object.entries(keys)) {
    const lines = certificate.replace(/.{64}/g, "$&\n");
    const pem = `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
    await writeFile(join(folder, `${name}.pem`), pem);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const certificate = () => Buffer.from(keys.db.certificate, "base64");
const signed = (image: Uint8Array) =>
  attachSignature(image, signImage(image, certificate(), privateKeyOf(keys.db)));

async function verify(image: Uint8Array, name: string): Promise<unknown> {
  const path = join(folder, "image.efi");
  await writeFile(path, image);
  return run("sbverify", ["--cert", join(folder, `${name}.pem`), path]);
}

describe("a signature", () => {
  it("is found good by sbverify, with this key and no other", async () => {
    await verify(signed(efiImage()), "db");
    await expect(verify(signed(efiImage()), "kek")).rejects.toThrow();
  });

  it("is found bad when one bit of the image is another", async () => {
    const image = signed(efiImage());
    for (const at of [0x58 + 16, 0x200, 0x402]) {
      await expect(verify(image.with(at, image[at]! ^ 1), "db"), String(at)).rejects.toThrow();
    }
  });

  it("is none of what it covers", () => {
    const image = efiImage();
    expect(isSigned(image)).toBe(false);
    expect(isSigned(signed(image))).toBe(true);
    expect(authenticodeDigest(signed(image))).toEqual(authenticodeDigest(image));
    expect(signed(signed(image))).toEqual(signed(image));
    const checksum = 0x58 + 64;
    expect(authenticodeDigest(image.with(checksum, 9))).toEqual(authenticodeDigest(image));
  });

  it("is not made of what is no EFI image", () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(1000), efiImage().subarray(0, 0x60)])
      expect(() => signed(bytes)).toThrow(EfiImageError);
    expect(() => signed(efiImage().with(0x58, 9))).toThrow(EfiImageError);
  });
});
