/** What the engine tells the page, and what it is told to begin with. Plain data: all of it crosses threads. */
import type { Failure } from "../backend/failure.ts";
import type { BackendInfo, TpmState } from "../backend/port.ts";
import type { DeviceSnapshot, InterfaceMove } from "../device/frontend/port.ts";
import type { PcrBank } from "../protocol/tpm2/pcr-bank.ts";

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
  /** `response` is what the guest was given, also where the backend failed; none when the TPM was reset meanwhile. */
  | { type: "command"; id: number; duration: number; response?: Uint8Array }
  /** The TPM was switched on, or off and on at the n-th reset: `on` says who serves, or else `error` what is wrong. */
  | { type: "power"; reset: number; on?: PoweredOn; error?: Failure }
  /** The TPM has failed while it was on. */
  | { type: "failed"; error: Failure }
  /** Something happened to the TPM that the guest does not see. @property label who serves now, where that is another. */
  | { type: "notice"; message: string; label?: string }
  /** New values, read after a guest's command that may have changed some. */
  | { type: "pcrs"; banks: PcrBank[] }
  /** The interrupt line has moved: whoever has a copy of the device is to look at it. */
  | { type: "irq" }
  /** The register interface moved: the last moves of a tenth of a second. Told only while somebody watches. */
  | { type: "moves"; moves: { time: number; move: InterfaceMove }[] };

export interface PoweredOn {
  info: BackendInfo;
  /** Who serves and where, for people. */
  label: string;
}

/** Where the TPM runs. */
export type BackendTarget =
  /** The project's bridge, e.g. "http://127.0.0.1:5173/tpm": it starts a swtpm for us. The first that answers serves. */
  | { kind: "bridge"; urls: readonly string[] }
  /** Two plain WebSocket-to-TCP proxies in front of a `swtpm socket` of the user's. */
  | { kind: "proxy"; control: string; data: string }
  /** swtpm in a hidden machine, reached through two message ports. */
  | { kind: "hidden"; control: MessagePort; data: MessagePort };

export interface EngineOptions {
  version: BackendInfo["version"];
  target: BackendTarget;
  /** Name of the register interface; "tis" by default. */
  frontEnd?: string;
  /** A TPM whose bridge is lost goes on at the next one that answers, as it was; else it has failed. */
  reconnect?: boolean;
  /** A new TPM that is to be kept gets what its maker would give it. */
  factory?: boolean;
  /** Number of the reset that the first power-on belongs to; 0 for none. */
  reset: number;
}

/** Everything that a TPM is, between two accesses of a machine that is held. */
export interface TpmSnapshot {
  device: DeviceSnapshot;
  tpm: TpmState;
}
