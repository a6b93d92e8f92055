/** Small files of each kind, whole and right, for tests that make them wrong. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../../protocol/bytes/hex.ts";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import type { Seed } from "./testing-mutations.ts";

const digest = (byte: string, size: number) => byte.repeat(size);
const bank = (algorithm: string, size: number) =>
  Array.from({ length: 24 }, (_, pcr) => [0, algorithm, pcr, digest("00", size)]);

const STARTUP = "80010000000c000001440000";
const GET_RANDOM = "80010000000c0000017b0008";

/** Recordings as JSON values: of a TPM 2.0 with everything, of a TPM 1.2, and of hashes that are not known here. */
export const RECORDINGS: readonly object[] = [
  {
    format: "webtpm-recording",
    version: 1,
    label: "Linux",
    tpm: "2.0",
    at: 1_700_000_000_000,
    duration: 2000,
    commands: [
      [1, 0.5, 0, "guest", STARTUP, "80010000000a00000000"],
      [2, 1.25, 0, "page", GET_RANDOM, "8001000000140000000000080011223344556677"],
      [3, 1, 4, "guest", "00", null],
    ],
    serial: [
      [5, "4c696e7578"],
      [6, "e29c93"],
    ],
    pcrs: [...bank("sha1", 20), ...bank("sha256", 32), [9, "sha256", 7, digest("11", 32)]],
    log: [
      [7, "0011"],
      [8, "2233"],
    ],
    accesses: [
      [1, 0x40018, 1],
      [1, 0x40018, 1, 3],
      [2, 0x40018, 0x80, 1, 2],
      [3, 0x1_0024, "00112233"],
    ],
  },
  {
    format: "webtpm-recording",
    version: 1,
    label: "",
    tpm: "1.2",
    at: 0,
    duration: 0,
    commands: [[0, 0, 0, "guest", "00c10000000c000000990001", "00c40000000a00000000"]],
    serial: [],
    pcrs: bank("0x0099", 28),
    log: [],
  },
];

/** swtpm's header and the one tag within, around a state. */
function stateFile(state: Uint8Array): Uint8Array {
  const tagged = new ByteWriter().u16be(1).u32be(state.length).bytes(state).finish();
  const file = new ByteWriter().u8(2).u8(1).u16be(10).u16be(0);
  return file
    .u32be(10 + tagged.length)
    .bytes(tagged)
    .finish();
}

const state2 = (version: number, magic: number, lowest: number) =>
  new ByteWriter().u16be(version).u32be(magic).u16be(lowest).zeros(200).finish();
const state1 = (...tags: readonly number[]) => {
  const state = new ByteWriter();
  for (const tag of tags) state.u16be(tag);
  return state.zeros(100).finish();
};
/** Of header, tag and state; and of what libtpms' header has. */
const STATE_STARTS = [0, 2, 4, 6, 10, 12, 16, 18, 22] as const;

/** swtpm's state files of each kind. */
export const STATE_FILES: readonly Seed[] = [
  ...[state2(3, 0xab364723, 1), state2(4, 0x45637889, 1), state2(9, 0xab364723, 8)],
  ...[state1(0x0001, 0x0022), state1(0x0001, 0x0001), state1(0x0024)],
].map((state) => ({ bytes: stateFile(state), starts: STATE_STARTS }));

/** A state file whose sizes fit what it has: a change deeper down is what a reader meets then. */
export function withSizes(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer);
  if (bytes.length < 16) return bytes;
  view.setUint32(6, bytes.length);
  view.setUint32(12, bytes.length - 16);
  return bytes;
}

// biome-ignore lint/suspicious/noExplicitAny: a manifest that was or will be made wrong
type Manifest = any;
export type Files = Readonly<Record<string, Uint8Array>>;

/** The manifest with the sizes and digests that the files have. */
export function honest(manifest: Manifest, files: Files): Manifest {
  const told = structuredClone(manifest);
  const about = (path: string) => ({ size: files[path]!.length, sha256: toHex(sha256(files[path]!)) });
  for (const one of told.files) Object.assign(one, about(one.path));
  for (const name of Object.keys(told.tpm.blobs))
    Object.assign(told.tpm.blobs[name], about(`tpm/${name}.blob`));
  for (const { folder, snapshot } of told.snapshots)
    for (const part of snapshot.parts) {
      const { size, sha256 } = about(
        told.files.find(({ path }: { path: string }) => path.startsWith(`${folder}/${part.name}.`)).path,
      );
      if (part.compression === "none") Object.assign(part, { size, sha256 });
      part.storedSize = size;
    }
  return told;
}

/** Where the records of a zip file begin. */
export function zipRecords(zip: Uint8Array): Seed {
  const starts: number[] = [];
  for (let at = 0; at + 4 <= zip.length; at++)
    if (zip[at] === 0x50 && zip[at + 1] === 0x4b && zip[at + 2]! < 8 && zip[at + 3]! < 9) starts.push(at);
  return { bytes: zip, starts };
}
