/** Why apt could not fetch something, told apart by what it prints (apt 2.x, in English). */
import { SetUpError } from "./set-up-error.ts";

/** What is the matter: each needs something else to be done. */
export type AptTrouble = "network" | "clock" | "keyring" | "checksum" | "gone" | "place" | "other";

/** Packages could not be fetched. */
export class AptError extends SetUpError {
  override readonly name = "AptError";

  constructor(
    readonly trouble: AptTrouble,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export const KEYRING_PACKAGE = "debian-archive-keyring";

/** In the order in which they are looked for: what comes later may follow from what comes first. */
const SIGNS: readonly [AptTrouble, RegExp][] = [
  ["place", /No space left on device|Read-only file system|Permission denied|Disk quota exceeded/i],
  ["clock", /not valid yet|is expired|EXPKEYSIG/i],
  [
    "keyring",
    /NO_PUBKEY|is not signed|not available: |couldn't be verified|BADSIG|keyring.*(unreadable|ignored)/i,
  ],
  ["checksum", /Hash Sum mismatch|unexpected size|Mirror sync in progress/i],
  [
    "network",
    /Could not (resolve|connect)|Cannot initiate the connection|Connection (failed|timed out|refused|reset)|Temporary failure|Network is unreachable|No route to host|Unable to connect|Undetermined Error|\b(407|50\d) /i,
  ],
  [
    "gone",
    /404 +Not Found|does not have a Release file|no longer has a Release file|Unable to locate package|was not found/i,
  ],
];

const ADVICE: Record<AptTrouble, (mirror: string) => string> = {
  network: (mirror) =>
    `There is no way to ${mirror} now. Check the network (behind a proxy: http_proxy), then start again; what has been fetched is kept.`,
  clock: () =>
    "The archive's signature is not valid at this time: is the computer's clock right? Set it, then start again.",
  keyring: () =>
    `The archive's signature cannot be checked: its keys are missing or too old. Install them, then start again:\n\n  sudo apt-get install ${KEYRING_PACKAGE}\n`,
  checksum: (mirror) =>
    `What came from ${mirror} has a wrong checksum: it was cut or changed on the way, or the mirror is being updated. It was thrown away; start again later, or with another mirror in /etc/apt.`,
  gone: (mirror) => `${mirror} no longer has it.`,
  place: () =>
    "It cannot be stored: make room, or make the folder writable, or name another with WEBTPM_CACHE; then start again.",
  other: () => "apt said:",
};

/** What `text` is about, as apt has printed it. */
export function aptTrouble(text: string): AptTrouble {
  return SIGNS.find(([, pattern]) => pattern.test(text))?.[0] ?? "other";
}

/** The lines of apt's output that are errors and warnings. */
const complaints = (text: string) =>
  text
    .split("\n")
    .filter((line) => /^\s*([EW]:|Err:)/.test(line))
    .slice(0, 6)
    .map((line) => `  ${line.trim()}`)
    .join("\n");

/** @param what was to be fetched. */
export function aptError(what: string, mirror: string, cause: Error): AptError {
  const trouble = aptTrouble(cause.message);
  const said = complaints(cause.message) || cause.message;
  const words = `Debian packages could not be fetched (${what}). ${ADVICE[trouble](mirror)}`;
  return new AptError(trouble, `${words}\n${said}`, { cause });
}
