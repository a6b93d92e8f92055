/** The access tap that records: what stands between guest or page and device while somebody wants to know. */

import type { AccessSize, MmioDevice } from "../../device/frontend/port.ts";
import type { AccessTap } from "../types.ts";
import { packAccess } from "./access.ts";
import { AccessClock } from "./clock.ts";
import type { CommandSpans } from "./commands.ts";
import type { TraceRing } from "./ring.ts";

/** Looks at an access of the guest's that has just been made; `meaning` is what it meant for a command. */
export type AccessLook = (sequence: number, word: number, value: number, meaning: number) => void;

export interface RecordingTapParts {
  ring: TraceRing;
  commands: CommandSpans;
  /** `performance.now()` milliseconds. */
  now: () => number;
  /** Whose slices tell when the time has to be looked up anew. */
  machine?: { readonly slices?: number } | undefined;
  /** As `interfaceMark` gives it. */
  through?: number | undefined;
  /** Without it nobody looks, and a write is noted before it is made. */
  look?: AccessLook | undefined;
}

/** A tap that puts each access into the ring and among the commands. */
export function recordingTap({ ring, commands, now, machine, through, look }: RecordingTapParts): AccessTap {
  return (device, origin) => {
    const byGuest = origin === "guest";
    const clock = new AccessClock(now, byGuest ? machine : undefined);
    const looks = byGuest ? look : undefined;
    const note = (address: number, size: AccessSize, write: boolean, value: number) => {
      const word = packAccess(address, size, write, origin, through);
      const time = clock.time(word);
      const sequence = ring.push(time, word, value);
      const meaning = commands.access(sequence, time, word, value);
      if (looks) looks(sequence, word, value, meaning);
    };
    const read: MmioDevice["read"] = (address, size) => {
      const value = device.read(address, size);
      note(address, size, false, value);
      return value;
    };
    if (looks) {
      // Where the machine stops at a write, the write has been made.
      return {
        read,
        write(address, size, value) {
          device.write(address, size, value);
          note(address, size, true, value);
        },
      };
    }
    return {
      read,
      write(address, size, value) {
        note(address, size, true, value);
        device.write(address, size, value);
      },
    };
  };
}
