/** Fetching sources with the real apt-get, from an archive on loopback; what archives do besides, `apt.native.test.ts` has. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AptSource, type FetchedSource, unpackSource } from "./apt-source.ts";
import { AptError, type AptTrouble } from "./apt-trouble.ts";
import { Cache } from "./cache.ts";
import { LocalArchive } from "./testing/local-archive.ts";
import type { PinnedSource } from "./versions.ts";

const ONE = { name: "one", version: "1.0" };

let scratch: string;
let archive: LocalArchive;
let said: string[];
beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), "webtpm-apt-source-"));
  archive = new LocalArchive(scratch);
  await archive.start();
  said = [];
});
afterEach(async () => {
  await archive.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** As a new start of the program fetches it. */
function fetchAnew(pin: PinnedSource): Promise<FetchedSource> {
  const { url: mirror, keyring } = archive;
  const cache = new Cache(join(scratch, "cache"));
  return new AptSource(cache, ({ message }) => said.push(message), { mirror, keyring }).fetch(pin);
}

async function trouble(attempt: Promise<unknown>): Promise<{ trouble: AptTrouble; message: string }> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AptError);
  return error as AptError;
}

it("comes from the archive once, and unpacks", async () => {
  const [pin] = archive.publishSources([ONE]);
  const source = await fetchAnew(pin!);
  expect(source).toMatchObject({ package: "one", version: "1.0", pinned: true });
  await unpackSource(source, join(scratch, "tree"));
  expect(readFileSync(join(scratch, "tree/text"), "utf8").split("\n")[0]).toBe("one 1.0");
  const asked = archive.asked.length;
  expect(await fetchAnew(pin!)).toEqual(source);
  expect(archive.asked.length).toBe(asked);
});

it("is fetched again when a file of it is not whole", async () => {
  const [pin] = archive.publishSources([ONE]);
  const { directory } = await fetchAnew(pin!);
  const tar = join(directory, "one_1.0.tar.xz");
  const whole = readFileSync(tar);
  writeFileSync(tar, whole.subarray(0, 100));
  await fetchAnew(pin!);
  expect(readFileSync(tar).equals(whole)).toBe(true);
});

it("that has moved on is taken in the newer version, and that is said", async () => {
  const [pin] = archive.publishSources([ONE]);
  archive.publishSources([{ ...ONE, version: "1.1" }]);
  expect(await fetchAnew(pin!)).toMatchObject({ version: "1.1", pinned: false });
  expect(said).toContain("warning: the source of one 1.0 is gone from the archive, taking 1.1");
});

it("that nobody has is named", async () => {
  const [pin] = archive.publishSources([ONE]);
  archive.publishSources([{ name: "two", version: "1" }]);
  const { trouble: kind, message } = await trouble(fetchAnew(pin!));
  expect(kind).toBe("gone");
  expect(message).toContain(`${archive.url} has no source package one`);
});

it("of an archive that has no sources at all is named", async () => {
  const [pin] = archive.publishSources([ONE]);
  archive.publish([{ name: "one", version: "1.0" }]);
  expect((await trouble(fetchAnew(pin!))).message).toContain(`${archive.url} has no source package one`);
});

it("with other bytes than were recorded, or than the list says, is not taken", async () => {
  const [pin] = archive.publishSources([ONE]);
  const recorded = { ...pin!, files: { ...pin!.files, "one_1.0.tar.xz": "ab".repeat(32) } };
  const other = await trouble(fetchAnew(recorded));
  expect(other.trouble).toBe("checksum");
  expect(other.message).toContain(`for one_1.0.tar.xz, ${"ab".repeat(32)} was recorded`);
  archive.alter = (path, bytes) => (path.endsWith(".tar.xz") ? Buffer.alloc(bytes.length, 1) : bytes);
  expect((await trouble(fetchAnew(pin!))).trouble).toBe("checksum");
  archive.alter = (_, bytes) => bytes;
  expect((await fetchAnew(pin!)).pinned).toBe(true);
});
