/**
 * A machine with devices that this host may not have: QEMU with Debian's amd64 kernel and a TPM, whose root is this
 * host's own tree, to be read only. So programs of the host run in it as they are, Node among them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithThisProcess } from "../../bridge/children.ts";
import { freePort } from "../../bridge/swtpm-listening.ts";
import { Apt, unpack } from "../../images/apt.ts";
import { Cache, contentKey } from "../../images/cache.ts";
import { type CpioEntry, cpio } from "../../images/cpio.ts";
import { HOST_KERNEL, PACKAGES } from "../../images/versions.ts";
import { OutputWatch } from "../bench-watch.ts";

const HERE = import.meta.dirname;
/** In the order of loading: each needs some of those before it. */
const MODULES =
  "virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci netfs fscache 9pnet 9pnet_virtio 9p e1000 tpm_vtpm_proxy fuse cuse".split(
    " ",
  );
const KERNEL = "vmlinuz";
const INITRD = "initrd.cpio";

/** The path in the machine of what stands beside this file. */
export const CUSE_TPM = join(HERE, "cuse-tpm.py");

export interface DeviceMachine {
  /** What it says on its serial console. */
  watch: OutputWatch;
  /** Ports of this host that lead to those of the machine, in their order. */
  ports: readonly number[];
  /** Ends it. */
  close(): Promise<void>;
}

export interface DeviceMachineOptions {
  /** Lines for the machine's shell, which is root; its current folder is this project's. */
  script: string;
  /** Ports on the machine's loopback interface that are to be reached from this host. */
  ports: readonly number[];
}

/** Kernel and its modules, from Debian's archive, in the cache. */
async function kernelParts(): Promise<{ kernel: string; entries: CpioEntry[] }> {
  const cache = new Cache();
  const quiet = () => undefined;
  const [kernelDeb] = await new Apt(cache, quiet, { architecture: "amd64" }).fetch([HOST_KERNEL]);
  const [busyboxDeb] = await new Apt(cache, quiet).fetch([PACKAGES.busybox]);
  const parts = await cache.get({
    name: "device-machine",
    key: contentKey([kernelDeb!.version, busyboxDeb!.version, ...MODULES]),
    async build(directory) {
      const scratch = mkdtempSync(join(tmpdir(), "webtpm-kernel-"));
      try {
        for (const deb of [kernelDeb, busyboxDeb]) await unpack(deb!, scratch);
        const files = readdirSync(scratch, { recursive: true, encoding: "utf8" });
        const copy = async (name: string, end: string) => {
          const file = files.find((path) => path.endsWith(end));
          if (!file) throw new Error(`${kernelDeb!.package} has no ${end}`);
          writeFileSync(join(directory, name), await readFile(join(scratch, file)));
        };
        const vmlinuz = files.find((path) => path.startsWith("boot/vmlinuz-"));
        writeFileSync(join(directory, KERNEL), await readFile(join(scratch, vmlinuz!)));
        await copy("busybox", "bin/busybox");
        for (const module of MODULES) await copy(`${module}.ko`, `/${module}.ko`);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    },
  });
  const file = async (path: string, name: string, mode: number): Promise<CpioEntry> => ({
    type: "file",
    path,
    mode,
    data: await readFile(join(parts, name)),
  });
  return {
    kernel: join(parts, KERNEL),
    entries: [
      await file("bin/busybox", "busybox", 0o755),
      ...(await Promise.all(MODULES.map((module) => file(`modules/${module}.ko`, `${module}.ko`, 0o644)))),
    ],
  };
}

async function initrd(entries: readonly CpioEntry[], work: string): Promise<Uint8Array> {
  const text = (path: string, content: string, mode = 0o644): CpioEntry => ({
    type: "file",
    path,
    mode,
    data: Buffer.from(content),
  });
  return cpio([
    ...["bin", "dev", "proc", "sys", "host", "modules"].map(
      (path): CpioEntry => ({ type: "directory", path }),
    ),
    { type: "character", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    ...entries,
    text("modules/order", MODULES.join("\n")),
    text("init", await readFile(join(HERE, "init.sh"), "utf8"), 0o755),
    text("work.sh", work),
  ]);
}

/** Node of this host hands on what comes from outside: to its programs it comes from their own machine. */
const relay = (ports: readonly number[]) =>
  `${process.execPath} -e 'const net = require("net"); for (const port of [${ports}]) net.createServer((from) => { const to = net.connect(port, "127.0.0.1"); from.on("error", () => to.destroy()); to.on("error", () => from.destroy()); from.pipe(to).pipe(from); }).listen(port, "10.0.2.15")' &`;

/** Not KVM: inside another machine it lacks features that Debian's kernel and Node want, and is the slower one there. */
const PROCESSOR = "-accel tcg,thread=multi -cpu max -smp 2";

/** Starts it; whether it does what it should, its console says. */
export async function startDeviceMachine({ script, ports }: DeviceMachineOptions): Promise<DeviceMachine> {
  const { kernel, entries } = await kernelParts();
  const directory = mkdtempSync(join(tmpdir(), "webtpm-devices-"));
  const removeFiles = () => rmSync(directory, { recursive: true, force: true });
  const root = join(HERE, "../../../..");
  const work = [
    "export HOME=/run TMPDIR=/run/tmp PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    `cd '${root}'`,
    relay(ports),
    script,
    "sleep 1000000",
  ].join("\n");
  writeFileSync(join(directory, INITRD), await initrd(entries, work));
  const control = join(directory, "control");
  const swtpm = spawn(
    "swtpm",
    ["socket", "--tpm2", "--tpmstate", `dir=${directory}`, "--ctrl", `type=unixio,path=${control}`],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  while (!existsSync(control)) {
    if (swtpm.exitCode !== null) throw new Error(`swtpm has ended with exit code ${swtpm.exitCode}`);
    await sleep(5);
  }
  const outside = await Promise.all(ports.map(freePort));
  const forwards = ports.map((port, index) => `hostfwd=tcp:127.0.0.1:${outside[index]}-:${port}`);
  const qemu = spawn(
    "qemu-system-x86_64",
    [
      ...`${PROCESSOR} -m 1024 -nodefaults -no-user-config -display none -no-reboot`.split(" "),
      ...["-serial", "stdio", "-kernel", kernel, "-initrd", join(directory, INITRD)],
      ...["-append", "console=ttyS0 quiet loglevel=3 panic=-1"],
      ...["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"],
      ...["-nic", ["user,model=e1000", ...forwards].join(",")],
      ...["-chardev", `socket,id=control,path=${control}`],
      ...["-tpmdev", "emulator,id=tpm,chardev=control", "-device", "tpm-tis,tpmdev=tpm"],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const children = [qemu, swtpm];
  const forget = children.map((child) => endWithThisProcess(child, removeFiles));
  const watch = new OutputWatch();
  qemu.stdout.setEncoding("latin1").on("data", (text: string) => watch.feed(text));
  return {
    watch,
    ports: outside,
    async close() {
      const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
      const ended = running.map((child) => once(child, "exit"));
      for (const child of running) child.kill("SIGKILL");
      await Promise.all(ended);
      for (const off of forget) off();
      removeFiles();
    },
  };
}
