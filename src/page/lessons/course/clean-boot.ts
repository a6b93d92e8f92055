/** Whether the machine is as a boot of the standard command line has left it: what sealing and comparing begin with. */
import { describeEvent } from "../../../protocol/eventlog/index.ts";
import { type Finding, met, missing } from "../lesson.ts";
import { pcrValue, type World } from "../world.ts";

/** What lessons add to the command line: somebody's own init, which the later one hides, and a harmless word. */
export const EVIL = "init=/bin/evil init=/init";
export const TAMPERED = "tampered=1";

/** The kernel's command line as the log tells it, in words. */
function commandLine({ log }: World): string {
  const event = log?.log.events.find(({ pcr }) => pcr === 8);
  return event ? describeEvent(event, log?.log).text : "";
}

export function cleanBoot(world: World): Finding {
  if (!world.shell || world.family !== "2.0") return missing("Linux is not up.");
  const line = commandLine(world);
  if (line.includes(EVIL) || line.includes(TAMPERED))
    return missing("This boot is a tampered one. Boot the good command line.");
  const value = pcrValue(world, "sha256", 8);
  if (!value) return missing("The page has not read the PCRs yet.");
  if (!world.log) return missing("There is no event log yet.");
  const wrong = world.log.comparison.find(({ result }) => result === "differs");
  if (wrong) return missing(`PCR ${wrong.pcr} was extended since the boot. Boot the good command line.`);
  return met("So it is.");
}
