/** Gives out files that are too large to be fetched whole, in the pieces that are asked for. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";

/** A disk, or the piece of it that is asked for (RFC 9110, section 14.2). */
export async function answerPiece(
  path: string,
  range: string | undefined,
  response: ServerResponse,
): Promise<void> {
  const { size, mtimeMs } = await stat(path);
  const headers = {
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-store",
    ETag: `"${size}-${mtimeMs}"`,
  };
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  const start = Number(from ?? 0);
  const end = Math.min(to ? Number(to) : size - 1, size - 1);
  if (start > end) {
    response.writeHead(416, { ...headers, "Content-Range": `bytes */${size}` }).end();
    return;
  }
  const piece = from !== undefined && { "Content-Range": `bytes ${start}-${end}/${size}` };
  response.writeHead(piece ? 206 : 200, { ...headers, ...piece, "Content-Length": end - start + 1 });
  if (response.req.method === "HEAD") return void response.end();
  createReadStream(path, { start, end })
    .on("error", (error) => response.destroy(error))
    .pipe(response);
}
