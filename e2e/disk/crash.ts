/**
 * A machine whose guest writes to a kept disk, for `crash.spec.ts`. It boots once, up to where it has found its disk; the
 * next pages go on from there, with the disk as it was left, so that a round takes seconds.
 */
import { V86, type V86Options } from "v86";
import wasmUrl from "v86/build/v86.wasm?url";
import { Drive } from "../../src/machine/drive/drive.ts";
import type { SectorWrite } from "../../src/machine/drive/log.ts";
import type { DriveLayer } from "../../src/machine/drive/queue.ts";
import { memorySource } from "../../src/machine/drive/source.ts";
import { pcOptions } from "../../src/machine/pc.ts";
import { restoreEmulator, saveEmulator } from "../../src/machine/snapshot.ts";
import { createV86 } from "../../src/machine/v86/create-v86.ts";
import { KeptLayer } from "../../src/session/drives/client.ts";
import { loadImage, loadManifest } from "../../src/session/images/load.ts";
import { type ImageFile, MANIFEST_URL } from "../../src/session/images/manifest.ts";

/** Served by the test. */
const INITRD = "/disk-initrd";
const BASE = "/disk-base";
const PREPARED = "prepared";

/**
 * - `kept`: as the page keeps a disk.
 * - `cached`: the same behind a cache that is lost in a crash, so that nothing is there but what was flushed.
 * - `unflushed`: that cache, and flushes that do nothing: the harness has to notice.
 */
export type DiskKind = "kept" | "cached" | "unflushed";

/** A disk that goes on from where it was left while the machine around it is put back. */
class LeftDrive extends Drive {
  override set_state(): void {}
}

class Cached implements DriveLayer {
  readonly #below: KeptLayer;
  readonly #flushes: boolean;
  #cache: SectorWrite[] = [];

  constructor(below: KeptLayer, flushes: boolean) {
    this.#below = below;
    this.#flushes = flushes;
  }

  get written() {
    return this.#below.written;
  }

  async overlay(start: number, data: Uint8Array) {
    const cached = [...this.#cache];
    const found = await this.#below.overlay(start, data);
    for (const write of cached) {
      const from = Math.max(start, write.start);
      const to = Math.min(start + found.length, write.start + write.data.length);
      if (from < to) found.set(write.data.subarray(from - write.start, to - write.start), from - start);
    }
    return found;
  }

  async write(writes: readonly SectorWrite[]) {
    this.#cache.push(...writes);
  }

  async flush() {
    if (!this.#flushes) return;
    const writes = this.#cache;
    await this.#below.write(writes);
    await this.#below.flush();
    this.#cache = this.#cache.slice(writes.length);
  }

  clusters = (bytes: number) => this.#below.clusters(bytes);
  save = (limit: number) => this.#below.save(limit);
  replace = (writes: readonly SectorWrite[]) => this.#below.replace(writes);
  close = () => this.#below.close();
}

async function openDrive(kind: DiskKind): Promise<LeftDrive> {
  const base = new Uint8Array(await (await fetch(BASE)).arrayBuffer());
  const source = memorySource("disk.img", base, "disk");
  const head = { slot: "hda", name: source.name, identity: source.identity, size: source.size };
  const layer = await KeptLayer.open({ machineId: "crashing", head });
  const drive = new LeftDrive(source, kind === "kept" ? layer : new Cached(layer, kind === "cached"));
  await drive.open();
  return drive;
}

let drive: Drive | undefined;

/** The disk as it is now, in base64. */
async function content(kind: DiskKind): Promise<string> {
  drive ??= await openDrive(kind);
  const bytes = await drive.content(0, drive.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

async function prepared(): Promise<FileSystemFileHandle> {
  return (await navigator.storage.getDirectory()).getFileHandle(PREPARED, { create: true });
}

/** @returns whether the machine booted, where it went on otherwise. */
async function start(kind: DiskKind): Promise<boolean> {
  drive ??= await openDrive(kind);
  const manifestUrl = new URL(`/${MANIFEST_URL}`, location.href);
  const manifest = await loadManifest(manifestUrl);
  const load = (file: ImageFile) => loadImage(file, manifestUrl);
  const [bios, vgaBios, kernel, initrd] = await Promise.all([
    load(manifest.bios),
    load(manifest.vgaBios),
    load(manifest.kernels.stock!),
    fetch(INITRD).then((response) => response.arrayBuffer()),
  ]);
  const options: object = {
    ...pcOptions({ bios, vgaBios, memorySize: 128 << 20 }),
    hda: drive,
    bzimage: { buffer: kernel },
    initrd: { buffer: initrd },
    cmdline: manifest.kernels.stock!.cmdline,
  };
  const { emulator, bus } = await createV86(V86, options as V86Options, wasmUrl);
  let text = "";
  let ready = (): void => undefined;
  const untilReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  emulator.add_listener("serial0-output-byte", (byte: number) => {
    if (byte !== 10) {
      text += String.fromCharCode(byte);
      return;
    }
    console.log(text.trimEnd());
    if (text.trimEnd() === "ready") ready();
    text = "";
  });
  window.type = (line) => emulator.serial0_send(line);
  const handle = await prepared();
  const file = await handle.getFile();
  if (file.size > 0) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const clock = new DataView(bytes.buffer).getFloat64(0);
    await restoreEmulator(emulator, bus, { emulator: bytes.slice(8), clock });
    bus.resume();
    return false;
  }
  bus.resume();
  await untilReady;
  const release = bus.hold("it is saved");
  await bus.settled();
  await drive.prepareSave();
  const state = await saveEmulator(emulator, bus);
  const writable = await handle.createWritable();
  const clock = new DataView(new ArrayBuffer(8));
  clock.setFloat64(0, state.clock);
  await writable.write(clock);
  await writable.write(state.emulator as Uint8Array<ArrayBuffer>);
  await writable.close();
  release();
  return true;
}

declare global {
  interface Window {
    disk: { start: typeof start; content: typeof content };
  }
}

window.disk = { start, content };
