/** What the machine does otherwise than QEMU's, and why that is right or does not matter. */
export const DIFFERENCES: readonly { reads: RegExp; why: string }[] = [
  {
    reads: /^status of counter \d, mode 34,/,
    why: "the output of a rate generator is high but for its last clock (8254, mode 2); QEMU has it low",
  },
  {
    reads: /^IDENTIFY DEVICE: word (1\d|2[3-9]|3\d|4[0-6])$/,
    why: "serial number, firmware revision and model are each emulator's own",
  },
  {
    reads: /^IDENTIFY DEVICE: word (4|47|59)$/,
    why: "bytes of a track, which are no longer used; sectors of a READ MULTIPLE: 128 against 16",
  },
  {
    reads: /^IDENTIFY DEVICE: word 57$/,
    why: "capacity by cylinders: QEMU takes the geometry that its BIOS would, ours has no cylinder cut off",
  },
  {
    reads: /^IDENTIFY DEVICE: word (49|62|63|64|65|66|67|68|88)$/,
    why: "ways of transfer: QEMU has PIO 4 and Ultra DMA too, ours stops at multiword DMA 2; both are as fast as the host",
  },
  {
    reads: /^IDENTIFY DEVICE: word (69|80|81|82|85|86|106|169)$/,
    why: "which edition of ATA and which optional commands: QEMU has SMART, TRIM and large physical sectors",
  },
];
