/** Holds the tree to the layers that README.md in this folder lists: nobody imports upwards. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = import.meta.dirname;

/** For each folder, the folders (or single files) it may import from, besides its own. `*` allows all but page code. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "protocol/bytes": [],
  "device/frontend": ["protocol/bytes"],
  "device/tis": ["device/frontend", "protocol/bytes"],
  "device/crb": ["device/frontend", "protocol/bytes"],
  "device/interfaces": ["device/crb", "device/tis", "device/frontend"],
  "protocol/tpm2": ["protocol/bytes"],
  "protocol/eventlog": ["protocol/bytes", "protocol/tpm2"],
  "protocol/swtpm": ["protocol/bytes"],
  "protocol/uefi": ["protocol/eventlog", "protocol/bytes"],
  "device/ppi": ["device/frontend", "protocol/bytes"],
  "protocol/export": ["protocol/bytes", "protocol/tpm2"],
  backend: ["protocol/swtpm", "protocol/tpm2", "device/tis/ports", "protocol/bytes"],
  "worker/link": ["device/frontend", "device/tis", "protocol/bytes"],
  worker: [
    "backend/hidden/timeouts",
    "backend",
    "worker/link",
    "device/interfaces",
    "device/frontend",
    "device/tis",
    "protocol/tpm2",
    "protocol/bytes",
  ],
  machine: ["device/tis/ports", "protocol/bytes"],
  "machine/rom": ["machine", "protocol/bytes"],
  "backend/hidden": ["machine", "backend", "protocol/swtpm", "protocol/bytes"],
  "session/vault": [
    "worker/events",
    "backend/port",
    "device/frontend",
    "device/tis",
    "protocol/swtpm",
    "session/reading/limits",
    "session/reading/numbers",
    "protocol/bytes",
    "device/interfaces",
  ],
  "session/drives": ["session/vault/digest", "session/vault/types", "machine", "worker/crossing"],
  session: [
    "session/vault/types",
    "device/ppi",
    "machine/rom",
    "backend/hidden",
    "worker",
    "worker/link",
    "machine",
    "backend",
    "protocol/eventlog",
    "protocol/tpm2",
    "device/tis",
    "device/frontend",
    "protocol/bytes",
    "device/interfaces",
    "device/crb",
  ],
  "session/images": ["session/prepared", "backend/hidden"],
  "session/reading": [
    "session/vault",
    "session/recording",
    "protocol/eventlog",
    "protocol/export",
    "backend/failure",
    "protocol/bytes",
  ],
  "page/boot-check": ["protocol/eventlog", "protocol/tpm2", "protocol/bytes"],
  "session/trace": [
    "session/types",
    "device/frontend",
    "device/tis",
    "protocol/bytes",
    "device/interfaces",
    "device/crb",
  ],
  "session/recording": [
    "session/types",
    "session/command-fields",
    "session/trace",
    "protocol/tpm2",
    "session/reading/limits",
    "session/reading/numbers",
    "protocol/bytes",
  ],
  "page/lessons": [
    "protocol/uefi",
    "session/types",
    "session/trace",
    "protocol/eventlog",
    "protocol/tpm2",
    "device/frontend",
    "device/tis",
    "protocol/bytes",
    "device/interfaces",
    "device/crb",
  ],
  "page/model": [
    "protocol/uefi",
    "device/ppi",
    "session/types",
    "session/vault/types",
    "machine/drive/log",
    "page/boot-check",
    "page/lessons",
    "session/recording",
    "session/trace",
    "device/frontend",
    "device/tis",
    "protocol/tpm2",
    "protocol/eventlog",
    "protocol/bytes",
    "device/interfaces",
    "device/crb",
  ],
  "page/ui": [
    "protocol/uefi",
    "page/model",
    "device/ppi",
    "session/types",
    "session/vault/types",
    "session/vault/is-sealed",
    "machine/drive/log",
    "page/boot-check",
    "page/lessons",
    "session/recording",
    "session/trace",
    "device/frontend",
    "device/tis",
    "protocol/tpm2",
    "protocol/eventlog",
    "protocol/export",
    "protocol/bytes",
    "device/interfaces",
    "device/crb",
  ],
  "page/elements": ["page/ui", "page/model", "session/types"],
  "page/app": ["*", "page/ui"],
  "node/bridge": ["backend", "protocol/swtpm", "protocol/tpm2", "device/tis/ports", "protocol/bytes"],
  "node/images": [
    "session",
    "worker",
    "node/bridge",
    "backend",
    "backend/hidden",
    "machine/rom",
    "machine",
    "protocol/uefi",
    "protocol/bytes",
    "session/images",
  ],
  "node/tools": ["*"],
};
/** Packages that may be imported from these folders only. */
const PACKAGE_HOMES: Record<string, readonly string[]> = {
  v86: ["machine", "backend/hidden", "node/images", "page/app", "node/tools"],
  ws: ["node/bridge"],
  koffi: ["node/bridge"],
  comlink: ["worker", "backend/hidden", "session", "session/drives"],
  lit: ["page/ui"],
  "idb-keyval": ["session/vault"],
  fflate: ["session/vault"],
  "@zip.js": ["session/vault"],
};
/** Folders whose code must run anywhere: no package and no Node module but these. */
const PURE: Record<string, readonly string[]> = {
  "protocol/bytes": [],
  "device/frontend": [],
  "device/tis": [],
  "device/crb": [],
  "device/interfaces": [],
  "protocol/tpm2": [],
  "protocol/swtpm": [],
  "device/ppi": [],
  "session/trace": [],
  "page/lessons": [],
  "page/model": [],
  "page/boot-check": [],
  "protocol/eventlog": ["@noble/hashes"],
  "protocol/uefi": ["@noble/hashes"],
};

