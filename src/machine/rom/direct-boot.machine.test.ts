/**
 * The option ROM under the real SeaBIOS on v86, without a TPM: it starts a kernel just as v86's own ROM does.
 * With a TPM, and with Linux, it is tried in e2e/eventlog. Needs the images (`npm run images`).
 */
import { afterEach, describe, expect, it } from "vitest";
import { readGuestImages } from "../../node/tools/guest-images.ts";
import { createNodeMachine, type NodeMachine } from "../../node/tools/node-machine.ts";
import { DirectBoot } from "./index.ts";
import { tinyKernel } from "./testing/tiny-kernel.ts";

const { bios, vgaBios } = await readGuestImages();
const MEMORY = 128 * 2 ** 20;
const TIMEOUT = 15_000;

const u16 = (value: number) => [value & 0xff, value >> 8];
/** mov dx, 0x3f8; out dx, al */
const SAY_AL = [0xba, ...u16(0x3f8), 0xee];
/** The byte at ax's low half, then its high half. */
const SAY_AX = [...SAY_AL, 0x88, 0xe0, ...SAY_AL];
/** mov ax, segment register */
const segment = (number: number) => [0x8c, 0xc0 | (number << 3)];
const [ES, CS, SS, DS, FS, GS] = [0, 1, 2, 3, 4, 5].map(segment);
/** Says the segments, the stack pointer, the flags, then "<", the command line by the header's pointer, and ">". */
const REPORT = [
  ...[ES, CS, SS, DS, FS, GS].flatMap((move) => [...(move as number[]), ...SAY_AX]),
  ...[0x89, 0xe0, ...SAY_AX], // mov ax, sp
  ...[0x9c, 0x58, 0x80, 0xe4, 0x02, 0x88, 0xe0, ...SAY_AL], // pushf; pop ax; and ah, IF; mov al, ah
  ...[0xb0, 0x3c, ...SAY_AL],
  ...[0x8b, 0x36, ...u16(0x228)], // mov si, [cmd_line_ptr]: its low half, the set-up segment being aligned
  ...[0x8a, 0x04, 0x84, 0xc0, 0x74, 0x07, ...SAY_AL, 0x46, 0xeb, 0xf3], // each byte until zero
  ...[0xb0, 0x3e, ...SAY_AL],
  ...[0xf4, 0xeb, 0xfd],
];

const machines: NodeMachine[] = [];
afterEach(() => Promise.all(machines.splice(0).map(({ emulator }) => emulator.destroy())));

async function machine(options: { kernel?: Uint8Array; cmdline?: string } = {}): Promise<NodeMachine> {
  const made = await createNodeMachine({ bios, vgaBios, ...options }, MEMORY);
  machines.push(made);
  return made;
}

describe("a direct boot without a TPM", () => {
  const kernel = tinyKernel(REPORT);
  const initrd = new Uint8Array(100).fill(1);

  it("starts the kernel as v86's own ROM does", async () => {
    const theirs = await machine({ kernel, cmdline: "first" });
    theirs.bus.resume();
    const report = await theirs.serial.expect(/[\s\S]*<first>/, TIMEOUT);

    const ours = await machine();
    new DirectBoot(ours.bus, ours.emulator, { kernel, initrd, cmdline: "first" }, { memorySize: MEMORY });
    ours.bus.resume();
    expect((await ours.serial.expect(/[\s\S]*<first>/, TIMEOUT))[0]).toBe(report[0]);
  });

  it("says in the firmware's log that nothing was measured", async () => {
    const { bus, emulator, serial, firmwareLog } = await machine();
    new DirectBoot(bus, emulator, { kernel, cmdline: "x" }, { memorySize: MEMORY });
    bus.resume();
    await serial.expect("<x>", TIMEOUT);
    expect(firmwareLog).toContain("No TPM: the kernel starts unmeasured.");
  });

  it("begins at the next reset on a machine that runs", async () => {
    const { bus, emulator, serial } = await machine({ kernel, cmdline: "theirs" });
    bus.resume();
    await serial.expect("<theirs>", TIMEOUT);
    new DirectBoot(bus, emulator, { kernel, cmdline: "ours" }, { memorySize: MEMORY, running: true });
    const commandLine = () => new TextDecoder().decode(emulator.read_memory(0x8_e000, 4));
    expect(commandLine()).toBe("thei");
    bus.reset();
    await serial.expect("<ours>", TIMEOUT);
  });

  it("boots again after a reset, and then with another command line", async () => {
    const { bus, emulator, serial } = await machine();
    const boot = new DirectBoot(bus, emulator, { kernel, initrd, cmdline: "first" }, { memorySize: MEMORY });
    bus.resume();
    await serial.expect("<first>", TIMEOUT);
    emulator.write_memory(new Uint8Array(0x8000), 0x8_0000);
    emulator.write_memory(new Uint8Array(100), 0x400_0000);
    bus.reset();
    await serial.expect("<first>", TIMEOUT);
    expect(emulator.read_memory(0x400_0000, 100)).toEqual(initrd);
    boot.setImages({ kernel, cmdline: "second" });
    bus.reset();
    await serial.expect("<second>", TIMEOUT);
    boot.remove();
  });

  it("takes the place of v86's ROM when the machine has a kernel already", async () => {
    const { bus, emulator, serial } = await machine({ kernel, cmdline: "theirs" });
    new DirectBoot(bus, emulator, { kernel, cmdline: "ours" }, { memorySize: MEMORY });
    bus.resume();
    await serial.expect("<ours>", TIMEOUT);
    bus.reset();
    await serial.expect("<ours>", TIMEOUT);
    expect(serial.text).not.toContain("theirs");
  });
});
