/** What a release is made of, in words and numbers: the changes of a version, and where a tarball is from. Pure. */

/** The changelog cannot be released as it is. */
export class ReleaseError extends Error {
  override readonly name = "ReleaseError";
}

const UNRELEASED = "## Unreleased";
const VERSION = /^\d+\.\d+\.\d+$/;

/**
 * The changelog with what is unreleased under its version.
 * @param day e.g. "2026-11-27"
 * @throws {ReleaseError} when there is nothing to release, or the version is none, or released already.
 */
export function released(changelog: string, version: string, day: string): string {
  if (!VERSION.test(version)) throw new ReleaseError(`"${version}" is no version: 1.2.3 is wanted`);
  if (changelog.includes(`\n## ${version}`)) throw new ReleaseError(`version ${version} is released already`);
  const [before, after] = changelog.split(`${UNRELEASED}\n`);
  if (before === undefined || after === undefined)
    throw new ReleaseError(`CHANGELOG.md has no "${UNRELEASED}"`);
  const text = after.split(/^## /m)[0] as string;
  if (!/^- /m.test(text)) throw new ReleaseError("nothing has changed since the last release");
  return `${before}${UNRELEASED}\n\n## ${version}, ${day}\n${after}`;
}

/** Where a tarball is from: what somebody needs to make the same one again, and to tell that it is. */
export interface Provenance {
  version: string;
  /** Of the sources, in full. */
  commit: string;
  /** Subresource integrity, as package-lock.json of whoever installs it has it. */
  integrity: string;
  /** Files in the tarball. */
  files: number;
  /** Of package-lock.json: SHA-256, in hex. */
  lock: string;
  node: string;
  npm: string;
}
