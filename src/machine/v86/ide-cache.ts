/**
 * A disk's write cache, and its flush, as operating systems expect them. v86 says of its disks that they have no write
 * cache (IDENTIFY DEVICE), so that nobody ever flushes them, and answers a flush at once. A disk that lasts is kept
 * somewhere slower than memory: it has a cache, says so, and a flush ends when all that was written is safe
 * (ATA/ATAPI-6, sections 8.10, 8.11, 8.15, 8.37 and 8.44).
 */
import { type V86Cpu, V86VersionError } from "./v86-internals.ts";

/** What a disk of this kind has, beside what v86 asks of one. */
export interface FlushingDrive {
  readonly lasting: boolean;
  writeThrough: boolean;
  flush(): Promise<void>;
}

interface IdeDevice {
  buffer: object | null;
  is_atapi: boolean;
  features_reg: number;
  error_reg: number;
  status_reg: number;
  data: Uint8Array;
}

interface IdeChannel {
  /** The first of its ports; the other one. */
  command_base: number;
  control_base: number;
  irq: number;
  current_interface: IdeDevice;
  master: IdeDevice;
  slave: IdeDevice;
  push_irq(): void;
}

type IdeController = Partial<Record<"primary" | "secondary", IdeChannel | undefined>>;

const COMMAND = {
  STANDBY_IMMEDIATE: 0xe0,
  FLUSH_CACHE: 0xe7,
  FLUSH_CACHE_EXT: 0xea,
  IDENTIFY_DEVICE: 0xec,
  SET_FEATURES: 0xef,
} as const;
/** All that is written is to be safe when these end. */
const FLUSHING: readonly number[] = [COMMAND.STANDBY_IMMEDIATE, COMMAND.FLUSH_CACHE, COMMAND.FLUSH_CACHE_EXT];
const FEATURE = { WRITE_CACHE_ON: 0x02, WRITE_CACHE_OFF: 0x82 } as const;
/** Words of IDENTIFY DEVICE: what the device can, and what of it is on; the write cache's bit in both. */
const SUPPORTED = 82;
const ENABLED = 85;
const WRITE_CACHE = 1 << 5;
const STATUS = { BUSY: 0x80, READY: 0x50 } as const;
/** The bit of the control register that resets both devices. */
const SOFT_RESET = 4;
/** The command register's place among the ports of a channel, which is the status register's as well. */
const COMMAND_PORT = 7;

/** Gives each disk that lasts its cache; once per machine, before it runs. */
export function keepWriteCaches(cpu: V86Cpu): void {
  const ide = (cpu.devices as { ide?: IdeController }).ide;
  for (const channel of [ide?.primary, ide?.secondary]) {
    if (channel && (driveOf(channel.master) || driveOf(channel.slave))) keepWriteCache(cpu, channel);
  }
}

function driveOf({ buffer, is_atapi }: IdeDevice): FlushingDrive | undefined {
  const drive = buffer as Partial<FlushingDrive> | null;
  return drive?.lasting && !is_atapi ? (drive as FlushingDrive) : undefined;
}

function keepWriteCache(cpu: V86Cpu, channel: IdeChannel): void {
  const { io } = cpu;
  const command = channel.command_base + COMMAND_PORT;
  const control = channel.control_base;
  const write = io.ports[command]?.write8;
  const read = io.ports[command]?.read8;
  const writeControl = io.ports[control]?.write8;
  const readControl = io.ports[control]?.read8;
  if (!write || !read || !writeControl || !readControl)
    throw new V86VersionError([`v86.cpu.io.ports[${command}]`]);
  /** The flush that runs: a reset makes another of it, so that it answers no more. */
  let flush: object | undefined;

  const begin = (device: IdeDevice, drive: FlushingDrive) => {
    const own = {};
    flush = own;
    cpu.device_lower_irq(channel.irq);
    void drive.flush().then(() => {
      if (flush !== own) return;
      flush = undefined;
      device.error_reg = 0;
      device.status_reg = STATUS.READY;
      channel.push_irq();
    });
  };
  io.register_write(command, channel, (value) => {
    if (flush) return; // a busy device takes no command
    const device = channel.current_interface;
    const drive = driveOf(device);
    if (drive && FLUSHING.includes(value)) {
      begin(device, drive);
      return;
    }
    if (drive && value === COMMAND.SET_FEATURES) setCache(drive, device.features_reg & 0xff);
    write.call(channel, value);
    if (drive && value === COMMAND.IDENTIFY_DEVICE) declareCache(device.data, drive.writeThrough);
  });
  io.register_read(command, channel, () => (flush ? STATUS.BUSY : read.call(channel)));
  io.register_read(control, channel, () => (flush ? STATUS.BUSY : readControl.call(channel)));
  io.register_write(control, channel, (value) => {
    if (value & SOFT_RESET) flush = undefined;
    writeControl.call(channel, value);
  });
}

function setCache(drive: FlushingDrive, feature: number): void {
  if (feature === FEATURE.WRITE_CACHE_ON) drive.writeThrough = false;
  if (feature === FEATURE.WRITE_CACHE_OFF) drive.writeThrough = true;
}

function declareCache(identity: Uint8Array, off: boolean): void {
  (identity[2 * SUPPORTED] as number) |= WRITE_CACHE;
  if (!off) (identity[2 * ENABLED] as number) |= WRITE_CACHE;
}
