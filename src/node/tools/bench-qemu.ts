/** The machine that the page's is compared with: Debian's QEMU (TCG) with a swtpm of its own behind `tpm-tis` or `tpm-crb`. */
import { type RawTimes, timeRawCommands } from "./bench-raw.ts";
import { type QemuTpm, startQemu } from "./qemu-machine.ts";

export type { QemuTpm } from "./qemu-machine.ts";

export interface QemuImages {
  kernel: Uint8Array;
  initrd: Uint8Array;
  cmdline: string;
  prompt: string;
  /** Guest RAM in bytes. */
  memorySize: number;
}

export interface QemuTimes {
  /** Milliseconds from the start of swtpm and QEMU to the shell's prompt. */
  shellMs: number;
  raw: RawTimes | undefined;
}

const BOOT_LIMIT_MS = 120_000;

/** Boots to the shell, with a TPM unless told otherwise and, if asked to, times raw TPM commands there. */
export async function timeQemu(
  images: QemuImages,
  { tpm = "tpm-tis", raw: withRaw = false }: { tpm?: QemuTpm | false; raw?: boolean } = {},
): Promise<QemuTimes> {
  const { kernel, initrd, cmdline, prompt, memorySize } = images;
  const files = { kernel, initrd };
  const args = (path: (name: string) => string) => [
    ...["-kernel", path("kernel"), "-initrd", path("initrd"), "-append", cmdline],
  ];
  const { watch, began, send, ended, close } = await startQemu({ memorySize, files, args, tpm });
  const measured = async (): Promise<QemuTimes> => {
    const [shell] = (await watch.expect([prompt], BOOT_LIMIT_MS)) as [number];
    const raw = withRaw ? await timeRawCommands(send, watch, prompt) : undefined;
    return { shellMs: shell - began, raw };
  };
  try {
    return await Promise.race([measured(), ended]);
  } finally {
    await close();
  }
}
