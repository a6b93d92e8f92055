/** Fetching packages with the real apt-get, from an archive on loopback that fails in every way that archives do. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Apt, type FetchedPackage } from "./apt.ts";
import { AptError, type AptTrouble, aptTrouble } from "./apt-trouble.ts";
import { Cache } from "./cache.ts";
import { SetUpError } from "./set-up-error.ts";
import { LocalArchive } from "./testing/local-archive.ts";
import type { PinnedPackage } from "./versions.ts";

const ONE = { name: "one", version: "1.0-1" };

let scratch: string;
let archive: LocalArchive;
let said: string[];
beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), "webtpm-apt-"));
  archive = new LocalArchive(scratch);
  await archive.start();
  said = [];
});
afterEach(async () => {
  await archive.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const root = () => join(scratch, "cache");

/** As a new start of the program fetches it. */
function fetchAnew(
  pin: PinnedPackage,
  places: { mirror?: string; keyring?: string } = {},
): Promise<FetchedPackage> {
  const { url: mirror, keyring } = archive;
  const apt = new Apt(new Cache(root()), ({ message }) => said.push(message), { mirror, keyring, ...places });
  return apt.fetch([pin]).then(([deb]) => deb!);
}

/** What went wrong, which must be an error in words. */
async function trouble(attempt: Promise<unknown>): Promise<{ trouble: AptTrouble; message: string }> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AptError);
  return error as AptError;
}

const stamp = () => join(root(), "apt/updated");

describe("packages", () => {
  it("come from the archive once, and its lists once a day", async () => {
    const [pin] = archive.publish([ONE]);
    const deb = await fetchAnew(pin!);
    expect(deb).toMatchObject({ package: "one", version: "1.0-1", pinned: true });
    expect(execFileSync("dpkg-deb", ["-f", deb.file, "Package"], { encoding: "utf8" })).toBe("one\n");
    const asked = archive.asked.length;
    expect((await fetchAnew(pin!)).file).toBe(deb.file);
    expect(archive.asked.length).toBe(asked);
  });

  it("are fetched again when what was kept is not whole", async () => {
    const [pin] = archive.publish([ONE]);
    const deb = await fetchAnew(pin!);
    const whole = readFileSync(deb.file);
    for (const half of [Buffer.alloc(0), whole.subarray(0, 1000), Buffer.alloc(whole.length)]) {
      writeFileSync(deb.file, half);
      expect(readFileSync((await fetchAnew(pin!)).file).equals(whole)).toBe(true);
    }
  });

  it("go on after a download that broke off", async () => {
    const [pin] = archive.publish([ONE]);
    archive.alter = (path, bytes) => (path.endsWith(".deb") ? undefined : bytes);
    await trouble(fetchAnew(pin!));
    archive.alter = (_, bytes) => bytes;
    expect((await fetchAnew(pin!)).pinned).toBe(true);
    expect(readdirSync(join(root(), "apt/cache")).filter((name) => name.startsWith("download-"))).toEqual([]);
  });
});

describe("a pin of another suite", () => {
  const SUITE = "bookworm-backports";

  it("comes from there, and its successor too", async () => {
    archive.publish([ONE]);
    const [pin] = archive.publishBeside([{ ...ONE, version: "2.0-1" }], SUITE);
    expect(await fetchAnew(pin!)).toMatchObject({ version: "2.0-1", pinned: true });
    archive.publish([ONE]);
    archive.publishBeside([{ ...ONE, version: "2.0-2" }], SUITE);
    rmSync(join(root(), "packages"), { recursive: true });
    expect(await fetchAnew(pin!)).toMatchObject({ version: "2.0-2", pinned: false });
  });

  it("gives no other pin a newer version", async () => {
    const [pin] = archive.publish([ONE]);
    archive.publish([{ ...ONE, version: "1.0-2" }]);
    const [other] = archive.publishBeside([{ ...ONE, version: "2.0-1" }], SUITE);
    await fetchAnew(other!);
    expect(await fetchAnew(pin!)).toMatchObject({ version: "1.0-2", pinned: false });
  });
});

