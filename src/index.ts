/**
 * WebTPM for pages of one's own: make a v86 machine (or bring one), attach a TPM, watch what happens.
 *
 * Beside this entry there are the device alone (`tis`), TPM messages (`tpm2`), event logs (`eventlog`), the device
 * worker (`worker`, for bundlers that do not find it by themselves) and the bridge for Node (`bridge`).
 */
import wasm from "v86/build/v86.wasm?url";

export { TpmUnableError } from "./backend/errors.ts";
export type { Failure, FailureCode } from "./backend/failure.ts";
export type { BackendCapabilities, StateBlob, TpmKeep, TpmState } from "./backend/port.ts";
export type { DeviceSnapshot, FrontEnd, FrontEndDevice } from "./device/frontend/port.ts";
export type { AccessSize, MmioDevice, TpmVersion } from "./device/tis/ports.ts";
export type { MachineBus, MmioWindow } from "./machine/bus.ts";
export { createGuestClock, WasmLoadError } from "./machine/time/clock.ts";
export { MachineCrashError } from "./machine/time/slices.ts";
export { createV86, MachineLoadError } from "./machine/v86/create-v86.ts";
export { attachV86, V86Bus } from "./machine/v86/v86.ts";
export { V86VersionError } from "./machine/v86/v86-internals.ts";
export { TpmBusyError, TpmFailedError } from "./session/errors.ts";
export {
  fetchHidden,
  type HiddenProgress,
  type LoadedHiddenImages,
  loadHiddenImages,
} from "./session/images/hidden.ts";
export { ImageLoadError, loadImage, loadManifest } from "./session/images/load.ts";
export type { ImageFile, ImageManifest } from "./session/images/manifest.ts";
export type { OpenTpm } from "./session/placement.ts";
export {
  type MachineState,
  measurements,
  restoreSnapshot,
  type SnapshotParts,
  startPrepared,
  takeSnapshot,
} from "./session/snapshot.ts";
export { attachTpm, BRIDGE_PATH, Tpm, type TpmAttachOptions, type TpmBackendOptions } from "./session/tpm.ts";
export type {
  BackendKind,
  CommandRecord,
  PcrBank,
  Placement,
  TpmEvents,
  TpmHandle,
  TpmStatus,
} from "./session/types.ts";
export type { TpmSnapshot } from "./worker/events.ts";

/** Address of the v86.wasm that comes with this library, for {@link createV86}: that of the v86 version that it fits. */
export const V86_WASM: string = wasm;
