/** Commands on their way to the TPM: told when they begin and end, and cancelled one by one. */
import type { TpmBackend } from "../backend/port.ts";
import type { EngineEvent } from "./events.ts";

export class Deliveries {
  readonly #emit: (event: EngineEvent) => void;
  #count = 0;
  /** Cancels the guest's command that was given out last. */
  #guest: AbortController | undefined;
  /** Cancel the commands that the TPM was given and has not answered, the one that runs first. */
  readonly #running = new Set<AbortController>();

  constructor(emit: (event: EngineEvent) => void) {
    this.#emit = emit;
  }

  /** Tells that a command begins; to be called with the response when it has ended. */
  record(
    locality: number,
    request: Uint8Array,
    origin: "guest" | "page",
  ): (response: Uint8Array | undefined) => void {
    const id = ++this.#count;
    const emit = this.#emit;
    const began = performance.now();
    // Copies: an event takes its bytes to another thread.
    const time = performance.timeOrigin + began;
    emit({ type: "commandstart", id, time, locality, request: request.slice(), origin });
    return (response) => {
      const duration = performance.now() - began;
      emit({ type: "command", id, duration, ...(response && { response: response.slice() }) });
    };
  }

  /** For a command of the guest's that is given out now: what cancels it, in place of the one before. */
  guestCommand(): AbortController {
    this.#guest = new AbortController();
    return this.#guest;
  }

  cancelGuest(): void {
    this.#guest?.abort();
  }

  /** Whoever's it is. */
  cancelRunning(): void {
    const [first] = this.#running;
    first?.abort();
  }

  async run(
    backend: TpmBackend,
    locality: number,
    command: Uint8Array,
    cancel = new AbortController(),
  ): Promise<Uint8Array> {
    this.#running.add(cancel);
    try {
      return await backend.deliver(locality, command, { signal: cancel.signal });
    } finally {
      this.#running.delete(cancel);
    }
  }
}
