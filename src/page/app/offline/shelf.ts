/**
 * One version of the page in the browser's cache. Each version has a cache of its own, named by the build; a file
 * goes into it only whole and as that build had it, so a host that is being updated never mixes two versions.
 */

/** A file of the build: path relative to the page's folder, bytes, SHA-256 in base64. */
export type ShippedFile = readonly [path: string, size: number, sha256: string];

/** Header of a cached response: the digest of what is in it, for the next version to take over unchanged files. */
const DIGEST = "X-WebTPM-SHA256";
/** From this size on a file is passed on while it arrives, and only its length is checked; its name has its digest. */
const LARGE = 1 << 20;

export class Shelf {
  readonly #scope: string;
  readonly #prefix: string;
  readonly #name: string;
  readonly #files: ReadonlyMap<string, ShippedFile>;
  /** Files on their way into the cache. */
  readonly #coming = new Map<string, Promise<void>>();

  /** @param scope URL of the page's folder, with a slash at its end. */
  constructor(scope: string, build: string, files: readonly ShippedFile[]) {
    this.#scope = scope;
    // Several pages of one host share its caches.
    this.#prefix = `webtpm ${new URL(scope).pathname} `;
    this.#name = this.#prefix + build;
    this.#files = new Map(files.map((file) => [file[0], file]));
  }

  /** The file that a URL stands for, whatever its query; undefined for what is no part of the page. */
  find(url: string): ShippedFile | undefined {
    const { origin, pathname } = new URL(url);
    const path = origin + pathname;
    if (!path.startsWith(this.#scope)) return undefined;
    return this.#files.get(decodeURI(path.slice(this.#scope.length)) || "index.html");
  }

  /** Puts a file on the shelf: from an older version's where it has not changed, else from the host. */
  async keep(file: ShippedFile): Promise<void> {
    await (this.#coming.get(file[0]) ?? this.#come(file, () => this.#fetchOrReuse(file)));
  }

  /** Puts a file on the shelf where an older version has it; nothing is fetched. */
  async takeOver(file: ShippedFile): Promise<void> {
    if (this.#coming.has(file[0]) || (await this.#kept(file))) return;
    const older = await this.#older(file);
    if (older) await this.#come(file, () => this.#put(file, older));
  }

  async #fetchOrReuse(file: ShippedFile): Promise<void> {
    if (await this.#kept(file)) return;
    await this.#put(file, (await this.#older(file)) ?? (await this.#fetchChecked(file)));
  }

  /** The same file of an older version. */
  async #older(file: ShippedFile): Promise<Response | undefined> {
    for (const name of await this.#others()) {
      const cache = await caches.open(name);
      const found = await cache.match(this.#url(file), { ignoreVary: true });
      if (found?.headers.get(DIGEST) === file[2]) return found;
    }
    return undefined;
  }

  /** Names of the caches of other versions of this page. */
  async #others(): Promise<string[]> {
    const names = await caches.keys();
    return names.filter((name) => name.startsWith(this.#prefix) && name !== this.#name);
  }

  /**
   * The file: kept, or from the host and kept on the way.
   * @param stay keeps the worker alive until then.
   */
  async give(file: ShippedFile, stay: (work: Promise<unknown>) => void): Promise<Response> {
    const [path, size] = file;
    // A second reader need not fetch it again. When that comes to nothing, this reader tries for itself.
    do {
      await this.#coming.get(path)?.catch(() => undefined);
      const kept = await this.#kept(file);
      if (kept) return kept;
      // Another may have begun to fetch it while the shelf was looked through.
    } while (this.#coming.has(path));
    return new Promise((resolve, reject) => {
      const pass = size < LARGE ? this.#pass(file, resolve) : this.#passOn(file, resolve);
      const work = this.#come(file, () => pass);
      // The reader hears of a failure of the host; of one to keep the file, only the console.
      stay(work.catch((error: Error) => console.warn(`${path} was not kept: ${error.message}`)));
      work.catch(reject);
    });
  }

  /** A small file: checked, then given. */
  async #pass(file: ShippedFile, give: (response: Response) => void): Promise<void> {
    const response = (await this.#older(file)) ?? (await this.#fetchChecked(file));
    const copy = response.clone();
    give(response);
    await this.#put(file, copy);
  }

  /** A large file: given while it arrives. */
  async #passOn(file: ShippedFile, give: (response: Response) => void): Promise<void> {
    const response = (await this.#older(file)) ?? (await fetch(this.#url(file), { cache: "force-cache" }));
    const { ok, body, headers } = response;
    if (!ok || !body) return give(response);
    const [now, later] = body.tee();
    give(new Response(now, { headers }));
    await this.#put(file, new Response(later.pipeThrough(exactly(file[1])), { headers }));
  }

  /** Ends all other versions of this page. */
  async clearOthers(): Promise<void> {
    for (const name of await this.#others()) await caches.delete(name);
  }

  /** Ends this version too. */
  async clear(): Promise<void> {
    await this.clearOthers();
    await caches.delete(this.#name);
  }

  /** Bytes that are kept. */
  async size(): Promise<number> {
    const cache = await caches.open(this.#name);
    const keys = await cache.keys();
    return keys.reduce((sum, { url }) => sum + (this.find(url)?.[1] ?? 0), 0);
  }

  #url([path]: ShippedFile): string {
    return new URL(encodeURI(path), this.#scope).href;
  }

  async #kept(file: ShippedFile): Promise<Response | undefined> {
    const cache = await caches.open(this.#name);
    return cache.match(this.#url(file), { ignoreVary: true });
  }

  /** @throws {TypeError} when the host does not have it, or has another version of it. */
  async #fetchChecked(file: ShippedFile): Promise<Response> {
    const [path, , digest] = file;
    const from = (cache: RequestCache) => fetch(this.#url(file), { cache, integrity: `sha256-${digest}` });
    // What the browser has fetched for this page already need not come twice; what it has is of another version, if any.
    const response = await from("force-cache").catch(() => from("no-cache"));
    if (!response.ok) throw new TypeError(`${path} could not be fetched: ${response.status}`);
    return response;
  }

  async #put(file: ShippedFile, response: Response): Promise<void> {
    const headers = new Headers(response.headers);
    headers.set(DIGEST, file[2]);
    // Of the transfer, which is over.
    for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
    const cache = await caches.open(this.#name);
    await cache.put(this.#url(file), new Response(response.body, { headers }));
  }

  async #come([path]: ShippedFile, work: () => Promise<void>): Promise<void> {
    const coming = work();
    this.#coming.set(path, coming);
    try {
      await coming;
    } finally {
      this.#coming.delete(path);
    }
  }
}

/** Lets a stream through that has exactly `size` bytes; another one fails at its end. */
function exactly(size: number): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let seen = 0;
  return new TransformStream({
    transform(chunk, controller) {
      seen += chunk.length;
      controller.enqueue(chunk);
    },
    flush(controller) {
      if (seen !== size) controller.error(new TypeError(`${seen} bytes arrived of ${size}`));
    },
  });
}
