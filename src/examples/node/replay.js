// Replays a firmware's event log: npm run replay -- /sys/kernel/security/tpm0/binary_bios_measurements
import { readFile } from "node:fs/promises";
import { describeEvent, parseEventLog, replay } from "webtpm/eventlog";

const [file] = process.argv.slice(2);
if (!file) {
  console.error("usage: npm run replay -- FILE");
  process.exit(2);
}

const log = parseEventLog(await readFile(file));
for (const event of log.events) {
  const { name, text } = describeEvent(event, log);
  console.log(`PCR ${String(event.pcr).padStart(2)}  ${name}  ${text}`);
}
for (const { message, offset } of log.problems) console.log(`At byte ${offset}: ${message}.`);

console.log("\nReplayed, this gives:");
for (const { algorithm, values, extended } of replay(log)) {
  for (const pcr of extended)
    console.log(`  ${algorithm} ${pcr}: ${Buffer.from(values[pcr]).toString("hex")}`);
}
