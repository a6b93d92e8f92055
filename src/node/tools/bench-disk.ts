/**
 * A whole system from its disk: the Debian disk to its login prompt, and how fast its disk is read, here in Node and in
 * QEMU (TCG), each with a swtpm, in turns.
 */
import { type Row, ratios } from "./bench-table.ts";
import { bootInNode } from "./boot.ts";
import { debianDisk } from "./debian-guest.ts";
import { startQemu } from "./qemu-machine.ts";

const LIMIT_MS = 900_000;
const LOGIN = "login: ";
const SHELL = "# ";
const READ_MIB = 64;
/** Past the page cache; the first megabytes of the disk have been read by then, others not. */
const READ = `dd if=/dev/sda of=/dev/null bs=1M count=${READ_MIB} skip=600 iflag=direct 2>/dev/null; echo re''ad\n`;
const READ_DONE = "read\r\n";

interface DiskTimes {
  loginMs: number;
  megabytesPerSecond: number;
}

/** A guest at a serial port: what is waited for is noted when it comes. */
interface Guest {
  send(text: string): void;
  expect(text: string): Promise<unknown>;
}

async function timeGuest(guest: Guest, began: number): Promise<DiskTimes> {
  await guest.expect(LOGIN);
  const loginMs = performance.now() - began;
  guest.send("root\n");
  await guest.expect(SHELL);
  const from = performance.now();
  guest.send(READ);
  await guest.expect(READ_DONE);
  return { loginMs, megabytesPerSecond: (READ_MIB * 2 ** 20) / 1e3 / (performance.now() - from) };
}

async function timeOurs(): Promise<DiskTimes> {
  const { hda, memorySize } = await debianDisk();
  const began = performance.now();
  const machine = await bootInNode({ hda, memorySize });
  const { serial } = machine;
  try {
    const expect = (text: string) => serial.expect(text, LIMIT_MS);
    return await timeGuest({ send: (text) => serial.send(text), expect }, began);
  } finally {
    await machine.close();
  }
}

async function timeTheirs(): Promise<DiskTimes> {
  const { path, memorySize } = await debianDisk();
  const drive = `if=ide,format=raw,snapshot=on,file=${path}`;
  const qemu = await startQemu({ memorySize, files: {}, args: () => ["-vga", "std", "-drive", drive] });
  try {
    const expect = (text: string) => qemu.watch.expect([text], LIMIT_MS);
    return await Promise.race([timeGuest({ send: qemu.send, expect }, qemu.began), qemu.ended]);
  } finally {
    await qemu.close();
  }
}

/** @throws {ImagesMissingError} when the disk has not been made. */
export async function diskRows({
  turns,
  say,
}: {
  turns: number;
  say: (line: string) => void;
}): Promise<Row[]> {
  const ours: DiskTimes[] = [];
  const theirs: DiskTimes[] = [];
  for (let turn = 0; turn < turns; turn++) {
    say(`The Debian disk, ${turn + 1} of ${turns} ...`);
    const steps = [
      async () => void ours.push(await timeOurs()),
      async () => void theirs.push(await timeTheirs()),
    ];
    for (const step of turn % 2 === 0 ? steps : steps.reverse()) await step();
  }
  const login = (times: DiskTimes[]) => times.map(({ loginMs }) => loginMs);
  const speed = (times: DiskTimes[]) => times.map(({ megabytesPerSecond }) => megabytesPerSecond);
  return [
    { name: "Debian's disk to its login", unit: "ms", values: login(ours) },
    { name: "the same in QEMU", unit: "ms", values: login(theirs) },
    { name: "here to QEMU", unit: "x", values: ratios(login(ours), login(theirs)), bar: { atMost: 1.3 } },
    { name: "reading its disk", unit: "MB/s", values: speed(ours) },
    { name: "the same in QEMU", unit: "MB/s", values: speed(theirs) },
    {
      name: "QEMU's reading to ours",
      unit: "x",
      values: ratios(speed(theirs), speed(ours)),
      bar: { atMost: 2 },
    },
  ];
}
