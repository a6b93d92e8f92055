/**
 * The images in Vite: served from the cache by the dev and preview servers, copied into `images/` by a build.
 */
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { MANIFEST_URL } from "../../session/images/manifest.ts";
import { Cache } from "./cache.ts";
import { forHosts } from "./for-hosts.ts";
import { ImageSet, ImagesMissingError } from "./image-set.ts";
import { answerPiece } from "./pieces.ts";
import { printProgress } from "./progress.ts";

const FOLDER = "images";
/** Vite's mode for a page whose server has the images: a build of it holds none. */
export const SERVED_MODE = "served";

async function answer(
  set: ImageSet,
  name: string,
  { headers: { range } }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { manifest, files, disks } = await set.read();
  if (name === "manifest.json") {
    const body = JSON.stringify(manifest, null, 2);
    response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-cache" });
    response.end(body);
    return;
  }
  const path = files.get(name);
  const disk = disks.get(name);
  if (disk) return answerPiece(disk, range, response);
  if (!path) {
    response.writeHead(404, { "Content-Type": "text/plain" });
    response.end(`There is no image ${name}. Reload the page: the images may have been built anew.`);
    return;
  }
  const { size } = await stat(path);
  response.writeHead(200, {
    // Never a content encoding: the page unpacks the bytes itself and checks their size.
    "Content-Type": name.endsWith(".gz") ? "application/gzip" : "application/octet-stream",
    "Content-Length": size,
    "Cache-Control": "public, max-age=31536000, immutable",
  });
  createReadStream(path)
    .on("error", (error) => response.destroy(error))
    .pipe(response);
}

function middleware(set: ImageSet) {
  return (request: IncomingMessage, response: ServerResponse, next: () => void) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (!path.startsWith(`/${FOLDER}/`) || (request.method !== "GET" && request.method !== "HEAD"))
      return next();
    answer(set, path.slice(FOLDER.length + 2), request, response).catch((error: Error) => {
      response.writeHead(error instanceof ImagesMissingError ? 503 : 500, { "Content-Type": "text/plain" });
      response.end(error.message);
    });
  };
}

/** Serves and ships the images. A build fails when they have not been made. */
export function imagesPlugin(cache = new Cache()): Plugin {
  const set = new ImageSet(cache, printProgress());
  let shipped = true;
  return {
    name: "webtpm-images",
    configResolved({ mode }) {
      shipped = mode !== SERVED_MODE;
    },
    configureServer: (server) => void server.middlewares.use(middleware(set)),
    configurePreviewServer: (server) => void server.middlewares.use(middleware(set)),
    async generateBundle() {
      if (!shipped) return;
      const { manifest, files } = await forHosts(await set.read(), cache);
      // A file server's visitors have no disk of two gigabytes to fetch, nor one that is being made.
      const { debian: _, debianBuild: __, ...shown } = manifest;
      this.emitFile({ type: "asset", fileName: MANIFEST_URL, source: JSON.stringify(shown, null, 2) });
      for (const [name, path] of files) {
        this.emitFile({ type: "asset", fileName: `${FOLDER}/${name}`, source: await readFile(path) });
      }
    },
  };
}
