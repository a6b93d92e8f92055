/** Holds the tree to the layers that README.md in this folder lists: nobody imports upwards. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = import.meta.dirname;

/** For each folder, the folders (or single files) it may import from, besides its own. `*` allows all but page code. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  bytes: [],
  frontend: ["bytes"],
  tis: ["frontend", "bytes"],
  crb: ["frontend", "bytes"],
  interfaces: ["crb", "tis", "frontend"],
  tpm2: ["bytes"],
  eventlog: ["bytes", "tpm2"],
  swtpm: ["bytes"],
  ppi: ["frontend", "bytes"],
  export: ["bytes", "tpm2"],
  backend: ["swtpm", "tpm2", "tis/ports", "bytes"],
  link: ["frontend", "tis", "bytes"],
  worker: ["backend", "link", "interfaces", "frontend", "tis", "tpm2", "bytes", "session/types"],
  machine: ["tis/ports", "bytes"],
  rom: ["machine", "bytes"],
  hidden: ["machine", "backend", "swtpm", "bytes"],
  vault: [
    "worker/events",
    "backend/port",
    "frontend",
    "tis",
    "swtpm",
    "reading/limits",
    "reading/numbers",
    "bytes",
    "interfaces",
  ],
  session: [
    "vault/types",
    "ppi",
    "rom",
    "hidden",
    "worker",
    "link",
    "machine",
    "backend",
    "eventlog",
    "tpm2",
    "tis",
    "frontend",
    "bytes",
    "interfaces",
    "crb",
  ],
  reading: ["vault", "recording", "eventlog", "backend/failure", "bytes"],
  "boot-check": ["eventlog", "tpm2", "bytes"],
  trace: ["session/types", "frontend", "tis", "bytes", "interfaces", "crb"],
  recording: ["session/types", "trace", "tpm2", "reading/limits", "reading/numbers", "bytes"],
  lessons: ["session/types", "trace", "eventlog", "tpm2", "frontend", "tis", "bytes", "interfaces", "crb"],
  "page-model": [
    "ppi",
    "session/types",
    "vault/types",
    "boot-check",
    "lessons",
    "recording",
    "trace",
    "frontend",
    "tis",
    "tpm2",
    "eventlog",
    "bytes",
    "interfaces",
    "crb",
  ],
  ui: [
    "page-model",
    "ppi",
    "session/types",
    "vault/types",
    "boot-check",
    "lessons",
    "recording",
    "trace",
    "frontend",
    "tis",
    "tpm2",
    "eventlog",
    "export",
    "bytes",
    "interfaces",
    "crb",
  ],
  app: ["*", "ui"],
  bridge: ["backend", "swtpm", "tis/ports", "bytes"],
  images: ["session", "worker", "bridge", "hidden", "rom", "machine", "bytes"],
  tools: ["*"],
};
/** Packages that may be imported from these folders only. */
const PACKAGE_HOMES: Record<string, readonly string[]> = {
  v86: ["machine", "hidden", "images", "app", "tools"],
  ws: ["bridge"],
  comlink: ["worker", "hidden", "session"],
  lit: ["ui"],
  "idb-keyval": ["vault"],
  fflate: ["vault"],
  "@zip.js": ["vault"],
};
/** Folders whose code must run anywhere: no package and no Node module but these. */
const PURE: Record<string, readonly string[]> = {
  bytes: [],
  frontend: [],
  tis: [],
  crb: [],
  interfaces: [],
  tpm2: [],
  swtpm: [],
  ppi: [],
  trace: [],
  lessons: [],
  "page-model": [],
  "boot-check": [],
  eventlog: ["@noble/hashes"],
};

interface Import {
  file: string;
  folder: string;
  target: string;
}

function imports(): Import[] {
  return readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.ts$/.test(name) && !/\.(test|d)\.ts$/.test(name) && name.includes("/"))
    .flatMap((name) => {
      const text = readFileSync(join(SRC, name), "utf8");
      const found = text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g);
      return Array.from(found, (match) => ({
        file: name,
        folder: name.split("/")[0] as string,
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
      const target = path.split("/")[0] as string;
      if (target === folder || target.startsWith("..")) return false;
      const allowed = MAY_IMPORT[folder];
      if (!allowed) return true;
      if (allowed.includes("*") && target !== "ui" && target !== "app") return false;
      return !allowed.some((entry) => path === `${entry}.ts` || path.startsWith(`${entry}/`));
    });
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
