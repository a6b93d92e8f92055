/**
 * WebAssembly that was compiled once is kept, for the next machine to go on with. What the browser's compiler makes of
 * a module in the background, while it runs, is the module's own and goes with it: a machine that finds it kept has
 * neither to wait for it nor to share the processors with it.
 */
import { viewOf } from "../../protocol/bytes/view.ts";

/** A module with the code that it was made of; can be posted to another thread, which then has all that the one has. */
export interface CompiledModule {
  code: Uint8Array<ArrayBuffer>;
  module: WebAssembly.Module;
}

interface Kept {
  code: Uint8Array<ArrayBuffer>;
  module: Promise<WebAssembly.Module>;
}

export class CompiledModules {
  readonly #most: number;
  /** By `fingerprint`, what was used longest ago first. */
  readonly #kept = new Map<string, Kept>();
  #size = 0;
  #tell: ((compiled: CompiledModule) => void) | undefined;

  /** @param most bytes of code to keep; compiled, they take several times as much. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes of code that are kept. */
  get size(): number {
    return this.#size;
  }

  /** All that is kept, what was used longest ago first. */
  async all(): Promise<CompiledModule[]> {
    const known = [...this.#kept.values()].map(async ({ code, module }) => ({ code, module: await module }));
    const compiled = await Promise.allSettled(known);
    return compiled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  }

  /** Keeps what was compiled elsewhere. */
  add({ code, module }: CompiledModule): void {
    this.#keep(fingerprint(code), { code, module: Promise.resolve(module) });
  }

  /** Calls back with each module that is compiled from now on, in place of a callback that was there. */
  onCompiled(tell: (compiled: CompiledModule) => void): void {
    this.#tell = tell;
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
    this.#keep(key, kept);
    kept.module.then(
      (module) => this.#tell?.({ code: own, module }),
      // The caller is told why.
      () => {
        if (this.#kept.get(key) === kept) this.#forget(key);
      },
    );
    return kept.module;
  }

  #keep(key: string, kept: Kept): void {
    this.#forget(key);
    this.#kept.set(key, kept);
    this.#size += kept.code.length;
    for (const [oldest] of this.#kept) {
      if (this.#size <= this.#most) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#size -= this.#kept.get(key)?.code.length ?? 0;
    this.#kept.delete(key);
  }
}

/** Bytes of code that are kept: v86.wasm has two million, and what it makes of a guest's boot as much again. */
export const MOST_KEPT = 16e6;

/** Those of this thread: guests that boot the same way have the same code. */
export const compiledHere = new CompiledModules(MOST_KEPT);

/** Of its length and all its words; different code seldom has the same. */
function fingerprint(code: Uint8Array): string {
  const view = viewOf(code);
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
