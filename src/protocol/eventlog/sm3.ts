/**
 * The SM3 hash, which TPMs for China have a PCR bank of; the library that the other hashes come from has none.
 * Source: GB/T 32905-2016 (draft-sca-cfrg-sm3-02), sections 4 and 5; the letters are the standard's.
 */

const START = [
  0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
];
const BLOCK = 64;
const ROUNDS = 64;
/** From this round on, other Boolean functions and another constant are used. */
const SECOND_PART = 16;

const rotl = (x: number, n: number) => (x << (n & 31)) | (x >>> (32 - (n & 31)));
const p0 = (x: number) => x ^ rotl(x, 9) ^ rotl(x, 17);
const p1 = (x: number) => x ^ rotl(x, 15) ^ rotl(x, 23);

/** The 32-byte digest of `data`. */
export function sm3(data: Uint8Array): Uint8Array {
  const padded = pad(data);
  const view = new DataView(padded.buffer);
  const state = Int32Array.from(START);
  const words = new Int32Array(ROUNDS + 4);
  for (let at = 0; at < padded.length; at += BLOCK) compress(state, words, view, at);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => {
    digest.setInt32(4 * i, word);
  });
  return new Uint8Array(digest.buffer);
}

/** A one bit, zeros, and the length in bits, up to whole blocks. */
function pad(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil((data.length + 9) / BLOCK) * BLOCK);
  padded.set(data);
  padded[data.length] = 0x80;
  new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(data.length) * 8n);
  return padded;
}

function compress(state: Int32Array, words: Int32Array, view: DataView, at: number): void {
  const w = (i: number) => words[i] as number;
  for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + 4 * i);
  for (let i = 16; i < words.length; i++) {
    words[i] = p1(w(i - 16) ^ w(i - 9) ^ rotl(w(i - 3), 15)) ^ rotl(w(i - 13), 7) ^ w(i - 6);
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [
    ...[number, number, number, number],
    ...[number, number, number, number],
  ];
  for (let j = 0; j < ROUNDS; j++) {
    const first = j < SECOND_PART;
    const a12 = rotl(a, 12);
    const ss1 = rotl((a12 + e + rotl(first ? 0x79cc4519 : 0x7a879d8a, j)) | 0, 7);
    const ff = first ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
    const gg = first ? e ^ f ^ g : (e & f) | (~e & g);
    const tt1 = (ff + d + (ss1 ^ a12) + (w(j) ^ w(j + 4))) | 0;
    const tt2 = (gg + h + ss1 + w(j)) | 0;
    [d, c, b, a] = [c, rotl(b, 9), a, tt1];
    [h, g, f, e] = [g, rotl(f, 19), e, p0(tt2)];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] = (state[i] as number) ^ word;
  });
}
