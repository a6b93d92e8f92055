/**
 * The images as file servers send them: packed with xz, which leaves a quarter less to download than gzip and takes a
 * second more to unpack. The page's own server is on the same computer, and sends them as they are in the cache.
 */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { ImageFile } from "../../session/images/manifest.ts";
import { type Cache, contentKey } from "./cache.ts";
import { run } from "./command.ts";
import type { Images } from "./image-set.ts";

/** With the checksum that small decoders know. More effort than 6 gains nothing on these files. */
const OPTIONS = ["-6", "--check=crc32", "--threads=1"];
const FILE = "image";

/** What is another one in a manifest where a file is packed in another way. */
type Packed = Pick<ImageFile, "url" | "size" | "compression">;

/** Packs each image anew that is packed with gzip: some seconds each at the first time, then from the cache. */
export async function forHosts(
  { manifest, files }: Pick<Images, "manifest" | "files">,
  cache: Cache,
): Promise<Pick<Images, "manifest" | "files">> {
  const packed = new Map<string, Packed>();
  const paths = new Map<string, string>();
  const pack = async ([url, path]: [string, string]) => {
    const file = path.endsWith(".gz") ? await packFile(path, cache) : undefined;
    paths.set(file ? xzName(url) : url, file ?? path);
    if (file) packed.set(url, { url: xzName(url), size: (await stat(file)).size, compression: "xz" });
  };
  await Promise.all(Array.from(files, pack));
  const renamed = JSON.stringify(manifest, (_, value: { url?: string } | undefined) => {
    const change = value?.url === undefined ? undefined : packed.get(value.url);
    return change ? { ...value, ...change } : value;
  });
  return { manifest: JSON.parse(renamed), files: paths };
}

const xzName = (url: string) => url.replace(/\.gz$/, ".xz");

async function packFile(path: string, cache: Cache): Promise<string> {
  const bytes = await readFile(path);
  const directory = await cache.get({
    name: "xz",
    key: contentKey([OPTIONS.join(" "), bytes]),
    async build(target) {
      await writeFile(join(target, FILE), await promisify(gunzip)(bytes));
      await run("xz", [...OPTIONS, join(target, FILE)]);
    },
  });
  return join(directory, `${FILE}.xz`);
}
