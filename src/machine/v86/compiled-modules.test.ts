import { afterEach, expect, test, vi } from "vitest";
import { CompiledModules } from "./compiled-modules.ts";

/** A module with a function `f` that gives `value`, and as many bytes again as `padding`. */
function giving(value: number, padding = 0): Uint8Array<ArrayBuffer> {
  const name = [1, 0x78]; // "x"
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 5, 1, 0x60, 0, 1, 0x7f], // type: () -> i32
    ...[3, 2, 1, 0], // one function
    ...[7, 5, 1, 1, 0x66, 0, 0], // exported as "f"
    ...[10, 6, 1, 4, 0, 0x41, value, 0x0b], // i32.const value
    ...[0, name.length + padding, ...name, ...new Array<number>(padding).fill(0)], // a custom section
  ]);
}

const f = async (module: Promise<WebAssembly.Module>) =>
  ((await WebAssembly.instantiate(await module)).exports.f as () => number)();

afterEach(() => void vi.restoreAllMocks());

test("what was compiled is kept, whoever has its bytes", async () => {
  const compile = vi.spyOn(WebAssembly, "compile");
  const modules = new CompiledModules(1000);
  const first = modules.compile(giving(7));
  const memory = new Uint8Array(200);
  memory.set(giving(7), 33);
  const second = modules.compile(memory.subarray(33, 33 + giving(7).length));
  expect(await second).toBe(await first);
  expect(await f(second)).toBe(7);
  expect(compile).toHaveBeenCalledOnce();
});

test("other code is another module, and bytes that change afterwards change nothing", async () => {
  const modules = new CompiledModules(1000);
  const code = giving(7);
  const seven = modules.compile(code);
  code.set(giving(8));
  const eight = modules.compile(code);
  code.fill(0);
  expect([await f(seven), await f(eight)]).toEqual([7, 8]);
});

test("what was used longest ago goes first, and no more is kept than was asked for", async () => {
  const compile = vi.spyOn(WebAssembly, "compile");
  const { length } = giving(0);
  const modules = new CompiledModules(2 * length);
  for (const value of [1, 2, 1, 3]) await modules.compile(giving(value));
  expect(modules.size).toBe(2 * length);
  expect(compile).toHaveBeenCalledTimes(3);
  await modules.compile(giving(1));
  expect(compile).toHaveBeenCalledTimes(3);
  await modules.compile(giving(2));
  expect(compile).toHaveBeenCalledTimes(4);
  // Larger than all that may be kept: given, not kept.
  expect(await f(modules.compile(giving(9, 2 * length)))).toBe(9);
  expect(modules.size).toBe(0);
});

test("what one thread has compiled, another begins with", async () => {
  const worker = new CompiledModules(1000);
  const page = new CompiledModules(1000);
  worker.onCompiled((compiled) => page.add(structuredClone(compiled)));
  await worker.compile(giving(5));
  await worker.compile(giving(5));
  await expect(worker.compile(Uint8Array.of(1))).rejects.toThrow(WebAssembly.CompileError);
  const known = await page.all();
  expect(known.map(({ code }) => code)).toEqual([giving(5)]);

  const compile = vi.spyOn(WebAssembly, "compile");
  const next = new CompiledModules(1000);
  for (const compiled of known) next.add(compiled);
  expect(await f(next.compile(giving(5)))).toBe(5);
  expect(compile).not.toHaveBeenCalled();
});

test("code that is none is refused, and not remembered", async () => {
  const modules = new CompiledModules(1000);
  await expect(modules.compile(Uint8Array.of(1, 2, 3))).rejects.toThrow(WebAssembly.CompileError);
  await expect(modules.compile(Uint8Array.of(1, 2, 3))).rejects.toThrow(WebAssembly.CompileError);
  expect(modules.size).toBe(0);
});
