/** A drive that cannot be read stops the guest, not the page: it says why, and the guest goes on from that very read. */
import type { MachineBus } from "../../machine/bus.ts";
import type { Drive } from "../../machine/drive/drive.ts";
import type { DriveError } from "../../machine/drive/source.ts";
import type { Notices } from "./notices.ts";
import * as troubles from "./troubles.ts";

/** The reason under which the machine is held. */
const HOLD_REASON = "its drive cannot be read";

/**
 * @param bootAgain makes the machine anew
 * @returns ends it.
 */
export function watchDrives(
  drives: readonly Drive[],
  bus: Pick<MachineBus, "hold">,
  notices: Pick<Notices, "show" | "dismiss">,
  bootAgain: () => void,
): () => void {
  const waiting = new Set<() => void>();
  let release: (() => void) | undefined;
  const goOn = () => {
    notices.dismiss("drive");
    release?.();
    release = undefined;
    const reads = [...waiting];
    waiting.clear();
    for (const read of reads) read();
  };
  for (const drive of drives) {
    drive.onTrouble = (error: DriveError, retry: () => void) => {
      waiting.add(retry);
      // The guest's driver would run into its time limits, and take the drive for broken.
      release ??= bus.hold(HOLD_REASON);
      notices.show(troubles.driveTrouble(error, goOn, bootAgain));
    };
    // Told when this watch is over: a drive closes behind the machine.
    drive.onLoss = (error) => notices.show(troubles.writesLost(error));
  }
  return () => {
    for (const drive of drives) drive.onTrouble = undefined;
    release?.();
    waiting.clear();
    notices.dismiss("drive");
  };
}
