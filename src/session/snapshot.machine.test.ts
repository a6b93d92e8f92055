/**
 * Snapshots of a machine with a real guest, swtpm and v86, taken in every state of the device and put back into a
 * machine and a TPM made anew: the guest's driver goes on, and the TPM is as it was.
 *
 * Needs the images (`npm run images`) and swtpm. About a minute with the small kernel.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { SwtpmBackend } from "../backend/swtpm-backend.ts";
import { type MmioDevice, TIS_BASE } from "../device/tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../device/tis/registers.ts";
import type { TisState } from "../device/tis/states.ts";
import { type SwtpmChild, spawnSwtpm } from "../node/bridge/swtpm-process.ts";
import { readGuestImages } from "../node/tools/guest-images.ts";
import { createNodeMachine, type NodeMachine } from "../node/tools/node-machine.ts";
import { fromHex, toHex } from "../protocol/bytes/hex.ts";
import { parseEventLog } from "../protocol/eventlog/parse.ts";
import { build } from "../protocol/tpm2/index.ts";
import { parsePcrRead, responseCode } from "../protocol/tpm2/parse.ts";
import { type MachineState, restoreSnapshot, takeSnapshot } from "./snapshot.ts";
import { attachTpm, type Tpm } from "./tpm.ts";

const BOOT_MS = 40_000;
const RUN_MS = 40_000;

interface Machine extends NodeMachine {
  tpm: Tpm;
  /** Lets swtpm's process stand still, or go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  end(): Promise<void>;
}

const images = await readGuestImages();

async function makeMachine(): Promise<Machine> {
  const machine = await createNodeMachine(images, images.memorySize);
  const children: SwtpmChild[] = [];
  const tpm = attachTpm(machine.bus, {
    open: async (state) => {
      const child = await spawnSwtpm({ version: "2.0" });
      children.push(child);
      const backend = new SwtpmBackend(child.channels, { version: "2.0", owned: true });
      return { backend, info: await backend.start(state ? { state } : {}), label: "swtpm here" };
    },
  });
  await tpm.ready;
  const end = async () => {
    await machine.emulator.destroy();
    await tpm.close();
    await Promise.all(children.map((child) => child.stop()));
  };
  const signal = (name: NodeJS.Signals) => void process.kill(children.at(-1)!.pid, name);
  return { ...machine, tpm, signal, end };
}

const register = ({ offset }: { offset: number }, locality = 0) => TIS_BASE + locality * 0x1000 + offset;
const { ACCESS: access, STS: sts, DATA_FIFO: fifo } = REGISTERS;

/** Resolves with the machine held, right after the first access for which `here` holds. */
function stopAt(
  { tpm, bus }: Machine,
  here: (address: number, wrote: boolean) => boolean,
): Promise<() => void> {
  return new Promise((resolve) => {
    const look = (address: number, wrote: boolean) => {
      if (!here(address, wrote)) return;
      tpm.tap(undefined);
      const release = bus.hold("test");
      bus.endSlice();
      bus.settled().then(() => resolve(release));
    };
    const tap = (device: MmioDevice, origin: "guest" | "page"): MmioDevice =>
      origin === "page"
        ? device
        : {
            read(address, size) {
              const value = device.read(address, size);
              look(address, false);
              return value;
            },
            write(address, size, value) {
              device.write(address, size, value);
              look(address, true);
            },
          };
    tpm.tap(tap);
  });
}

/** After so many writes (or reads) of the FIFO. */
function fifoAccesses(count: number, writes: boolean): (address: number, wrote: boolean) => boolean {
  let seen = 0;
  return (address, wrote) => address === register(fifo) && wrote === writes && ++seen === count;
}

const STEPS = 16;
const digest = (step: number) => String(step).padStart(64, "0");
/** PCR 16 after so many steps. */
const pcrAfter = (steps: number) =>
  toHex(
    Array.from({ length: steps }, (_, i) => fromHex(digest(i + 1))).reduce<Uint8Array>(
      (value, next) => createHash("sha256").update(value).update(next).digest(),
      new Uint8Array(32),
    ),
  );

const SCRIPT = `i=0; while [ $i -lt ${STEPS} ]; do i=$((i+1)); tpm2_pcrextend 16:sha256=$(printf %064d $i) || break; done; echo @''done $i@`;

