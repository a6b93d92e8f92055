/**
 * Gathers the engine's events on their way to the page, whose thread runs the guest: one message for many short
 * commands. What the page has to act upon is sent at once, together with all that came before it.
 */
import type { EngineEvent } from "./events.ts";

/** How long a short command may be kept back, in milliseconds: about a frame. */
export const BATCH_MS = 16;

export class EventBatch {
  readonly #send: (events: EngineEvent[], transfer: ArrayBufferLike[]) => void;
  #events: EngineEvent[] = [];
  /** Commands whose start the page knows, and whose end it waits for. */
  readonly #told = new Set<number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (events: EngineEvent[], transfer: ArrayBufferLike[]) => void) {
    this.#send = send;
  }

  push(event: EngineEvent): void {
    this.#events.push(event);
    const short = event.type === "commandstart" || (event.type === "command" && !this.#told.has(event.id));
    if (!short) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  /** Sends what was gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#events;
    if (events.length === 0) return;
    this.#events = [];
    for (const event of events) {
      if (event.type === "commandstart") this.#told.add(event.id);
      else if (event.type === "command") this.#told.delete(event.id);
    }
    this.#send(events, events.flatMap(messageBytes));
  }
}

function messageBytes(event: EngineEvent): ArrayBufferLike[] {
  if (event.type === "commandstart") return [event.request.buffer];
  return event.type === "command" && event.response ? [event.response.buffer] : [];
}
