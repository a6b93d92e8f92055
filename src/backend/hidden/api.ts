/** What the page calls in the hidden machine's worker, by comlink. */
import type { CompiledModule } from "../../machine/v86/compiled-modules.ts";
import type { HiddenImages } from "./machine.ts";

export interface HiddenWorkerApi {
  /** Answers as soon as the worker's event loop comes round. */
  ping(): void;
  /** Holds a Web Lock of this name for as long as the worker lives. @returns false where that cannot be had. */
  hold(lock: string): Promise<boolean>;
  /**
   * Restores the machine.
   * @param known WebAssembly that other machines like this have compiled
   * @param news gets each {@link CompiledModule} that this one adds
   * @returns the bytes of memory that it holds.
   */
  boot(images: HiddenImages, known: CompiledModule[], news: MessagePort): Promise<number>;
  /** Starts a swtpm and joins its channels to the ports, which close with the reason when that fails. */
  start(version: "2.0" | "1.2", control: MessagePort, data: MessagePort): Promise<void>;
}
