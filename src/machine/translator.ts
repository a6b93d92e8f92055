/**
 * Settings of v86's translator, which makes WebAssembly functions of the guest's hot code. The browser compiles such
 * a function twice: at once and simply, and later, in the background, as well as it can.
 *
 * As v86 comes, a function spans up to three pages of code, and compiling it well takes a tenth of a second and more:
 * while a guest boots, the compiler's threads take more of a machine with two processors than the guest itself. A
 * function of one page is compiled in a fraction of that, and what it costs to go from one to another is less:
 * with two processors a boot to the shell takes a sixth less, and the first TPM commands after it half.
 */

/** The part of `emulator.v86.cpu` that is needed here. */
export interface Translating {
  /** v86's WebAssembly module. */
  wm: { exports: { set_jit_config(index: number, value: number): void } };
  /** Throws all translated code away. */
  jit_clear_cache(): void;
}

/** v86's numbers of the settings: whether it is off, and how many pages are translated together at most. */
const JIT_DISABLED = 0;
const MAX_PAGES = 1;

/** Has pages translated one by one. */
export function translatePagesAlone(cpu: Translating): void {
  cpu.wm.exports.set_jit_config(MAX_PAGES, 1);
}

/** Has hot code translated, or everything interpreted. Not while a slice runs. */
export function setTranslation(cpu: Translating, on: boolean): void {
  cpu.wm.exports.set_jit_config(JIT_DISABLED, on ? 0 : 1);
  cpu.jit_clear_cache();
}
