/**
 * Reads the guest's serial console line by line: what the kernel says of its TPM, whether the guest has died, and
 * whether its shell has come.
 *
 * A kernel's line is known by its time stamp, wherever it stands: it may begin behind a prompt. Only where the kernel
 * was seen to print none may it go without.
 */
import type { GuestDied } from "./verdict.ts";

/** printk's time, and the thread or processor that some kernels add. */
const STAMP = /\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? /g;
/** What a shell prints when it takes commands: the end of a short line. */
const PROMPT = /^[^\n]{0,40}[#$] $/;
const UNSTAMPED_KERNEL = /^Linux version \d/;
/** Characters of a line that are looked at. */
const LONGEST_LINE = 500;
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals' control sequences begin with ESC.
const CONTROL_SEQUENCE = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** What Linux says when it cannot use its TPM (drivers/char/tpm, security/integrity/ima, drivers/base/dd.c). */
const TPM_TROUBLE: readonly RegExp[] = [
  /^tpm_(tis|crb)\w*\b.*\b(timeout|timed out)\b/i,
  /^tpm_(tis|crb)\w*\b.*\bprobe\b.*\bfailed\b/,
  /^tpm tpm\d+: A TPM error \(-?\d+\) occurred\b/,
  /^tpm tpm\d+: tpm_try_transmit: /,
  /^tpm tpm\d+: (Operation Timed out|TPM self test failed|TPM is disabled|TPM in field failure mode)/i,
  /^tpm tpm\d+: .*\bUnable to (read|get)\b/,
  /^ima: No TPM chip found\b/,
];
/** The same in the words of the project's own guest, whose kernel prints nothing but emergencies. */
const GUEST = /^WebTPM guest, /;
const NO_TPM = /^WebTPM guest, .*\bno TPM$/;

const DEATHS: readonly [GuestDied["how"], RegExp][] = [
  ["panic", /^Kernel panic - not syncing: /],
  ["panic", /IO-APIC \+ timer doesn't work!/],
  ["panic", /Attempted to kill init!/],
  ["oops", /^(BUG: (?!soft lockup)|kernel BUG at |Oops: |Internal error: Oops)/],
  [
    "oops",
    /^(general protection fault|divide error|invalid opcode|double fault|stack segment)\b.*: [0-9a-f]{4} \[#\d+\]/,
  ],
];
/** From the project's own first program; it comes without a kernel's time. */
const NO_SHELL = /^init: cannot (start \/|fork)/;

export class ConsoleWatch {
  #line = "";
  #stamped = true;
  #shell = false;
  #system = false;
  #died: GuestDied | undefined;
  #trouble: string | undefined;
  #last = "";

  /** The shell has come. */
  get shell(): boolean {
    return this.#shell;
  }

  /** The operating system has begun: what is on the console is its own. Firmware may write there too. */
  get system(): boolean {
    return this.#system || this.#shell;
  }

  get died(): GuestDied | undefined {
    return this.#died;
  }

  /** The first line by which the kernel says that its TPM does not work. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** The last line that was not empty. */
  get last(): string {
    return this.#last || this.#line.trim();
  }

  take(text: string): void {
    const lines = (this.#line + text).replace(/\r/g, "").replace(CONTROL_SEQUENCE, "").split("\n");
    this.#line = (lines.pop() as string).slice(-LONGEST_LINE);
    for (const line of lines) this.#read(line.slice(0, LONGEST_LINE));
    if (PROMPT.test(this.#line)) this.#prompted();
  }

  #prompted(): void {
    this.#shell = true;
    // Who takes commands is not dead.
    if (this.#died?.how !== "oops") this.#died = undefined;
  }

  #read(line: string): void {
    if (line.trim()) this.#last = line.trim();
    if (UNSTAMPED_KERNEL.test(line)) this.#stamped = false;
    if (GUEST.test(line)) this.#system = true;
    if (NO_TPM.test(line)) this.#trouble ??= line;
    if (!this.#shell && NO_SHELL.test(line)) this.#died ??= { kind: "guest died", how: "no shell", line };
    const said = this.#kernelSaid(line);
    if (said === undefined) return;
    this.#system = true;
    if (TPM_TROUBLE.some((pattern) => pattern.test(said))) this.#trouble ??= said;
    const how = DEATHS.find(([, pattern]) => pattern.test(said))?.[0];
    // A panic often follows an oops, and says more.
    if (how && (!this.#died || (this.#died.how === "oops" && how === "panic")))
      this.#died = { kind: "guest died", how, line: said };
  }

  /** A line of the kernel without its time; undefined for a line of somebody else. */
  #kernelSaid(line: string): string | undefined {
    const stamp = Array.from(line.matchAll(STAMP)).at(-1);
    if (stamp) return line.slice(stamp.index + stamp[0].length).trim();
    return this.#stamped ? undefined : line;
  }
}
