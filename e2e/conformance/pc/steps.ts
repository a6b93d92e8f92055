/** Accesses to a PC's ports, as data: the same ones for a guest of ours and for QEMU, which has no guest. */

type Width = 8 | 16 | 32;

export type PortStep =
  | { out: Width; port: number; value: number }
  /** `as` names what is read; `bits` are those that count, all where none are given. */
  | { in: Width; port: number; as: string; bits?: number }
  /** Reads the port until none of these bits is set. */
  | { until: number; port: number };

const out8 = (port: number, value: number): PortStep => ({ out: 8, port, value });
const in8 = (port: number, as: string): PortStep => ({ in: 8, port, as });

const GPE = 0xafe0;
const HOTPLUG = 0xae00;

/** PIIX4's general-purpose events: two bytes of status, two that enable. */
const events: PortStep[] = [
  ...[0, 1, 2, 3].map((at) => in8(GPE + at, `GPE byte ${at} after power-on`)),
  ...[0xff, 0xff, 0x12, 0x34].map((value, at) => out8(GPE + at, value)),
  ...[0, 1, 2, 3].map((at) => in8(GPE + at, `GPE byte ${at} after all status was cleared`)),
];

/** PCI hotplug as QEMU's firmware tables use it. */
const hotplug: PortStep[] = [
  { in: 32, port: HOTPLUG, as: "slots that something was put into" },
  { in: 32, port: HOTPLUG + 4, as: "slots that something is to be taken from" },
  { in: 32, port: HOTPLUG + 8, as: "slots to eject" },
];

const COMMAND = 0x43;
const SPEAKER = 0x61;
/** Read-back of the status of one counter (8254, "Read-Back Command"). */
const statusOf = (counter: number) => out8(COMMAND, 0xe0 | (2 << counter));

/** The timer: how each counter was set up. Counts themselves depend on the time. */
const timer: PortStep[] = [0, 2].flatMap((counter) =>
  [0x34, 0x36, 0x30].flatMap((mode) => [
    out8(COMMAND, (counter << 6) | mode),
    statusOf(counter),
    in8(0x40 + counter, `status of counter ${counter}, mode ${mode.toString(16)}, before its count`),
    out8(0x40 + counter, 0x00),
    out8(0x40 + counter, 0xf0),
    statusOf(counter),
    in8(0x40 + counter, `status of counter ${counter}, mode ${mode.toString(16)}, with its count`),
  ]),
);

/** All but the bit that changes with the time, as memory was refreshed once. */
const SPEAKER_BITS = 0xef;
const speaker: PortStep[] = [
  out8(COMMAND, 0xb0),
  out8(0x42, 0xff),
  out8(0x42, 0xff),
  ...[0, 1, 3, 2].flatMap((value): PortStep[] => [
    out8(SPEAKER, value),
    { in: 8, port: SPEAKER, as: `speaker's port, ${value} written`, bits: SPEAKER_BITS },
  ]),
];

const IDE = {
  data: 0x1f0,
  error: 0x1f1,
  count: 0x1f2,
  low: 0x1f3,
  middle: 0x1f4,
  high: 0x1f5,
  device: 0x1f6,
  command: 0x1f7,
  control: 0x3f6,
};

const BUSY = 0x80;

const registers = (when: string): PortStep[] => [
  in8(IDE.command, `${when}: status`),
  in8(IDE.error, `${when}: error`),
  in8(IDE.count, `${when}: count`),
  in8(IDE.low, `${when}: LBA low`),
  in8(IDE.middle, `${when}: LBA middle`),
  in8(IDE.high, `${when}: LBA high`),
  in8(IDE.device, `${when}: device`),
];
const words = (count: number, what: string): PortStep[] =>
  Array.from({ length: count }, (_, word) => ({ in: 16, port: IDE.data, as: `${what} ${word}` }));
/** Selects the first disk and a sector, and gives it a command. */
const command = (code: number, lba = 0, count = 1): PortStep[] => [
  out8(IDE.device, 0xe0 | (lba >>> 24)),
  out8(IDE.count, count),
  out8(IDE.low, lba & 0xff),
  out8(IDE.middle, (lba >>> 8) & 0xff),
  out8(IDE.high, (lba >>> 16) & 0xff),
  out8(IDE.command, code),
  { until: BUSY, port: IDE.command },
];

/** Sectors of the disk that both have. */
export const DISK_SECTORS = 4096;

const ide: PortStep[] = [
  out8(IDE.control, 0x02), // no interrupts: nobody waits for them
  out8(IDE.device, 0xa0),
  ...registers("after power-on"),
  out8(IDE.device, 0xb0),
  in8(IDE.command, "the absent second disk: status"),
  out8(IDE.device, 0xa0),
  ...command(0xec),
  in8(IDE.command, "IDENTIFY DEVICE: status"),
  ...words(256, "IDENTIFY DEVICE: word"),
  in8(IDE.command, "after IDENTIFY DEVICE: status"),
  ...command(0x20, 7),
  in8(IDE.command, "READ SECTOR(S): status"),
  ...words(256, "sector 7: word"),
  ...registers("after READ SECTOR(S)"),
  ...command(0x20, DISK_SECTORS + 5),
  in8(IDE.command, "READ SECTOR(S) beyond the end: status"),
  in8(IDE.error, "READ SECTOR(S) beyond the end: error"),
  ...command(0xa1),
  ...registers("IDENTIFY PACKET DEVICE on a disk"),
  ...command(0xff),
  in8(IDE.command, "a command that there is not: status"),
  in8(IDE.error, "a command that there is not: error"),
  ...command(0xe7),
  in8(IDE.command, "FLUSH CACHE: status"),
  ...command(0x91, 0, 63),
  in8(IDE.command, "INITIALIZE DEVICE PARAMETERS: status"),
  ...command(0xc6, 0, 16),
  in8(IDE.command, "SET MULTIPLE MODE: status"),
  ...command(0xe5),
  in8(IDE.command, "CHECK POWER MODE: status"),
  in8(IDE.count, "CHECK POWER MODE: count"),
  ...command(0x90),
  ...registers("EXECUTE DEVICE DIAGNOSTIC"),
  out8(IDE.control, 0x06),
  out8(IDE.control, 0x02),
  ...registers("after a reset"),
];

export const SUBJECTS: Readonly<Record<string, PortStep[]>> = { events, hotplug, timer, speaker, ide };
