/**
 * What files from anybody may have, all in one place. A file beyond a limit is refused in words that name it; nothing
 * of it is kept then. What the page itself writes stays far below. Event logs and lists of Linux's IMA have limits of
 * their own, in `eventlog/`, which runs anywhere: of those the rest is left out, and said to be.
 */

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** The last millisecond of the year 9999, since 1970: dates are written with four digits. */
export const LAST_TIME = Date.UTC(10_000, 0) - 1;

/** A recording of a boot (`recording/`). Sizes are bytes. */
export const RECORDING = {
  /** Of the file as it is. */
  file: 64 * MIB,
  /** Of the JSON that comes out of it. */
  text: 128 * MIB,
  /** Values in that JSON, whatever they are: what a parser makes of it is many times larger than the text. */
  values: 4_000_000,
  /** Characters of the machine's label. */
  label: 1000,
  /** Milliseconds from the machine's start on: ten years. */
  duration: 10 * 365 * 86_400_000,
  commands: 50_000,
  /** Of a command, and of a response. */
  message: 64 * KIB,
  /** Pieces of the console's output. */
  serial: 500_000,
  /** Of the console's output in all. */
  serialBytes: 16 * MIB,
  /** Changes of PCRs. */
  pcrs: 500_000,
  /** Growths of the event log. */
  log: 100_000,
  /** Of the event log, which is read anew each time that it has grown. */
  logBytes: MIB,
  /** Runs of accesses. */
  runs: 500_000,
  /** Accesses that these stand for: what the page can show. */
  accesses: 1_000_000,
} as const;

/** An exported machine (`vault/`): a zip file. Sizes are bytes. */
export const BUNDLE = {
  /** Of the file as it is. */
  file: 4 * GIB,
  /** Files in it. */
  entries: 20_000,
  manifest: 8 * MIB,
  snapshots: 1000,
  /** Characters of a name, a path or a description. */
  text: 1000,
  /** Values among a machine's settings, levels of values within values, and characters of one. */
  settings: 1000,
  settingsDepth: 16,
  setting: 10_000,
  /** Of everything that the manifest names, together: it is held in memory at once. */
  contents: 2 * GIB,
  /** Of a state blob of the TPM. swtpm takes 512 KiB. */
  blob: 4 * MIB,
  /** Of the device's registers as JSON. */
  device: 256 * KIB,
  /** Of a snapshot's event log. */
  eventLog: 64 * MIB,
  /** Of the memory of physical presence. */
  ppi: KIB,
  /** Of the emulator's state, unpacked. */
  emulator: 3 * GIB,
} as const;

/** A file behind a passphrase (`session/vault/sealed.ts`): how dear the making of its key may be. */
export const SEALED = {
  /** Of the file: it is decrypted in one piece. */
  file: 2 * GIB,
  /** Of the two lines before the contents. */
  header: 4 * KIB,
  /** Of scrypt's memory, 128 * N * r bytes; exports take 128 MiB. */
  memory: GIB,
  /** Of scrypt's work, N * r * p: four times as much as the largest memory once through. */
  work: 4 * (GIB / 128),
  /** Of the salt. */
  leastSalt: 16,
  mostSalt: 64,
} as const;

/** A state file of swtpm (`protocol/swtpm/state-file.ts`), in bytes. */
export const STATE_FILE = { file: BUNDLE.blob } as const;

/** TPM messages (`messages.ts`): a packet capture, or bytes. Sizes are bytes. */
export const MESSAGES = {
  /** Of the file as it is. */
  file: 64 * MIB,
  /** Of its start, by which captures are known. */
  start: 24,
  commands: 50_000,
} as const;

/** A reading in a worker (`session/reading/client.ts`). */
export const READING = {
  /**
   * Seconds without a word from the worker after which it counts as stuck: the longest step that tells nothing, the JSON
   * of a recording at its limits, takes some ten on a slow host.
   */
  silence: 120,
} as const;

/** E.g. "1,000". */
const inWords = (most: number) => most.toLocaleString("en");

/** Words for what is beyond a limit, e.g. "it has more than 50,000 commands, the most that this page reads". */
export const beyond = (most: number, what: string): string =>
  `it has more than ${inWords(most)} ${what}, the most that this page reads`;
