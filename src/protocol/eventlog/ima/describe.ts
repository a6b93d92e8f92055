/** What an entry of the IMA list says, in words. Names of buffers are those of Linux's IMA ("Documentation/ABI/testing/ima_policy"). */
import type { ImaEntry } from "./list.ts";

/** Names that are no file's, by what was measured. */
const NAMED: ReadonlyMap<string, string> = new Map([
  [
    "boot_aggregate",
    "The hash of the PCRs that firmware and boot loader had extended when Linux started: it ties this list to that boot",
  ],
  ["kexec-cmdline", "The command line of a kernel that this one was told to start in its place"],
  [".builtin_trusted_keys", "A key that was put among the kernel's trusted keys"],
  [".ima", "A key that was put among those that files are checked with"],
]);

/** One sentence, without its full stop. */
export function describeImaEntry({ name, template, violation, file }: ImaEntry): string {
  if (violation)
    return "The file was open for writing while it was measured, so nobody can say what was used";
  const known = NAMED.get(name);
  if (known) return known;
  if (template === "ima-buf") return "Not a file, but bytes that the kernel was given";
  if (!file) return "Its template is not known here, so its fields cannot be told apart";
  return "A file, with the digest of its content. Linux measured it before anything of it was used";
}
