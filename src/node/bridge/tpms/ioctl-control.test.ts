/** The ioctls behind the control commands: numbers and fields as swtpm's header has them, long data in pieces. */
import { endianness } from "node:os";
import { expect, it } from "vitest";
import { toHex } from "../../../protocol/bytes/hex.ts";
import {
  getCapability,
  getInfo,
  getStateBlob,
  hashData,
  init,
  PTM_CAP,
  setBufferSize,
  setLocality,
  setStateBlob,
  shutdown,
  stop,
} from "../../../protocol/swtpm/index.ts";
import { IoctlError } from "./ioctl.ts";
import { IoctlControl, PTM_STATE_BLOB_SIZE } from "./ioctl-control.ts";

const LITTLE = endianness() === "LE";

/** A driver that notes what it is asked, and answers with these words. */
function driver(
  answer: (request: number, argument: DataView, call: number) => readonly number[] | undefined,
) {
  const calls: { request: string; argument: Uint8Array }[] = [];
  const control = new IoctlControl(async (request, argument) => {
    calls.push({ request: request.toString(16), argument: argument.slice() });
    const view = new DataView(argument.buffer);
    const reply = answer(request, view, calls.length - 1);
    if (!reply) throw new IoctlError("no such ioctl");
    for (const [index, value] of reply.entries())
      if (4 * index < argument.length) view.setUint32(4 * index, value, LITTLE);
  });
  return { calls, control };
}

const word = (bytes: Uint8Array, index: number) =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(4 * index, LITTLE);

it("has the numbers and sizes of swtpm's header", async () => {
  const { calls, control } = driver(() => [0, 7, 8, 9]);
  // _IOWR('P', 1, 4), _IOWR('P', 4, 4), _IOR('P', 13, 4), _IOWR('P', 16, 16)
  expect(toHex(await control.answer(init(1).request))).toBe("00000000");
  expect(toHex(await control.answer(setLocality(3).request))).toBe("00000000");
  expect(toHex(await control.answer(stop().request))).toBe("00000000");
  expect(toHex(await control.answer(setBufferSize(4096).request))).toBe("00000000000000070000000800000009");
  expect(calls.map(({ request }) => request)).toEqual(["c0045001", "c0045004", "8004500d", "c0105010"]);
  expect([0, 3].map((call) => word(calls[call]!.argument, 0))).toEqual([1, 4096]);
  expect(calls[1]!.argument[0]).toBe(3);
});

it("does not offer what only sockets have, and never ends the far side", async () => {
  const { control } = driver(() => [0x1ffff, 0]);
  const reply = await control.answer(getCapability().request);
  const without = PTM_CAP.SHUTDOWN | PTM_CAP.SET_DATAFD | PTM_CAP.SEND_COMMAND_HEADER;
  expect(Number(`0x${toHex(reply.subarray(4))}`)).toBe(0x1ffff & ~without);
  expect(toHex(await control.answer(shutdown().request))).toBe("0000000a");
});

it.each([0, 1, 3071, 3072, 3073, 6144])("gives and takes a blob of %d bytes in pieces", async (size) => {
  const blob = Uint8Array.from({ length: size }, (_, index) => index * 7);
  const give = driver((_, argument) => {
    const offset = argument.getUint32(8, LITTLE);
    const piece = blob.subarray(offset, offset + PTM_STATE_BLOB_SIZE);
    new Uint8Array(argument.buffer).set(piece, 16);
    return [0, 2, size, piece.length];
  });
  const reply = await give.control.answer(getStateBlob("permanent").request);
  const length = size.toString(16).padStart(8, "0");
  expect(toHex(reply)).toBe(`0000000000000002${length}${length}${toHex(blob)}`);
  const sent: number[] = [];
  const taken: Uint8Array[] = [];
  const take = driver((_, argument) => {
    sent.push(argument.getUint32(8, LITTLE));
    taken.push(new Uint8Array(argument.buffer.slice(12, 12 + sent.at(-1)!)));
    return [0];
  });
  expect(toHex(await take.control.answer(setStateBlob("volatile", blob, 2).request))).toBe("00000000");
  expect(toHex(Buffer.concat(taken))).toBe(toHex(blob));
  // The last piece is not a full one: that says that it is the last.
  expect(sent.at(-1)).toBe(size % PTM_STATE_BLOB_SIZE);
  expect(sent).toHaveLength(Math.floor(size / PTM_STATE_BLOB_SIZE) + 1);
  expect([0, 1].map((index) => word(take.calls[0]!.argument, index))).toEqual([2, 2]);
});

it("hashes long data in pieces, and stops at the first that is refused", async () => {
  const { calls, control } = driver((_, __, call) => [call === 2 ? 9 : 0]);
  expect(toHex(await control.answer(hashData(new Uint8Array(20_000)).request))).toBe("00000009");
  expect(calls.map(({ argument }) => word(argument, 0))).toEqual([4096, 4096, 4096]);
});

it("passes refusals on as sockets have them", async () => {
  const refusing = driver(() => [0x800]).control;
  expect(toHex(await refusing.answer(getStateBlob("savestate").request))).toBe(`00000800${"00".repeat(12)}`);
  expect(toHex(await refusing.answer(getInfo(3).request))).toBe("00000800");
  const unknown = driver(() => undefined).control;
  expect(toHex(await unknown.answer(stop().request))).toBe("0000001f");
  expect(toHex(await unknown.answer(new Uint8Array(4)))).toBe("0000000a");
  expect(toHex(await unknown.answer(init(0).request.subarray(0, 4)))).toBe("00000003");
});
