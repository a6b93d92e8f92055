/** The swtpm client against an swtpm that misbehaves. Against the real one it is tested in `node/bridge/swtpm.native.test.ts`. */
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../protocol/bytes/hex.ts";
import { SwtpmError } from "../protocol/swtpm/commands.ts";
import {
  BackendCapabilityError,
  BackendClosedError,
  BackendNotStartedError,
  BackendProtocolError,
  BackendVersionError,
  StateRefusedError,
} from "./errors.ts";
import {
  COMMAND,
  deliver,
  errorOf,
  header,
  make,
  RESPONSE,
  settle,
  started,
} from "./testing/scripted-backend.ts";
import { chunks, framed } from "./testing/scripted-swtpm.ts";

describe("power", () => {
  it("comes on in QEMU's order", async () => {
    const { swtpm, backend } = make();
    const info = await backend.start();
    expect(info).toEqual({
      version: "2.0",
      bufferSize: 4096,
      description: "swtpm",
      capabilities: { state: true, reset: true, cancel: true, locality: true, hash: true },
    });
    expect(swtpm.order.map((line) => line.slice(0, 12))).toEqual([
      "data 8001000",
      "control 01",
      "control 12",
      "control 0e",
      "control 11",
      "control 02",
    ]);
    expect(toHex(fromHex(swtpm.control.sent.at(-1)!))).toBe("0000000200000000");
  });

  it("takes replies in pieces of one byte", async () => {
    const { swtpm, backend } = make();
    for (const number of Object.keys(swtpm.replies))
      swtpm.replies[number] = chunks(swtpm.replies[number] as string, 1);
    await backend.start();
    const state = await backend.getState();
    expect(toHex(state.permanent.bytes)).toBe("deadbeef");
  });

  it("uses the buffer size that swtpm agrees to", async () => {
    const { swtpm, backend } = make();
    swtpm.replies["11"] = "00000000 00000b00 00000af8 00001000".replaceAll(" ", "");
    expect((await backend.start()).bufferSize).toBe(0xb00);
    await expect(
      backend.deliver(0, fromHex(`800100000b0100000000${"00".repeat(0xb01 - 10)}`)),
    ).rejects.toThrow("10 to 2816 bytes");
  });

  it("sets blobs between power off and power on, in their order, and skips empty ones", async () => {
    const { swtpm, backend } = make();
    const blob = (hex: string, flags = 0) => ({ bytes: fromHex(hex), flags });
    await backend.start({ state: { permanent: blob("01"), volatile: blob("0203", 2), savestate: blob("") } });
    expect(swtpm.control.sent.slice(-5)).toEqual([
      "0000000e",
      `0000000d00000000000000010000000101`,
      `0000000d0000000200000002000000020203`,
      "0000001100001000",
      "0000000200000001",
    ]);
  });

  it("stays off after a refused blob, for good", async () => {
    const { swtpm, backend, failures } = make();
    swtpm.replies["0d"] = "00000083";
    const empty = { bytes: new Uint8Array(0), flags: 0 };
    const state = { permanent: { bytes: fromHex("01"), flags: 0 }, volatile: empty, savestate: empty };
    const error = await errorOf(backend.start({ state }));
    expect(error).toBeInstanceOf(StateRefusedError);
    expect(error.message).toContain("permanent state");
    expect(error.cause).toBeInstanceOf(SwtpmError);
    expect(failures).toEqual([error]);
    await expect(backend.reset()).rejects.toThrow(BackendClosedError);
    await expect(backend.start()).rejects.toThrow(BackendClosedError);
    expect(swtpm.controls).not.toContain("02");
    expect(swtpm.control.open).toBe(false);
  });

  it("fails for good when CMD_INIT is refused at a reset", async () => {
    const { swtpm, backend, failures } = await started();
    swtpm.replies["02"] = "00000101";
    await expect(backend.reset()).rejects.toThrow("CMD_INIT with 0x101");
    expect(failures).toHaveLength(1);
    await expect(deliver(backend)).rejects.toThrow(BackendClosedError);
  });

  it("needs the capabilities that it uses, and names those that are missing", async () => {
    const { swtpm, backend } = make();
    swtpm.replies["01"] = "00000000 0000dbff".replaceAll(" ", "");
    const error = await errorOf(backend.start());
    expect(error).toBeInstanceOf(BackendCapabilityError);
    expect(error.message).toContain("serve a TPM 2.0: it lacks the capability STOP, SET_BUFFERSIZE");
    expect(swtpm.controls).toEqual(["01"]);
  });

  it("is refused to a TPM of the other version, and to what is no TPM", async () => {
    const other = make({ version: "1.2" });
    other.swtpm.data.respond = () => "80010000000a00000101";
    await expect(other.backend.start()).rejects.toThrow(
      new BackendVersionError("a TPM 2.0 answers; TPM 1.2 was asked for"),
    );
    const odd = make();
    odd.swtpm.data.respond = () => "48540000000a50202020";
    await expect(odd.backend.start()).rejects.toThrow("tag 0x4854");
    const liar = make();
    liar.swtpm.replies["12"] =
      `000000000000002700000027${toHex(new TextEncoder().encode('{"TPMSpecification":{"family":"1.2"}} \0'))}`;
    await expect(liar.backend.start()).rejects.toThrow("calls itself 1.2");
  });

  it("goes off: CMD_STOP, CMD_SHUTDOWN for an swtpm of ours, both channels closed, and no failure", async () => {
    const { swtpm, backend, failures } = await started({ owned: true });
    await backend.shutdown();
    expect(swtpm.order).toEqual(["control 0e", "control 03"]);
    expect([swtpm.control.open, swtpm.data.open]).toEqual([false, false]);
    await expect(deliver(backend)).rejects.toThrow("the TPM was shut down");
    await backend.shutdown();
    expect(failures).toEqual([]);
    const shared = await started();
    await shared.backend.shutdown();
    expect(shared.swtpm.order).toEqual(["control 0e"]);
  });

  it("has to be on before anything else", async () => {
    const { backend } = make();
    await expect(deliver(backend)).rejects.toThrow(BackendNotStartedError);
    await expect(backend.reset()).rejects.toThrow(BackendNotStartedError);
    await expect(backend.getState()).rejects.toThrow(BackendNotStartedError);
  });
});

