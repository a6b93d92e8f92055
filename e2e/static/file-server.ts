/** A file server as plain as they come: files by their paths, no headers but type and length, no compression. */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
};

export interface FileServerOptions {
  /** Sent with every file. */
  headers?: Record<string, string>;
  /** Folder of the server that the files are in, e.g. "/demo/". Default "/". */
  base?: string;
  /** Paths for which the connection breaks after this many bytes. */
  cut?: { path: RegExp; after: number };
}

export class FileServer {
  /** Paths that were asked for and are files here, in order. */
  readonly served: string[] = [];
  /** May be changed while it runs. */
  directory: string;
  cut: FileServerOptions["cut"];
  /** The page's address, with a slash at its end; known once it has started. */
  url = "";
  port = 0;
  readonly #headers: Record<string, string>;
  readonly #base: string;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: Error) => response.destroy(error));
  });

  constructor(directory: string, { headers = {}, base = "/", cut }: FileServerOptions = {}) {
    this.directory = directory;
    this.#headers = headers;
    this.#base = base;
    this.cut = cut;
  }

  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
    this.url = `http://127.0.0.1:${this.port}${this.#base}`;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://server");
    const path = pathname.startsWith(this.#base) ? pathname.slice(this.#base.length) || "index.html" : "?";
    const file = join(this.directory, path);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile() || (request.method !== "GET" && request.method !== "HEAD")) {
      response.writeHead(404, { "Content-Type": "text/plain" }).end("no such file");
      return;
    }
    this.served.push(path);
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    response.writeHead(200, { ...this.#headers, "Content-Type": type, "Content-Length": found.size });
    if (request.method === "HEAD") response.end();
    else if (this.cut?.path.test(path)) {
      const part = createReadStream(file, { end: this.cut.after - 1 });
      part.on("end", () => setTimeout(() => response.destroy(), 100)).pipe(response, { end: false });
    } else createReadStream(file).pipe(response);
  }
}
