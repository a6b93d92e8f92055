/** `npm run release`: prepares a version of the package, with notes of where its tarball is from. It publishes nothing. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { run } from "../images/command.ts";
import { complain } from "./complain.ts";
import { type Provenance, ReleaseError, released } from "./release-notes.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `Usage: npm run release -- VERSION

Prepares a release, e.g. 0.2.0: puts what CHANGELOG.md has as unreleased under that version, commits and tags it, packs
the tarball, and writes down beside it what it was made of. The work tree has to be clean; run \`npm test\` before. Nothing
is pushed or published: the last lines say how that is done.
`;

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const inRoot = (name: string) => join(ROOT, name);
const git = (...args: string[]) => run("git", ["-C", ROOT, ...args]);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { help: { type: "boolean" } },
    allowPositionals: true,
  });
  if (values.help) return console.log(HELP);
  const [version] = positionals;
  if (version === undefined || positionals.length > 1) throw new UsageError(HELP);
  if ((await git("status", "--porcelain")).trim()) throw new ReleaseError("the work tree is not clean");
  const day = new Date().toISOString().slice(0, 10);
  const changelog = released(readFileSync(inRoot("CHANGELOG.md"), "utf8"), version, day);
  writeFileSync(inRoot("CHANGELOG.md"), changelog);
  await run("npm", ["version", version, "--no-git-tag-version", "--allow-same-version", "--prefix", ROOT]);
  await git("commit", "--quiet", "--all", "--message", `release: ${version}`);
  await git("tag", "--annotate", `v${version}`, "--message", version);

  const out = await run("npm", ["pack", "--json", "--loglevel=error", "--prefix", ROOT]);
  const [packed] = JSON.parse(out.slice(out.indexOf("["))) as [
    { filename: string; integrity: string; files: unknown[] },
  ];
  const notes: Provenance = {
    version,
    commit: (await git("rev-parse", "HEAD")).trim(),
    integrity: packed.integrity,
    files: packed.files.length,
    lock: createHash("sha256")
      .update(readFileSync(inRoot("package-lock.json")))
      .digest("hex"),
    node: process.version,
    npm: (await run("npm", ["--version"])).trim(),
  };
  const name = packed.filename.replace(/\.tgz$/, ".provenance.json");
  writeFileSync(inRoot(name), `${JSON.stringify(notes, null, 2)}\n`);
  console.log(`${packed.filename} and ${name} are made. To publish:

  git push --follow-tags
  npm publish ${packed.filename} --provenance    in CI, which npm knows as this package's publisher`);
}

main().catch((error: Error) =>
  complain(error instanceof ReleaseError ? new UsageError(error.message, { cause: error }) : error),
);
