/**
 * The PCI bus as firmware for QEMU's PC expects it. OVMF looks for the power management function (PIIX4) at 00:01.3,
 * behind the ISA bridge, where the real chip has it; v86 has it at 00:07.0. And firmware that looks for devices writes
 * to the configuration space of places where none is: a real bus drops that, v86 fails on it.
 */

type Write = (address: number, value: number) => void;

/** `emulator.v86.cpu.devices.pci`, by device and function: 8 * device + function. */
export interface PciBus {
  device_spaces: (Int32Array | undefined)[];
  devices: (object | undefined)[];
  pci_write8: Write;
  pci_write16: Write;
  pci_write32: Write;
}

const V86_PM = 0x07 << 3;
const PIIX4_PM = (0x01 << 3) | 3;

/** The bus, device and function of a configuration address, as v86 counts them. */
export const functionOf = (address: number): number => (address >> 8) & 0xffff;
/** Its register. */
export const registerOf = (address: number): number => address & 0xff;

/** To be called once per machine, before it runs and before it is restored. */
export function repairPci(pci: PciBus): void {
  for (const list of [pci.device_spaces, pci.devices] as unknown[][]) {
    list[PIIX4_PM] = list[V86_PM];
    list[V86_PM] = undefined;
  }
  for (const name of ["pci_write8", "pci_write16", "pci_write32"] as const) {
    const write = pci[name];
    pci[name] = (address, value) => {
      if (pci.device_spaces[functionOf(address)]) write.call(pci, address, value);
    };
  }
}
