/**
 * The registers of IDE channels where v86 leaves them otherwise than a drive does (ATA/ATAPI-6): the signature by which
 * firmware tells a disk from a CD drive, after power-on, a reset and EXECUTE DEVICE DIAGNOSTIC (sections 8.9 and 9.12);
 * status and error after a reset; a read beyond the end, after which v86's status says that there is no drive; and CHECK
 * POWER MODE (section 8.6), which v86 does not know. e2e/conformance/pc compares them with QEMU's.
 */
import { type V86Io, V86VersionError } from "./v86-internals.ts";

const COMMAND = { CHECK_POWER_MODE: 0xe5, EXECUTE_DEVICE_DIAGNOSTIC: 0x90 } as const;
const ATAPI = { mid: 0x14, high: 0xeb } as const;
const ACTIVE = 0xff;
const STATUS = { READY: 0x50, ABORTED: 0x41, NO_DRIVE: 0xff } as const;
const ERROR = { NONE: 0, ABORTED: 0x04, PASSED: 0x01 } as const;
const FIRST_DEVICE = 0xa0;
/** The bit of the control register that resets both devices. */
const SOFT_RESET = 4;
/** Bits of the command register's place among the ports of a channel. */
const COMMAND_PORT = 7;

/** One device of `emulator.v86.cpu.devices.ide`. */
interface IdeDevice {
  drive_connected: boolean;
  is_atapi: boolean;
  error_reg: number;
  status_reg: number;
  device_reg: number;
  sector_count_reg: number;
  lba_low_reg: number;
  lba_mid_reg: number;
  lba_high_reg: number;
}

interface IdeChannel {
  /** The first of its ports; the other one. */
  command_base: number;
  control_base: number;
  current_interface: IdeDevice;
  master: IdeDevice;
  slave: IdeDevice;
}

/** `emulator.v86.cpu.devices.ide`. */
export type IdeController = Partial<Record<"primary" | "secondary", IdeChannel | undefined>>;

/** To be called once per machine, before it runs; one without drives has no controller. */
export function repairIde(io: V86Io, ide: IdeController | undefined): void {
  for (const channel of [ide?.primary, ide?.secondary]) if (channel) repair(io, channel);
}

function repair(io: V86Io, channel: IdeChannel): void {
  const port = channel.command_base + COMMAND_PORT;
  const write = io.ports[port]?.write8;
  const writeControl = io.ports[channel.control_base]?.write8;
  if (!write || !writeControl) throw new V86VersionError([`v86.cpu.io.ports[${port}].write8`]);
  const devices = [channel.master, channel.slave].filter(({ drive_connected }) => drive_connected);
  for (const device of devices) sign(device);
  io.register_write(port, channel, (command) => {
    const device = channel.current_interface;
    write.call(channel, command);
    if (command === COMMAND.EXECUTE_DEVICE_DIAGNOSTIC) {
      for (const one of devices) sign(one);
      select(channel);
    } else if (command === COMMAND.CHECK_POWER_MODE && device.drive_connected) {
      device.sector_count_reg = ACTIVE;
      end(device, STATUS.READY, ERROR.NONE);
    } else if (device.status_reg === STATUS.NO_DRIVE) end(device, STATUS.ABORTED, ERROR.ABORTED);
  });
  io.register_write(channel.control_base, channel, (value) => {
    writeControl.call(channel, value);
    if (!(value & SOFT_RESET)) return;
    for (const device of devices) {
      if (!device.is_atapi) end(device, STATUS.READY, ERROR.PASSED);
      sign(device);
    }
    select(channel);
  });
}

function end(device: IdeDevice, status: number, error: number): void {
  device.status_reg = status;
  device.error_reg = error;
}

function sign(device: IdeDevice): void {
  device.sector_count_reg = device.lba_low_reg = 1;
  device.lba_mid_reg = device.is_atapi ? ATAPI.mid : 0;
  device.lba_high_reg = device.is_atapi ? ATAPI.high : 0;
}

/** The first device is the one that answers. */
function select(channel: IdeChannel): void {
  channel.current_interface = channel.master;
  for (const device of [channel.master, channel.slave]) device.device_reg = FIRST_DEVICE;
}
