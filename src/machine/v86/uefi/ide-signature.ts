/**
 * The signature by which firmware tells a disk from a CD drive. The command EXECUTE DEVICE DIAGNOSTIC leaves it in the
 * registers of both devices of a channel (ATA/ATAPI-6, sections 8.9 and 9.12); v86 leaves them as they were.
 */
import { type V86Io, V86VersionError } from "../v86-internals.ts";

const EXECUTE_DEVICE_DIAGNOSTIC = 0x90;
const ATAPI = { mid: 0x14, high: 0xeb } as const;

/** One device of `emulator.v86.cpu.devices.ide`. */
interface IdeDevice {
  drive_connected: boolean;
  is_atapi: boolean;
  sector_count_reg: number;
  lba_low_reg: number;
  lba_mid_reg: number;
  lba_high_reg: number;
}

interface IdeChannel {
  /** The first of its ports. */
  command_base: number;
  master: IdeDevice;
  slave: IdeDevice;
}

/** `emulator.v86.cpu.devices.ide`. */
export type IdeController = Partial<Record<"primary" | "secondary", IdeChannel | undefined>>;

/** The command register's place among the ports of a channel. */
const COMMAND = 7;

/** To be called once per machine, before it runs; one without drives has no controller. */
export function repairIde(io: V86Io, ide: IdeController | undefined): void {
  for (const channel of [ide?.primary, ide?.secondary]) {
    if (!channel) continue;
    const port = channel.command_base + COMMAND;
    const write = io.ports[port]?.write8;
    if (!write) throw new V86VersionError([`v86.cpu.io.ports[${port}].write8`]);
    io.register_write(port, channel, (command) => {
      write.call(channel, command);
      if (command === EXECUTE_DEVICE_DIAGNOSTIC)
        for (const device of [channel.master, channel.slave]) sign(device);
    });
  }
}

function sign(device: IdeDevice): void {
  if (!device.drive_connected) return;
  device.sector_count_reg = device.lba_low_reg = 1;
  device.lba_mid_reg = device.is_atapi ? ATAPI.mid : 0;
  device.lba_high_reg = device.is_atapi ? ATAPI.high : 0;
}