describe("an archive", () => {
  it("without a way to it is named so, and asked again at the next start", async () => {
    const [pin] = archive.publish([ONE]);
    const port = Number(new URL(archive.url).port);
    await archive.stop();
    const { trouble: kind, message } = await trouble(fetchAnew(pin!));
    expect(kind).toBe("network");
    expect(message).toContain(`There is no way to http://127.0.0.1:${port}/debian now. Check the network`);
    expect(existsSync(stamp())).toBe(false);
    const next = new LocalArchive(mkdtempSync(join(scratch, "next-")));
    try {
      const [again] = next.publish([ONE]);
      await next.start(port);
      const deb = await fetchAnew(again!, { keyring: next.keyring });
      expect(deb.pinned).toBe(true);
    } finally {
      await next.stop();
    }
  });

  it("that went away after its lists were fetched is not taken for one without the package", async () => {
    const [pin, other] = archive.publish([ONE, { name: "two", version: "2.0-1" }]);
    await fetchAnew(pin!);
    await archive.stop();
    expect((await trouble(fetchAnew(other!))).trouble).toBe("network");
    expect((await trouble(fetchAnew({ ...pin!, version: "1.1-1", sha256: "0" }))).trouble).toBe("network");
    // What was kept of the lists is not trusted after that.
    expect(existsSync(stamp())).toBe(false);
  });

  it("that has moved on gives the newer version, and says so", async () => {
    const [pin] = archive.publish([ONE]);
    archive.publish([{ ...ONE, version: "1.0-2" }]);
    expect(await fetchAnew(pin!)).toMatchObject({ version: "1.0-2", pinned: false });
    expect(said).toContain("warning: one 1.0-1 is gone from the archive, taking one 1.0-2");
  });

  it("that has moved on since its lists were fetched gives the newer version as well", async () => {
    const [pin, two] = archive.publish([ONE, { name: "two", version: "2.0-1" }]);
    await fetchAnew(two!);
    archive.publish([{ ...ONE, version: "1.0-2" }]);
    expect(await fetchAnew(pin!)).toMatchObject({ version: "1.0-2", pinned: false });
  });

  it("whose names have versions in them gives the successor", async () => {
    const [pin] = archive.publish([{ name: "image-50", version: "6.1-50" }]);
    archive.publish([
      { name: "image-51", version: "6.1-51" },
      { name: "image", version: "6.1+51", depends: "image-51 (= 6.1-51)" },
    ]);
    const deb = await fetchAnew({ ...pin!, successorOf: "image" });
    expect(deb).toMatchObject({ package: "image-51", version: "6.1-51", pinned: false });
    expect(said).toContain("warning: image-50 6.1-50 is gone from the archive, taking image-51 6.1-51");
  });

  it("that has neither version nor successor is named", async () => {
    const [pin] = archive.publish([ONE]);
    archive.publish([{ name: "two", version: "1" }]);
    const { trouble: kind, message } = await trouble(fetchAnew(pin!));
    expect(kind).toBe("gone");
    expect(message).toContain(`${archive.url} no longer has one, nor a successor`);
  });

  it("that lists a file which it does not have is named", async () => {
    const [pin] = archive.publish([ONE]);
    archive.lose(pin!);
    expect((await trouble(fetchAnew(pin!))).trouble).toBe("gone");
  });

  it("that gives other bytes than it lists is named, and nothing of them is kept", async () => {
    const [pin] = archive.publish([ONE]);
    archive.alter = (path, bytes) => (path.endsWith(".deb") ? Buffer.alloc(bytes.length, 1) : bytes);
    const { trouble: kind, message } = await trouble(fetchAnew(pin!));
    expect(kind).toBe("checksum");
    expect(message).toContain("has a wrong checksum");
    archive.alter = (_, bytes) => bytes;
    expect((await fetchAnew(pin!)).pinned).toBe(true);
  });

  it("that has other bytes under the recorded version is not trusted", async () => {
    const [pin] = archive.publish([ONE]);
    const { trouble: kind, message } = await trouble(fetchAnew({ ...pin!, sha256: "ab".repeat(32) }));
    expect(kind).toBe("checksum");
    expect(message).toContain(`${pin!.sha256}, ${"ab".repeat(32)} was recorded`);
  });

  it("whose keys are missing, or others, says what to install", async () => {
    const [pin] = archive.publish([ONE]);
    const other = new LocalArchive(mkdtempSync(join(scratch, "other-")));
    try {
      for (const keyring of [join(scratch, "no-keyring.gpg"), other.keyring]) {
        const { trouble: kind, message } = await trouble(fetchAnew(pin!, { keyring }));
        expect([keyring, kind]).toEqual([keyring, "keyring"]);
        expect(message).toContain("sudo apt-get install debian-archive-keyring");
      }
    } finally {
      await other.stop();
    }
  });
});

it.each<[AptTrouble, string]>([
  ["network", "E: Failed to fetch http://deb.debian.org/x  Temporary failure resolving 'deb.debian.org'"],
  ["network", "E: Failed to fetch http://x/y  Could not connect to x:80, connection timed out"],
  ["network", "E: Failed to fetch http://x/y  503  Service Unavailable [IP: 1.2.3.4 80]"],
  ["clock", "E: Release file for http://x/InRelease is not valid yet (invalid for another 2d 3h)."],
  ["keyring", "W: GPG error: http://x bookworm InRelease: NO_PUBKEY 0E98404D386FA1D9"],
  ["checksum", "E: Failed to fetch http://x/y.deb  Hash Sum mismatch"],
  ["gone", "E: Failed to fetch http://x/y.deb  404  Not Found [IP: 1.2.3.4 80]"],
  ["place", "E: Write error - write (28: No space left on device)"],
  ["other", "E: something else"],
])("takes what apt says for %s: %s", (kind, text) => expect(aptTrouble(text)).toBe(kind));

describe("a cache", () => {
  it("that cannot be made is named", async () => {
    const [pin] = archive.publish([ONE]);
    writeFileSync(join(scratch, "file"), "");
    const apt = new Apt(new Cache(join(scratch, "file/cache")), () => undefined);
    await expect(apt.fetch([pin!])).rejects.toThrow(/file\/cache cannot take .*in the way.*WEBTPM_CACHE/);
  });

  it.each(["ENOSPC", "EACCES", "EROFS"])("that says %s while something is made is named", async (code) => {
    const build = () => Promise.reject(Object.assign(new Error(`${code}: write`), { code }));
    const made = new Cache(root()).get({ name: "thing", key: "0011", build });
    await expect(made).rejects.toThrow(/cache cannot take what is fetched and made: .*WEBTPM_CACHE/);
  });

  it("that a compiler finds full is named as well", async () => {
    const build = () => Promise.reject(new Error("gcc failed:\nfatal error: x.o: No space left on device"));
    await expect(new Cache(root()).get({ name: "thing", key: "0011", build })).rejects.toThrow(SetUpError);
  });
});
