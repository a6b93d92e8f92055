/** The static page: Vite's build, with a start of its own, the notices and the service worker; and what it weighs. */
import { copyFile, readdir, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "vite";
import type { Cache } from "../images/cache.ts";
import { ImageSet } from "../images/image-set.ts";
import { SOURCES } from "../images/versions.ts";
import { asProduction } from "./as-production.ts";
import { writeNotices } from "./notices.ts";
import { META_POLICY } from "./page-headers.ts";
import { HEADERS_FILE, writeServiceWorker } from "./service-worker.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SERVED_START = "/src/page/app/served-main.ts";
const STATIC_START = "/src/page/app/static-main.ts";

/** Only a static page has a service worker: the servers of this project send the headers, and show what changes. */
const staticStart: Plugin = {
  name: "webtpm-static-start",
  transformIndexHtml: {
    order: "pre",
    handler(html) {
      if (!html.includes(SERVED_START)) throw new Error(`index.html no longer starts ${SERVED_START}`);
      return html.replace(SERVED_START, STATIC_START);
    },
  },
};

/** For hosts that send no headers; what of the policy cannot stand in a page, the service worker adds. */
const ownPolicy: Plugin = {
  name: "webtpm-own-policy",
  transformIndexHtml: (html) => {
    // Only for what comes after it.
    const policy = `<meta http-equiv="Content-Security-Policy" content="${META_POLICY}">`;
    return html.replace(
      /<meta charset="utf-8">/,
      `$&\n    ${policy}\n    <meta name="referrer" content="no-referrer">`,
    );
  },
};

/** Headers as Netlify, Cloudflare Pages and others read them from a file of the folder that is the site's root. */
const asFile = (headers: Record<string, string>) =>
  `/*\n${Object.entries(headers)
    .map(([name, value]) => `  ${name}: ${value}\n`)
    .join("")}`;

/** What a visitor downloads, by the names of the files. */
const PARTS: readonly [name: string, pattern: RegExp][] = [
  ["hidden TPM machine", /^(images\/hidden-state|assets\/hidden\.worker)/],
  ["prepared machine", /^images\/prepared/],
  ["firmware", /^images\/(bios|vgabios)/],
  ["UEFI firmware", /^images\/ovmf/],
  ["kernels", /^images\/bzImage/],
  ["guest", /^images\/initrd/],
  ["disks for UEFI", /^images\/(grub|systemd)-disk/],
  ["emulator (WebAssembly)", /^assets\/v86.*\.wasm$/],
  ["notices", /^(notices\/|NOTICES|LICENSE|licences)/],
  ["page", /./],
];

/** Prints sizes as they lie on the disk. A host that compresses sends less of the page and the emulator. */
async function printSizes(directory: string): Promise<void> {
  const sizes = new Map(PARTS.map(([name]) => [name, 0]));
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const name = PARTS.find(([, pattern]) => pattern.test(path.slice(directory.length + 1)))![0];
    sizes.set(name, sizes.get(name)! + (await stat(path)).size);
  }
  console.log("\nThe static page, in MB:");
  for (const [name, bytes] of sizes) console.log(`  ${(bytes / 1e6).toFixed(2).padStart(6)}  ${name}`);
}

/**
 * Builds the page into `out`, emptied first. The images have to be there.
 * @param headers what its host is to send, and its service worker does where that sends none
 */
export async function buildPage(out: string, cache: Cache, headers: Record<string, string>): Promise<void> {
  const directory = resolve(ROOT, out);
  asProduction();
  await build({
    root: ROOT,
    plugins: [staticStart, ownPolicy],
    build: { outDir: directory, emptyOutDir: true },
  });
  for (const name of ["LICENSE", "NOTICES.md"]) await copyFile(join(ROOT, name), join(directory, name));
  const { uefi } = (await new ImageSet(cache, () => undefined).read()).manifest;
  await writeNotices(join(directory, "notices"), cache, uefi ? [SOURCES.edk2] : []);
  await writeFile(join(directory, HEADERS_FILE), asFile(headers));
  const name = await writeServiceWorker(directory, headers);
  await printSizes(directory);
  console.log(
    `\nBuild ${name} is in ${directory}: put it behind any file server, http://localhost or https.`,
  );
}
