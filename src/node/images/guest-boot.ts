/** How the guest is booted, whichever machine it is in. */
import type { KernelName } from "../../session/images/manifest.ts";

/** Guest RAM that the images were tried with, in bytes. */
export const MEMORY_SIZE = 128 * 1024 * 1024;

/** The shell's prompt, as `guest/init.c` sets it. */
export const PROMPT = "webtpm# ";

/** What both kernels are told. Messages stay in `dmesg`, because each byte on the serial line costs time. */
const COMMON_CMDLINE = "console=ttyS0 loglevel=3";

/** What each kernel boots best with; every part was measured under v86. */
export const CMDLINE: Record<KernelName, string> = {
  // Linux uses the TPM's interrupt only if told so, and then if the firmware has told it of a line.
  small: `${COMMON_CMDLINE} tsc=reliable tpm_tis.interrupts=1`,
  stock: [
    COMMON_CMDLINE,
    "mitigations=off nokaslr random.trust_cpu=on audit=0 apparmor=0 8250.nr_uarts=1 i8042.noaux",
    // Self tests, tracing and signed modules are of no use here, and cost a quarter of the boot.
    "noisapnp cryptomgr.notests",
    "initcall_blacklist=crypto_kdf108_init,load_system_certificate_list,trace_eval_init,event_trace_init," +
      "init_kprobe_trace,tracer_init_tracefs",
  ].join(" "),
};
