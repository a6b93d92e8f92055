/** Paging as a program sets it up that nobody prepared: memtest86+ has large pages under PAE, and leaves CR4.PSE alone. */
import { expect, it } from "vitest";
import { asm, type Code, RESULTS, tinyMachine } from "../testing/tiny-guest.ts";

const DIRECTORY_POINTERS = 0x2000;
const DIRECTORY = 0x3000;
const PRESENT = 1;
const WRITABLE = 2;
const LARGE = 0x80;
const CR4_PAE = 0x20;

const put = (address: number, value: number): Code => [...asm.set(value), ...asm.store(address, 4)];
/** `mov cr3, eax` and so on. */
const toCr3: Code = [0x0f, 0x22, 0xd8];
const toCr4: Code = [0x0f, 0x22, 0xe0];
/** CR0.PG */
const pagingOn: Code = [0x0f, 0x20, 0xc0, 0x0d, 0x00, 0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0];

it("large pages need no CR4.PSE under PAE", async () => {
  const code = [
    ...put(DIRECTORY_POINTERS, DIRECTORY | PRESENT),
    ...put(DIRECTORY_POINTERS + 4, 0),
    ...put(DIRECTORY, PRESENT | WRITABLE | LARGE),
    ...put(DIRECTORY + 4, 0),
    ...[...asm.set(DIRECTORY_POINTERS), ...toCr3],
    ...[...asm.set(CR4_PAE), ...toCr4],
    ...pagingOn,
    ...put(RESULTS, 0x600d),
    ...asm.say("!"),
  ];
  const machine = await tinyMachine(code);
  try {
    const crashed = new Promise<never>((_, reject) => machine.bus.onCrash(reject));
    machine.bus.resume();
    await Promise.race([machine.hears("!"), crashed]);
    expect(machine.result(0)).toBe(0x600d);
  } finally {
    await machine.emulator.destroy();
  }
});
