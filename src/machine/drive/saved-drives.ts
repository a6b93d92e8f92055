/** Which drives a saved machine has, looked up in v86's saved state before the state is given to an emulator. */
import { viewOf } from "../../protocol/bytes/view.ts";
import { type Drive, type SavedDrive, savedDrive } from "./drive.ts";
import { DriveError } from "./source.ts";

/** v86's saved state (npm `v86`, `state.js`): four words, the last of them a JSON text's length, and the text. */
const MAGIC = 0x86768676;
const TEXT_AT = 16;
const LENGTH_AT = 12;

/** Drives of this project's own in a state of v86's; none in anything else, and of what was saved without them. */
export function savedDrives(state: Uint8Array): SavedDrive[] {
  const view = viewOf(state);
  if (state.length < TEXT_AT || view.getUint32(0, true) !== MAGIC) return [];
  const text = state.subarray(TEXT_AT, TEXT_AT + view.getUint32(LENGTH_AT, true));
  const found: SavedDrive[] = [];
  const look = (value: unknown) => {
    if (typeof value !== "object" || value === null) return;
    const drive = Array.isArray(value) ? savedDrive(value) : undefined;
    if (drive) found.push(drive);
    else for (const inner of Object.values(value)) look(inner);
  };
  try {
    look(JSON.parse(new TextDecoder().decode(text)));
  } catch {
    return []; // the emulator says what is wrong with it
  }
  return found;
}

/** @throws {DriveError} when one that the saved machine has is not among these; it says which, and what to do. */
export function mustHaveDrives(drives: readonly Pick<Drive, "name" | "isOf">[], state: Uint8Array): void {
  for (const saved of savedDrives(state)) {
    if (drives.some((drive) => drive.isOf(saved))) continue;
    const { name, size } = saved;
    const other = drives.find((drive) => drive.name === name);
    throw new DriveError(
      other
        ? `the saved machine's drive is ${name}, of ${size} bytes, as it was then: it has changed since. Put that one back, then go back`
        : `the saved machine has a drive ${name}, of ${size} bytes, and this one has not: choose that file again, then go back`,
      "changed",
    );
  }
}
