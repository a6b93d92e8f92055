/**
 * Settings of v86's translator, which makes WebAssembly functions of the guest's hot code. The browser compiles such
 * a function twice: at once and simply, and later, in the background, as well as it can.
 *
 * As v86 comes, a function spans up to three pages of code, and compiling it well takes a tenth of a second and more:
 * while a guest boots, the compiler's threads take more of a machine with two processors than the guest itself. A
 * function of one page is compiled in a fraction of that, and what it costs to go from one to another is less:
 * with two processors a boot to the shell takes a sixth less, and the first TPM commands after it half.
 */
import { compiledHere } from "./compiled-modules.ts";

/** The part of `emulator.v86.cpu` that is needed here. */
export interface Translating {
  /** v86's WebAssembly module, and the table through which it calls what was translated. */
  wm: {
    exports: { set_jit_config(index: number, value: number): void };
    wasm_table: WebAssembly.Table;
  };
  wasm_memory: WebAssembly.Memory;
  /** What translated code imports. */
  jit_imports: WebAssembly.ModuleImports;
  /**
   * Asks for a function to be put into the table, later.
   * @param index of the function
   * @param start address of the guest's code
   * @param at where in `wasm_memory` the module is that exports it as `f`, and its size
   */
  codegen_finalize(index: number, start: number, stateFlags: number, at: number, size: number): void;
  /** To be told that it is there. */
  codegen_finalize_finished(index: number, start: number, stateFlags: number): void;
  /** Throws all translated code away. */
  jit_clear_cache(): void;
}

/** v86's numbers of the settings: whether it is off, and how many pages are translated together at most. */
const JIT_DISABLED = 0;
const MAX_PAGES = 1;

/** The table's first entries are v86's own. */
const FIRST_TRANSLATED = 1024;

/** Has pages translated one by one, and what was translated kept. To be called before the machine runs. */
export function setUpTranslator(cpu: Translating): void {
  cpu.wm.exports.set_jit_config(MAX_PAGES, 1);
  keepTranslated(cpu);
}

/**
 * Has code that was translated before, in this machine or in another, run as it was compiled then: booting again takes
 * two thirds of the time.
 */
function keepTranslated(cpu: Translating): void {
  const { wasm_table } = cpu.wm;
  cpu.codegen_finalize = (index, start, stateFlags, at, size) => {
    const code = new Uint8Array(cpu.wasm_memory.buffer, at >>> 0, size >>> 0);
    // A failure is nobody's to mend: it is reported as one that was not handled.
    compiledHere
      .compile(code)
      .then((module) => WebAssembly.instantiate(module, { e: cpu.jit_imports }))
      .then(({ exports }) => {
        wasm_table.set(index + FIRST_TRANSLATED, exports.f);
        cpu.codegen_finalize_finished(index, start, stateFlags);
      });
  };
}

/** Has hot code translated, or everything interpreted. Not while a slice runs. */
export function setTranslation(cpu: Translating, on: boolean): void {
  cpu.wm.exports.set_jit_config(JIT_DISABLED, on ? 0 : 1);
  cpu.jit_clear_cache();
}