/** The page's own command at a locality, up to tpmGo or as far as `bytes` of it. */
function pageSends(tpm: Tpm, locality: number, command: Uint8Array): void {
  tpm.write(register(sts, locality), 1, STS.COMMAND_READY);
  for (const byte of command) tpm.write(register(fifo, locality), 1, byte);
}

async function pageReceives(tpm: Tpm, locality: number): Promise<Uint8Array> {
  const status = () => tpm.read(register(sts, locality), 4);
  await vi.waitUntil(() => (status() & STS.DATA_AVAIL) !== 0, { interval: 5, timeout: 20_000 });
  const bytes: number[] = [];
  while (status() & STS.DATA_AVAIL) bytes.push(tpm.read(register(fifo, locality), 1));
  return Uint8Array.from(bytes);
}

const PCR_READ = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [16] }]);

interface Taken {
  name: string;
  state: MachineState;
  /** The guest has yet to boot. */
  boots?: true;
  /** What the page left undone at a locality, to be finished after the snapshot was put back. */
  finish?: (tpm: Tpm) => Promise<void>;
}

/** What is in the TPM: objects, and sessions whose context the guest has. */
const HELD = "for kind in transient loaded-session saved-session; do tpm2_getcap handles-$kind; done";

let original: Machine;
let held = "";
const taken: Taken[] = [];
beforeAll(async () => {
  original = await makeMachine();
  const first = stopAt(original, (address, wrote) => wrote && address === register(access));
  original.bus.setPrecise(true);
  original.bus.resume();
  const release = await first;
  original.bus.setPrecise(false);
  expect(original.tpm.state(0)).toBe("idle");
  taken.push({ name: "idle, in the firmware", state: await takeSnapshot(original), boots: true });
  release();
  await original.serial.expect(images.prompt, BOOT_MS);
  // An object and a session stay in the TPM, past the resource manager.
  const { output } = await original.serial.run(
    "export TPM2TOOLS_TCTI=device:/dev/tpm0; tpm2_createprimary -Q -C o -G ecc -c /tmp/p.ctx; tpm2_startauthsession -S /tmp/s.ctx --policy-session",
    RUN_MS,
  );
  expect(output).toBe("");
  held = (await original.serial.run(HELD, RUN_MS)).output;
  expect(held).toMatch(/0x80000000\n- 0x[23]000000/);
}, BOOT_MS + RUN_MS);
afterAll(() => original?.end());

