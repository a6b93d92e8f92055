/**
 * Raw TPM commands through each register interface, polled and by interrupt, on the page behind the bridge and with the
 * hidden machine, beside QEMU's two devices with the same kernel and the same initrd, in turns.
 */
import type { BenchBrowser } from "./bench-chromium.ts";
import { type QemuImages, type QemuTpm, timeQemu } from "./bench-qemu.ts";
import { RAW_COMMANDS, type RawCommand, type RawTimes } from "./bench-raw.ts";
import { type Row, ratios, summarize } from "./bench-table.ts";

/** How a page's machine has its TPM. */
export interface InterfaceKind {
  registers: "tis" | "crb";
  irq: boolean;
}

const KINDS: readonly InterfaceKind[] = [
  { registers: "tis", irq: false },
  { registers: "tis", irq: true },
  { registers: "crb", irq: false },
  { registers: "crb", irq: true },
];
const BACKENDS = ["bridge", "hidden"] as const;
const QEMU_DEVICES = ["tpm-tis", "tpm-crb"] as const satisfies readonly QemuTpm[];
/** Our best to QEMU's best. */
const BARS = { bridge: 1, hidden: 1.5 } as const;

const nameOf = ({ registers, irq }: InterfaceKind) =>
  `${registers.toUpperCase()}, ${irq ? "interrupt" : "polling"}`;

/** Microseconds a command, all passes of all turns, by machine. */
type Times = Map<string, RawTimes[]>;

function put(times: Times, name: string, raw: RawTimes): void {
  times.set(name, [...(times.get(name) ?? []), raw]);
}

/** Everything once, one after the other, in an order that changes with the turn. */
async function takeTurn(
  times: Times,
  browser: BenchBrowser,
  images: QemuImages,
  turn: number,
): Promise<void> {
  const ours = BACKENDS.flatMap((backend) =>
    KINDS.map((kind) => async () => {
      const { raw } = await browser.page(images.prompt, backend, kind);
      put(times, `${nameOf(kind)}, ${backend}`, raw);
    }),
  );
  const qemus = QEMU_DEVICES.map((tpm) => async () => {
    const { raw } = await timeQemu(images, { tpm, raw: true });
    put(times, `QEMU's ${tpm}`, raw!);
  });
  const steps = [...ours.slice(0, KINDS.length), ...qemus, ...ours.slice(KINDS.length)];
  for (const step of turn % 2 === 0 ? steps : [...steps].reverse()) await step();
}

export async function interfaceRows(
  browser: BenchBrowser,
  images: QemuImages,
  { turns, say }: { turns: number; say: (line: string) => void },
): Promise<Row[]> {
  const times: Times = new Map();
  for (let turn = 0; turn < turns; turn++) {
    say(`Interfaces, ${turn + 1} of ${turns} ...`);
    await takeTurn(times, browser, images, turn);
  }
  return RAW_COMMANDS.flatMap((command) => rowsOf(times, command));
}

function rowsOf(times: Times, command: RawCommand): Row[] {
  const measured = [...times].map(
    ([name, runs]): Row => ({
      name: `${command}, ${name}`,
      unit: "us",
      values: runs.flatMap((raw) => raw[command]),
    }),
  );
  /** All passes of the machine with the least median. */
  const best = (names: readonly string[]): number[] => {
    const runs = names.map((name) => (times.get(name) ?? []).flatMap((raw) => raw[command]));
    return runs.reduce((least, values) =>
      summarize(values).median < summarize(least).median ? values : least,
    );
  };
  const qemu = best(QEMU_DEVICES.map((tpm) => `QEMU's ${tpm}`));
  const compared = BACKENDS.map((backend): Row => {
    const ours = best(KINDS.map((kind) => `${nameOf(kind)}, ${backend}`));
    const values = ratios(ours, qemu);
    return {
      name: `${command}, our best (${backend}) to QEMU's best`,
      unit: "x",
      values,
      bar: { atMost: BARS[backend] },
    };
  });
  return [...measured, ...compared];
}
