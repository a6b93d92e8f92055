/**
 * WebAssembly that was compiled once is kept, for the next machine to go on with. What the browser's compiler makes of
 * a module in the background, while it runs, is the module's own and goes with it: a machine that finds it kept has
 * neither to wait for it nor to share the processors with it.
 */

interface Kept {
  code: Uint8Array<ArrayBuffer>;
  module: Promise<WebAssembly.Module>;
}

export class CompiledModules {
  readonly #most: number;
  /** By `fingerprint`, what was used longest ago first. */
  readonly #kept = new Map<string, Kept>();
  #size = 0;

  /** @param most bytes of code to keep; compiled, they take several times as much. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes of code that are kept. */
  get size(): number {
    return this.#size;
  }

  /**
   * The module with this code, which is copied.
   * @throws {WebAssembly.CompileError} when there is none.
   */
  compile(code: Uint8Array): Promise<WebAssembly.Module> {
    const key = fingerprint(code);
    const known = this.#kept.get(key);
    if (known && same(known.code, code)) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known.module;
    }
    const own = code.slice();
    const kept = { code: own, module: WebAssembly.compile(own) };
    this.#forget(key);
    this.#kept.set(key, kept);
    this.#size += own.length;
    // The caller is told.
    kept.module.catch(() => {
      if (this.#kept.get(key) === kept) this.#forget(key);
    });
    for (const [oldest] of this.#kept) {
      if (this.#size <= this.#most) break;
      this.#forget(oldest);
    }
    return kept.module;
  }

  #forget(key: string): void {
    this.#size -= this.#kept.get(key)?.code.length ?? 0;
    this.#kept.delete(key);
  }
}

/** Of its length and all its words; different code seldom has the same. */
function fingerprint(code: Uint8Array): string {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const words = code.length & ~3;
  let hash = 0;
  for (let at = 0; at < words; at += 4) hash = Math.imul(hash ^ view.getUint32(at, true), 0x0100_0193);
  for (let at = words; at < code.length; at++) hash = Math.imul(hash ^ (code[at] as number), 0x0100_0193);
  return `${code.length}:${hash}`;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