describe("a snapshot", () => {
  it(
    "is taken in each state, and the machine that it is taken of goes on",
    async () => {
      const { serial, tpm } = original;
      const take = async (
        name: string,
        expected: TisState,
        at: (address: number, wrote: boolean) => boolean,
      ) => {
        const release = await stopAt(original, at);
        expect(`${name}: ${tpm.state(0)}`).toBe(`${name}: ${expected}`);
        taken.push({ name, state: await takeSnapshot(original) });
        release();
      };
      serial.send(`${SCRIPT}\n`);
      await take(
        "ready",
        "ready",
        (address, write) => write && address === register(sts) && tpm.state(0) === "ready",
      );
      await take("first bytes of a command", "reception", fifoAccesses(3, true));
      await take("middle of a command", "reception", fifoAccesses(40, true));
      const release = await stopAt(original, (_, write) => {
        if (write && tpm.state(0) === "reception") original.signal("SIGSTOP");
        return write && tpm.state(0) === "execution";
      });
      expect(tpm.state(0)).toBe("execution");
      // The command ends first: nobody could take it along.
      const taking = takeSnapshot(original);
      original.signal("SIGCONT");
      const state = await taking;
      expect(tpm.state(0)).toBe("completion");
      taken.push({ name: "executing", state });
      release();
      await take("first bytes of a response", "completion", fifoAccesses(1, false));
      await take("middle of a response", "completion", fifoAccesses(12, false));
      const free = () => (tpm.peek(register(access), 1) & ACCESS.ACTIVE_LOCALITY) === 0;
      await take(
        "between two commands",
        "idle",
        (address, write) => write && address === register(access) && free(),
      );
      expect((await serial.expect(/@done (\d+)@/, RUN_MS))[1]).toBe(String(STEPS));
      await serial.expect(images.prompt, RUN_MS);
      const banks = await tpm.pcrs();
      expect(toHex(banks.find(({ algorithm }) => algorithm === "sha256")!.values[16]!)).toBe(pcrAfter(STEPS));
    },
    2 * RUN_MS,
  );

  it(
    "is taken at each locality in the middle of a command, and seized",
    async () => {
      const { tpm, bus, serial } = original;
      for (const locality of [0, 1, 2, 3]) {
        const release = bus.hold("test");
        await bus.settled();
        tpm.write(register(access, locality), 1, ACCESS.REQUEST_USE);
        pageSends(tpm, locality, PCR_READ.subarray(0, 8));
        expect(tpm.state(locality)).toBe("reception");
        const state = await takeSnapshot(original);
        const finish = async (one: Tpm) => {
          expect(one.state(locality)).toBe("reception");
          for (const byte of PCR_READ.subarray(8)) one.write(register(fifo, locality), 1, byte);
          one.write(register(sts, locality), 1, STS.TPM_GO);
          const { values } = parsePcrRead(await pageReceives(one, locality));
          expect(toHex(values[0]!.digest)).toBe(pcrAfter(STEPS));
          one.write(register(sts, locality), 1, STS.COMMAND_READY);
          one.write(register(access, locality), 1, ACCESS.ACTIVE_LOCALITY);
        };
        taken.push({ name: `locality ${locality}`, state, finish });
        await finish(tpm);
        release();
      }
      const release = bus.hold("test");
      await bus.settled();
      tpm.write(register(access, 1), 1, ACCESS.REQUEST_USE);
      tpm.write(register(access, 3), 1, ACCESS.SEIZE);
      const seized = (one: Tpm) => [1, 3].map((locality) => one.peek(register(access, locality), 1) & 0x7f);
      const bits = seized(tpm);
      expect(bits[0]! & ACCESS.BEEN_SEIZED).toBe(ACCESS.BEEN_SEIZED);
      expect(bits[1]! & ACCESS.ACTIVE_LOCALITY).toBe(ACCESS.ACTIVE_LOCALITY);
      const finish = async (one: Tpm) => {
        expect(seized(one)).toEqual(bits);
        one.write(register(access, 1), 1, ACCESS.BEEN_SEIZED);
        one.write(register(access, 3), 1, ACCESS.ACTIVE_LOCALITY);
        expect(one.peek(register(access, 1), 1) & ACCESS.BEEN_SEIZED).toBe(0);
      };
      taken.push({ name: "seized", state: await takeSnapshot(original), finish });
      await finish(tpm);
      release();
      expect((await serial.run("tpm2_getrandom --hex 4", RUN_MS)).status).toBe(0);
    },
    2 * RUN_MS,
  );

  it(
    "goes on in another machine with another swtpm, from each of these states",
    async () => {
      expect(taken.map(({ name }) => name)).toHaveLength(13);
      const log = original.tpm.eventLog();
      expect(parseEventLog(log).events.length).toBeGreaterThan(5);
      for (const { name, state, boots, finish } of taken) {
        const machine = await makeMachine();
        try {
          const { tpm, serial, bus } = machine;
          await restoreSnapshot(machine, structuredClone(state));
          if (!boots) expect(toHex(tpm.eventLog())).toBe(toHex(log));
          await finish?.(tpm);
          bus.resume();
          if (boots) {
            await serial.expect(images.prompt, BOOT_MS);
            expect(toHex(tpm.eventLog())).toBe(toHex(log));
            continue;
          }
          if (!finish) {
            expect(`${name}: ${(await serial.expect(/@done (\d+)@/, RUN_MS))[1]}`).toBe(`${name}: ${STEPS}`);
            await serial.expect(images.prompt, RUN_MS);
          }
          const { output } = await serial.run(HELD, RUN_MS);
          expect(`${name}: ${output}`).toBe(`${name}: ${held}`);
          // The session can still be used, and the key.
          const use = "tpm2_policypcr -Q -S /tmp/s.ctx -l sha256:16 && tpm2_readpublic -Q -c /tmp/p.ctx";
          expect(`${name}: ${(await serial.run(use, RUN_MS)).status}`).toBe(`${name}: 0`);
          const banks = await tpm.pcrs();
          expect(toHex(banks.find(({ algorithm }) => algorithm === "sha256")!.values[16]!)).toBe(
            pcrAfter(STEPS),
          );
          const answer = await tpm.command(build.TPM2_GetRandom(4));
          expect(responseCode(answer)).toBe(0);
        } finally {
          await machine.end();
        }
      }
    },
    12 * RUN_MS,
  );
});
