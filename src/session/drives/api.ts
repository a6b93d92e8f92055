/** What the worker of a drive does for the page. */
import type { DriveHead, SectorWrite } from "../../machine/drive/log.ts";

/** Where a kept drive is. */
export interface DrivePlace {
  /** Id of its machine. */
  machineId: string;
  head: DriveHead;
}

export interface DriveSizes {
  /** Bytes of the drive that were written. */
  written: number;
  /** What keeping them takes. */
  stored: number;
}

export interface DriveWorkerApi {
  /** Opens what is kept of the drive, or begins it. @throws {DriveError} */
  open(place: DrivePlace): Promise<DriveSizes>;
  overlay(start: number, data: Uint8Array): Uint8Array;
  write(writes: readonly SectorWrite[]): DriveSizes;
  flush(): void;
  /** Numbers of the pieces of so many bytes, a multiple of a sector, in which anything was written. */
  clusters(bytes: number): Float64Array;
  save(limit: number): SectorWrite[];
  replace(writes: readonly SectorWrite[]): Promise<DriveSizes>;
  close(): void;
}
