/**
 * The firmware's measured boot on a host that is late, each time with another party: whatever it is that does not get to
 * run, for up to five seconds at every step of every command, the firmware sends the same commands and leaves the same
 * PCRs behind. Being late is a jump of the clock that the machine follows, so that a boot under it takes no longer.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { TpmBackend } from "../backend/port.ts";
import type { MmioDevice } from "../device/tis/ports.ts";
import { STS } from "../device/tis/registers.ts";
import { BUSY_STEP_MS, SLICE_MS } from "../machine/time/clock.ts";
import { DEFAULT_GRACE_MS } from "../machine/time/command-hold.ts";
import { type NativeBackend, startNativeBackend } from "../node/bridge/native-backend.ts";
import { readGuestImages } from "../node/tools/guest-images.ts";
import { createNodeMachine } from "../node/tools/node-machine.ts";
import { toHex } from "../protocol/bytes/hex.ts";
import { compareWithPcrs } from "../protocol/eventlog/compare-pcrs.ts";
import { parseEventLog } from "../protocol/eventlog/parse.ts";
import { replay } from "../protocol/eventlog/replay.ts";
import { attachTpm } from "./tpm.ts";

const images = await readGuestImages();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** For two boots of the firmware, on a busy machine. */
const BOOT_MS = 180_000;
/** How late, in milliseconds, in turn. */
const LATENESS = [200, 5000, 750, 2000];
/** Where it is late. */
const PARTIES = {
  "the page's thread, in the middle of the guest's code": "access",
  "the page's tasks, between two slices of guest code": "task",
  "the TPM's answer": "answer",
  "the start of the TPM's session": "open",
  "the guest, while it puts a command in or takes a response": "burst",
} as const;
type Party = (typeof PARTIES)[keyof typeof PARTIES];

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const STS_OFFSET = 0x18;
const FIFO_OFFSET = 0x24;

interface Boot {
  /** By name: some carry a random number of the firmware's. */
  commands: string[];
  pcrs: string[];
  log: string;
  /** The longest that a command took in the guest's eyes, in its milliseconds. */
  longest: number;
}

/** Boots the firmware until it finds nothing to boot. */
async function bootFirmware(version: "2.0" | "1.2", late?: Party): Promise<Boot> {
  let [offset, at, executing] = [0, 0, 0];
  const host = () => performance.now() + offset;
  const delay = (where: Party) => {
    if (where === late) offset += LATENESS[at++ % LATENESS.length] as number;
  };
  const { bios, vgaBios } = images;
  const machine = await createNodeMachine({ bios, vgaBios }, 64 << 20, host);
  let native: NativeBackend | undefined;
  const tpm = attachTpm(machine.bus, {
    version,
    open: async (state) => {
      for (let turns = 0; turns < 3; turns++) {
        delay("open");
        await turn();
      }
      native = await startNativeBackend({ version, ...(state && { state }) });
      const { backend, info } = native;
      return { backend: answeringLate(backend, () => delay("answer")), info, label: "swtpm here" };
    },
  });
  closing.push(
    () => tpm.close(),
    () => machine.emulator.destroy(),
    async () => native?.stop(),
  );

  let [started, longest, accesses] = [0, 0, 0];
  const tap = (device: MmioDevice): MmioDevice => ({
    read(address, size) {
      if (executing > 0) delay("access");
      else if ((address & 0xfff) === FIFO_OFFSET && accesses++ % 8 === 0) delay("burst");
      const value = device.read(address, size);
      if (executing > 0 && (address & 0xfff) === STS_OFFSET && value & STS.DATA_AVAIL) {
        longest = Math.max(longest, machine.bus.clock.now() - started);
        executing = 0;
      }
      return value;
    },
    write(address, size, value) {
      if ((address & 0xfff) === FIFO_OFFSET && accesses++ % 8 === 0) delay("burst");
      if ((address & 0xfff) === STS_OFFSET && value & STS.TPM_GO) {
        executing = 1;
        started = machine.bus.clock.now();
      }
      device.write(address, size, value);
    },
  });
  tpm.tap((device) => tap(device));
  await tpm.ready;
  machine.bus.resume();
  while (!machine.firmwareLog.some((line) => line.includes("No bootable device"))) {
    if (executing > 0) delay("task");
    await turn();
  }
  const bytes = tpm.eventLog();
  const log = parseEventLog(bytes);
  expect(log.problems).toEqual([]);
  // A reading that was under way has begun before the last command.
  await tpm.pcrs();
  const banks = await tpm.pcrs();
  const wrong = compareWithPcrs(replay(log), banks).filter(({ result }) => result === "differs");
  expect(wrong.map(({ algorithm, pcr, reason }) => `${algorithm}:${pcr} ${reason}`)).toEqual([]);
  return {
    commands: tpm.commands.filter(({ origin }) => origin === "guest").map(({ name }) => name),
    pcrs: banks.flatMap(({ algorithm, values }) =>
      values.map((value, pcr) => `${algorithm}:${pcr} ${toHex(value)}`),
    ),
    log: toHex(bytes),
    longest,
  };
}

/** The same TPM, whose answers come some turns of the event loop later. */
function answeringLate(backend: TpmBackend, late: () => void): TpmBackend {
  const deliver = backend.deliver.bind(backend);
  backend.deliver = async (...delivery) => {
    const response = await deliver(...delivery);
    for (let turns = 0; turns < 5; turns++) {
      late();
      await turn();
    }
    return response;
  };
  return backend;
}

describe.each(["2.0", "1.2"] as const)("a starved host, TPM %s", (version) => {
  let usual: Boot | undefined;
  it.each(Object.entries(PARTIES))(
    "late is %s: the firmware measures as always",
    { timeout: BOOT_MS },
    async (_, party) => {
      usual ??= await bootFirmware(version);
      expect(usual.commands.length).toBeGreaterThan(10);
      const boot = await bootFirmware(version, party);
      expect(boot.commands).toEqual(usual.commands);
      expect(boot.pcrs).toEqual(usual.pcrs);
      expect(boot.log).toBe(usual.log);
      // A step before the driver's first look, and one until it has read the answer.
      expect(boot.longest).toBeLessThan(DEFAULT_GRACE_MS + SLICE_MS + 2 * BUSY_STEP_MS);
    },
  );
});
