/** What the engine tells the page. Plain data: the events cross threads. */
import type { BackendInfo } from "../backend/port.ts";

/** Times are milliseconds since 1970, so that they mean the same in every thread. */
export type EngineEvent =
  | {
      type: "commandstart";
      id: number;
      time: number;
      locality: number;
      request: Uint8Array;
      origin: "guest" | "page";
    }
  /** `response` is what the guest was given, also where the backend failed. */
  | { type: "command"; id: number; duration: number; response: Uint8Array }
  /** The TPM is powered on. */
  | { type: "on"; info: BackendInfo; label: string }
  /** The TPM has failed or could not be started; `message` says why. */
  | { type: "failed"; message: string }
  /** The power cycle of the n-th reset is over, well or not. */
  | { type: "reset"; count: number }
  | { type: "irq"; raised: boolean };

/** Where the TPM runs. */
export type BackendTarget =
  /** The project's bridge, e.g. "http://127.0.0.1:5173/tpm": it starts a swtpm for us. */
  | { kind: "bridge"; url: string }
  /** Two plain WebSocket-to-TCP proxies in front of a `swtpm socket` of the user's. */
  | { kind: "proxy"; control: string; data: string }
  /** swtpm in a hidden machine, reached through two message ports. */
  | { kind: "hidden"; control: MessagePort; data: MessagePort };

export interface EngineOptions {
  version: BackendInfo["version"];
  target: BackendTarget;
}