describe("commands", () => {
  it("are one write each, at their locality, and never two at a time", async () => {
    const { swtpm, backend } = await started();
    const first = deliver(backend, 0);
    const second = deliver(backend, 3);
    expect(swtpm.order).toEqual([`data ${header(0)}${COMMAND}`]);
    swtpm.data.arrive(...chunks(framed(RESPONSE), 3));
    expect(toHex(await first)).toBe(RESPONSE);
    expect(swtpm.order).toEqual([`data ${header(0)}${COMMAND}`, `data ${header(3)}${COMMAND}`]);
    swtpm.data.arrive(framed(RESPONSE));
    expect(toHex(await second)).toBe(RESPONSE);
  });

  it("without the header are preceded by CMD_SET_LOCALITY when the locality changes", async () => {
    const { swtpm, backend } = await started({ version: "1.2" });
    swtpm.data.respond = (request) => {
      swtpm.order.push(`data ${request}`);
      return RESPONSE;
    };
    await Promise.all([deliver(backend, 2), deliver(backend, 2), deliver(backend, 0)]);
    await backend.reset();
    await deliver(backend, 0);
    const data = `data ${COMMAND}`;
    expect(swtpm.order).toEqual([
      "control 05",
      data,
      data,
      "control 05",
      data,
      "control 0e",
      "control 11",
      "control 02",
      "control 05",
      data,
    ]);
    expect(swtpm.control.sent.filter((request) => request.startsWith("00000005"))).toEqual([
      "0000000502",
      "0000000500",
      "0000000500",
    ]);
  });

  it("fail alone when their locality is refused", async () => {
    const { swtpm, backend, failures } = await started({ version: "1.2" });
    swtpm.replies["05"] = "0000003d";
    await expect(deliver(backend, 4)).rejects.toThrow("TPM_BAD_LOCALITY");
    swtpm.replies["05"] = "00000000";
    swtpm.data.respond = () => RESPONSE;
    expect(toHex(await deliver(backend, 0))).toBe(RESPONSE);
    expect(failures).toEqual([]);
  });

  it("that are not whole are never sent", async () => {
    const { swtpm, backend } = await started();
    await expect(backend.deliver(0, fromHex("800100000006"))).rejects.toThrow(RangeError);
    await expect(backend.deliver(0, fromHex(`${COMMAND}00`))).rejects.toThrow("says 12, it has 13 bytes");
    await expect(backend.deliver(5, fromHex(COMMAND))).rejects.toThrow("no locality 5");
    expect(swtpm.order).toEqual([]);
  });

  it.each([
    ["a length that cannot be", `0000000c80010000000900000000`, "says 9"],
    ["more bytes than the buffer holds", `000010018001000010010000`, "says 4097"],
    ["bytes after the response", `${framed(RESPONSE)}00`, "1 bytes follow"],
  ])("whose answer has %s fail the backend", async (_, answer, words) => {
    const { swtpm, backend, failures } = await started();
    const command = deliver(backend);
    const waiting = deliver(backend);
    swtpm.data.arrive(`${answer}${"00".repeat(20)}`.slice(0, Math.max(answer.length, 28)));
    const error = await errorOf(command);
    expect(error).toBeInstanceOf(BackendProtocolError);
    expect(error.message).toContain(words);
    expect(await errorOf(waiting)).toBe(error);
    expect(failures).toEqual([error]);
  });

  it("answered unasked fail the backend, on either channel", async () => {
    const data = await started();
    data.swtpm.data.arrive(RESPONSE);
    const control = await started();
    control.swtpm.control.arrive("00000000");
    await settle();
    expect(data.failures[0]?.message).toContain("12 bytes on its data channel unasked");
    expect(control.failures[0]?.message).toContain("4 bytes on its control channel unasked");
  });
});