/** The groups, lowest first: what is in one imports from its own and from those before it; from `node`, none of them. */
const GROUPS = ["protocol", "device", "machine", "backend", "worker", "session", "page"];

/** Each folder of the table, the longest first: a file belongs to the first that holds it. */
const FOLDERS = Object.keys(MAY_IMPORT).sort((a, b) => b.length - a.length);
const folderOf = (path: string) => FOLDERS.find((folder) => path.startsWith(`${folder}/`)) ?? path;

interface Import {
  file: string;
  folder: string;
  target: string;
}

function imports(): Import[] {
  return readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.ts$/.test(name) && !/\.(test|d)\.ts$/.test(name) && name.includes("/"))
    .filter((name) => !name.startsWith("examples/"))
    .flatMap((name) => {
      const text = readFileSync(join(SRC, name), "utf8");
      const found = text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g);
      return Array.from(found, (match) => ({
        file: name,
        folder: folderOf(name),
        target: match[1] as string,
      }));
    });
}

const all = imports();
const local = all
  .filter((entry) => entry.target.startsWith("."))
  .map((entry) => ({ ...entry, path: relative(SRC, resolve(SRC, dirname(entry.file), entry.target)) }));

describe("imports", () => {
  it("are found at all", () => {
    expect(local.length).toBeGreaterThan(10);
  });

  it("run one way, down the list of folders", () => {
    const upward = local.filter(({ folder, path }) => {
      const target = folderOf(path);
      if (target === folder || target.startsWith("..")) return false;
      const allowed = MAY_IMPORT[folder];
      if (!allowed) return true;
      if (allowed.includes("*") && target !== "page/ui" && target !== "page/app") return false;
      return !allowed.some((entry) => path === `${entry}.ts` || target === entry);
    });
    expect(upward.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it("run one way between the groups", () => {
    const group = (path: string) => GROUPS.indexOf(path.split("/")[0] as string);
    const upward = local.filter(
      ({ file, path }) => group(file) >= 0 && (path.startsWith("node/") || group(path) > group(file)),
    );
    expect(upward.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it("keep each package in its home", () => {
    const strays = all.filter(({ folder, target }) => {
      const name = target.split("/")[0] as string;
      const homes = PACKAGE_HOMES[name];
      return homes && !homes.includes(folder);
    });
    expect(strays.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it("leave the core free of platforms and packages", () => {
    const impure = all.filter(({ folder, target }) => {
      const allowed = PURE[folder];
      if (!allowed || target.startsWith(".")) return false;
      return !allowed.some((name) => target.startsWith(name));
    });
    expect(impure.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });
});
