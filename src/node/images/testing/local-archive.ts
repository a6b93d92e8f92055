/** A Debian archive of a test's own, on loopback: signed packages and sources of one file, which come and go. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { ARCHITECTURE, type PinnedPackage, type PinnedSource, SUITE } from "../versions.ts";

const SOURCE_INDEX = "main/source/Sources";
const INDEX = `main/binary-${ARCHITECTURE}/Packages`;
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

export interface LocalPackage {
  name: string;
  version: string;
  depends?: string;
}

export class LocalArchive {
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  /** File with the archive's public key. */
  readonly keyring: string;
  /** May be changed on the way: gives what is served instead of `bytes`; undefined breaks the connection half-way. */
  alter: (path: string, bytes: Buffer) => Buffer | undefined = (_, bytes) => bytes;
  url = "";
  readonly #scratch: string;
  readonly #home: string;
  readonly #files = new Map<string, Buffer>();
  readonly #server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    this.asked.push(path);
    const bytes = this.#files.get(path);
    if (!bytes) return void response.writeHead(404).end();
    const given = this.alter(path, bytes);
    response.writeHead(200, { "Content-Length": (given ?? bytes).length });
    if (given) response.end(given);
    else response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  });

  /** @param scratch a directory for packages and keys. */
  constructor(scratch: string) {
    this.#scratch = scratch;
    this.#home = join(scratch, "gnupg");
    mkdirSync(this.#home, { mode: 0o700 });
    this.#gpg("--passphrase", "", "--quick-generate-key", "archive@test", "ed25519", "sign", "never");
    this.keyring = join(scratch, "keyring.gpg");
    writeFileSync(this.keyring, this.#gpg("--export"));
  }

  #gpg(...args: string[]): Buffer {
    const options = {
      env: { ...process.env, GNUPGHOME: this.#home },
      stdio: ["ignore", "pipe", "ignore"],
    } as const;
    return execFileSync("gpg", ["--batch", "--yes", ...args], { ...options, stdio: [...options.stdio] });
  }

  async start(port = 0): Promise<void> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/debian`;
  }

  async stop(): Promise<void> {
    if (this.#server.listening) {
      this.#server.close();
      this.#server.closeAllConnections();
      await once(this.#server, "close");
    }
    // gpg starts it for the key.
    execFileSync("gpgconf", ["--kill", "all"], { env: { ...process.env, GNUPGHOME: this.#home } });
  }

  /** Has these packages, and nothing else. @returns them as pins, in the same order. */
  publish(packages: readonly LocalPackage[]): PinnedPackage[] {
    this.#files.clear();
    return this.publishBeside(packages, SUITE);
  }

  /** Has these packages in another suite, beside what it has. @returns them as pins, in the same order. */
  publishBeside(packages: readonly LocalPackage[], suite: string): PinnedPackage[] {
    const made = packages.map((one) => this.#build(one));
    this.#publishIndex(INDEX, made.map(({ stanza }) => stanza).join("\n"), suite);
    return made.map(({ pin }) => (suite === SUITE ? pin : { ...pin, suite }));
  }

  /** Has these source packages, and nothing else. @returns them as pins, in the same order. */
  publishSources(sources: readonly Pick<LocalPackage, "name" | "version">[]): PinnedSource[] {
    this.#files.clear();
    const made = sources.map((one) => this.#buildSource(one));
    this.#publishIndex(SOURCE_INDEX, made.map(({ stanza }) => stanza).join("\n"));
    return made.map(({ pin }) => pin);
  }

  #publishIndex(path: string, index: string, suite: string = SUITE): void {
    this.#files.set(`/debian/dists/${suite}/${path}`, Buffer.from(index));
    const lines = [
      `Suite: ${suite}`,
      `Codename: ${suite}`,
      "Components: main",
      `Architectures: ${ARCHITECTURE}`,
    ];
    lines.push(`Date: ${new Date().toUTCString()}`, "SHA256:");
    lines.push(` ${sha256(index)} ${Buffer.byteLength(index)} ${path}`);
    const release = join(this.#scratch, "Release");
    writeFileSync(release, `${lines.join("\n")}\n`);
    this.#files.set(`/debian/dists/${suite}/InRelease`, this.#gpg("--clear-sign", "--output", "-", release));
  }

  /** The server no longer has a package's file, though its list names it. */
  lose(pin: PinnedPackage): void {
    this.#files.delete(`/debian/pool/${fileName(pin)}`);
  }

  /** A source package of one text file, of Debian's native format. */
  #buildSource({ name, version }: Pick<LocalPackage, "name" | "version">): {
    pin: PinnedSource;
    stanza: string;
  } {
    const root = join(this.#scratch, `source-${name}-${version}`, `${name}-${version}`);
    mkdirSync(join(root, "debian/source"), { recursive: true });
    writeFileSync(join(root, "debian/source/format"), "3.0 (native)\n");
    writeFileSync(join(root, "text"), `${name} ${version}\n`.repeat(2000));
    const tar = `${name}_${version}.tar.xz`;
    const packed = execFileSync("tar", ["-cJ", "-C", join(root, ".."), `${name}-${version}`]);
    const fields = [`Format: 3.0 (native)`, `Source: ${name}`, `Binary: ${name}`, `Version: ${version}`];
    fields.push("Architecture: any", "Maintainer: test <test@test>");
    const line = (file: string, bytes: Uint8Array) => ` ${sha256(bytes)} ${bytes.length} ${file}`;
    const checksums = (lines: string[]) => ["Checksums-Sha256:", ...lines];
    const md5 = createHash("md5").update(packed).digest("hex");
    const described = [
      ...fields,
      ...checksums([line(tar, packed)]),
      "Files:",
      ` ${md5} ${packed.length} ${tar}`,
    ];
    const description = Buffer.from(`${described.join("\n")}\n`);
    const dsc = `${name}_${version}.dsc`;
    const files: Record<string, Buffer> = { [dsc]: description, [tar]: packed };
    for (const [file, bytes] of Object.entries(files)) this.#files.set(`/debian/pool/${file}`, bytes);
    const lines = Object.entries(files).map(([file, bytes]) => line(file, bytes));
    // An index names the package where its description names the source.
    const index = fields.map((field) => field.replace(/^Source:/, "Package:"));
    index.push("Directory: pool", ...checksums(lines));
    const digests = Object.entries(files).map(([file, bytes]) => [file, sha256(bytes)]);
    const pin = { name, version, files: Object.fromEntries(digests), licence: "MIT" };
    return { pin, stanza: `${index.join("\n")}\n` };
  }

  #build({ name, version, depends }: LocalPackage): { pin: PinnedPackage; stanza: string } {
    const root = join(this.#scratch, `${name}-${version}`);
    mkdirSync(join(root, "DEBIAN"), { recursive: true });
    mkdirSync(join(root, "usr"), { recursive: true });
    writeFileSync(join(root, "usr", name), `${name} ${version}\n`.repeat(2000));
    const fields = [`Package: ${name}`, `Version: ${version}`, `Architecture: ${ARCHITECTURE}`];
    fields.push(
      "Maintainer: test <test@test>",
      "Description: a test",
      ...(depends ? [`Depends: ${depends}`] : []),
    );
    writeFileSync(join(root, "DEBIAN/control"), `${fields.join("\n")}\n`);
    const file = join(this.#scratch, fileName({ name, version }));
    execFileSync("dpkg-deb", ["--root-owner-group", "-Znone", "--build", root, file], { stdio: "ignore" });
    const bytes = readFileSync(file);
    this.#files.set(`/debian/pool/${fileName({ name, version })}`, bytes);
    fields.push(
      `Filename: pool/${fileName({ name, version })}`,
      `Size: ${bytes.length}`,
      `SHA256: ${sha256(bytes)}`,
    );
    const pin = { name, version, sha256: sha256(bytes), licence: "MIT", source: name };
    return { pin, stanza: `${fields.join("\n")}\n` };
  }
}

const fileName = ({ name, version }: Pick<LocalPackage, "name" | "version">) =>
  `${name}_${version}_${ARCHITECTURE}.deb`;