describe("the queue", () => {
  it("keeps a reset, the flag and the state in order with commands", async () => {
    const { swtpm, backend } = await started();
    const done: string[] = [];
    const note = (name: string) => () => void done.push(name);
    const all = Promise.all([
      deliver(backend).then(note("first")),
      backend.reset().then(note("reset")),
      backend.establishmentFlag().then(note("flag")),
      deliver(backend, 1).then(note("second")),
    ]);
    await settle();
    expect(swtpm.order).toEqual([`data ${header(0)}${COMMAND}`]);
    swtpm.data.arrive(framed(RESPONSE));
    await settle();
    expect(swtpm.order.slice(1)).toEqual([
      "control 0e",
      "control 11",
      "control 02",
      "control 04",
      `data ${header(1)}${COMMAND}`,
    ]);
    swtpm.data.arrive(framed(RESPONSE));
    await all;
    expect(done).toEqual(["first", "reset", "flag", "second"]);
  });

  it("goes on after an exchange that swtpm refused", async () => {
    const { swtpm, backend, failures } = await started();
    swtpm.replies["0b"] = "0000003d";
    await expect(backend.resetEstablishmentFlag(1)).rejects.toBeInstanceOf(SwtpmError);
    swtpm.replies["04"] = "0000000001000000";
    expect(await backend.establishmentFlag()).toBe(true);
    expect(failures).toEqual([]);
  });

  it("reads a blob that comes in several replies, and takes TPM_RETRY for none", async () => {
    const { swtpm, backend } = await started();
    const pieces = ["00000000 00000002 00000003 00000002 aabb", "00000000 00000002 00000001 00000001 cc"];
    const respond = swtpm.control.respond;
    swtpm.control.respond = (request) =>
      request.startsWith("0000000c0000000100000003")
        ? `00000800${"00".repeat(12)}`
        : request.startsWith("0000000c")
          ? pieces.shift()?.replaceAll(" ", "")
          : respond(request);
    expect(await backend.getStateBlob("volatile")).toEqual({ bytes: fromHex("aabbcc"), flags: 2 });
    expect(swtpm.control.sent.at(-1)).toBe("0000000c000000010000000200000002");
    expect((await backend.getStateBlob("savestate")).bytes).toHaveLength(0);
  });
});
