/** The swtpm tool as its users see it: two TCP ports, with the real hidden machine behind them. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { freePort, listenSwtpm } from "../bridge/swtpm-listening.ts";
import { main } from "./swtpm.ts";
import { readHiddenFiles } from "./swtpm-machine.ts";

const LIMIT = 60_000;
const GET_RANDOM = "80010000000c0000017b0008";
const STARTUP = "80010000000c000001440000";

const INIT = "0000000200000000";
const GET_CONFIG = "0000000f";
/** Requests on the control channel of which bytes are missing, or too many. */
const SHORT_REQUESTS = [
  ...["00000011", "000000110000", "00000011000000"],
  ...["00000012", "000000120000000000000001", "00000012000000000000000100000000000000"],
  ...["00000013", "000000130000", "0000001300000001"],
  ...[GET_CONFIG, "0000000f00", "000000ff00", "00000000"],
];
/** Commands on the data channel: what the length field says, and what is sent. One read takes 4105 bytes. */
const LONG_COMMANDS = [
  [4097, 4097],
  [4105, 4105],
  [4097, 4096],
  [4096, 4097],
  [12, 4105],
  [5000, 4105],
] as const;
const VERSIONS = [
  { version: "2.0", startup: STARTUP, random: GET_RANDOM },
  { version: "1.2", startup: "00c10000000c000000990001", random: "00c10000000e0000004600000008" },
] as const;

const clean: (() => unknown)[] = [];
// The saved machine is made once, where it is missing.
beforeAll(() => readHiddenFiles(), LIMIT);
afterEach(async () => {
  for (const step of clean.splice(0).reverse()) await step();
  vi.restoreAllMocks();
});

async function start(...args: string[]) {
  const version = args.includes("1.2") ? "1.2" : "2.0";
  const [port, controlPort] = [await freePort(), await freePort()];
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const stop = new AbortController();
  const exit = main(["--port", String(port), "--control-port", String(controlPort), ...args], stop.signal);
  clean.push(async () => {
    stop.abort();
    await exit;
  });
  const ready = `ready: TPM ${version}, data on port ${port}, control on port ${controlPort}`;
  await vi.waitFor(() => expect(log).toHaveBeenCalledWith(ready), { timeout: LIMIT, interval: 20 });
  return { port, controlPort, exit, stop };
}

/** A connection that puts its answers together. A hidden TPM 1.2 makes RSA keys before its first one. */
async function client(port: number) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  clean.push(() => socket.destroy());
  await once(socket, "connect");
  let received = "";
  socket.on("data", (bytes) => {
    received += toHex(bytes);
  });
  const send = (hex: string) => socket.write(fromHex(hex));
  const answer = async (bytes: number) => {
    await vi.waitFor(() => expect(received.length).toBeGreaterThanOrEqual(2 * bytes), { timeout: 2 * LIMIT });
    const taken = received.slice(0, 2 * bytes);
    received = received.slice(2 * bytes);
    return taken;
  };
  const ask = (hex: string, bytes: number) => {
    send(hex);
    return answer(bytes);
  };
  return { socket, send, answer, ask, received: () => received };
}

describe("swtpm", () => {
  it("serves whole commands, however their bytes arrive", { timeout: LIMIT }, async () => {
    const { port } = await start();
    const { send, answer, ask } = await client(port);
    expect(await ask(STARTUP, 10)).toBe("80010000000a00000000");
    for (const byte of fromHex(GET_RANDOM)) {
      send(toHex(Uint8Array.of(byte)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await answer(20)).toMatch(/^800100000014000000000008/);
    expect(await ask(`00000008030000000c${GET_RANDOM}`, 28)).toMatch(
      /^00000014800100000014000000000008[0-9a-f]{16}00000000$/,
    );
    // What is too much, and what does not come, is for swtpm to judge: TPM_RC_COMMAND_SIZE.
    expect(await ask(GET_RANDOM + GET_RANDOM, 10)).toBe("80010000000a00000142");
    expect(await ask(GET_RANDOM.slice(0, -4), 10)).toBe("80010000000a00000142");
  });

  it("serves one client at a time, and the next when that has left", { timeout: LIMIT }, async () => {
    const { port } = await start();
    const [first, second] = [await client(port), await client(port)];
    expect(await first.ask(STARTUP, 10)).toBe("80010000000a00000000");
    second.send(GET_RANDOM);
    for (let i = 0; i < 10; i++) expect(await first.ask(GET_RANDOM, 20)).toMatch(/^800100000014/);
    expect(second.received()).toBe("");
    // It leaves while its command runs; the answer is nobody's.
    first.send("80010000000a0000017c");
    first.send("80010000000b0000014301");
    first.socket.destroy();
    expect(await second.answer(20)).toMatch(/^800100000014000000000008/);
  });

  it("serves swtpm_ioctl, and ends when it is told to", { timeout: LIMIT }, async () => {
    const { port, controlPort, exit } = await start("--off");
    const ioctl = async (...args: string[]) => {
      const { stdout } = await promisify(execFile)("swtpm_ioctl", [
        "--tcp",
        `127.0.0.1:${controlPort}`,
        ...args,
      ]);
      return stdout;
    };
    const data = await client(port);
    expect(await data.ask(STARTUP, 10)).toBe("80010000000a00000101");
    expect(await ioctl("-c")).toContain("0xffff");
    await ioctl("-i");
    expect(await data.ask(STARTUP, 10)).toBe("80010000000a00000000");
    expect(await ioctl("--info", "1")).toContain('"family":"2.0"');
    await ioctl("-s");
    expect(await exit).toBe(0);
  });

  it("closes a control connection that leaves a request unfinished, as swtpm does", {
    timeout: LIMIT,
  }, async () => {
    const { controlPort } = await start("--off");
    const bad = await client(controlPort);
    bad.send("00000002000000");
    await once(bad.socket, "close");
    const good = await client(controlPort);
    expect(await good.ask("00000001", 8)).toBe("000000000000ffff");
    expect(await good.ask("000000ff", 4)).toBe("0000000a");
  });

  it.each(VERSIONS)(
    "answers what is too long, or too short, as native swtpm does ($version)",
    {
      timeout: 10 * LIMIT,
    },
    async ({ version, startup, random }) => {
      const native = await listenSwtpm({ version });
      clean.push(() => native.stop());
      const [ours, theirs] = [await start("--off", "--tpm", version), native];
      const sides = [
        { control: ours.controlPort, data: ours.port },
        { control: theirs.controlPort, data: theirs.dataPort },
      ];
      const answers = sides.map(async ({ control, data }) => {
        const said: string[] = [];
        // A request that is not whole is all that its connection brings: each has one of its own.
        for (const request of [...SHORT_REQUESTS, INIT]) {
          const { socket, ask } = await client(control);
          said.push(`${request}: ${await ask(request, request === GET_CONFIG ? 8 : 4)}`);
          socket.destroy();
          await once(socket, "close");
        }
        const { ask } = await client(data);
        said.push(`start up: ${await ask(startup, 10)}`);
        const tag = random.slice(0, 4);
        for (const [announced, sent] of LONG_COMMANDS) {
          const command = tag + announced.toString(16).padStart(8, "0") + random.slice(12, 20);
          said.push(`${announced} in ${sent}: ${await ask(command.padEnd(2 * sent, "0"), 10)}`);
          // Eight random bytes.
          const [size, more] = version === "2.0" ? [20, 24] : [22, 28];
          said.push((await ask(random, size)).slice(0, more));
        }
        return said;
      });
      const [our, their] = await Promise.all(answers);
      expect(our).toEqual(their);
      expect(our).toContain("000000110000: 00000003");
      expect(our).toContain("00000013: 0000000a");
      const tooLong = version === "2.0" ? "80010000000a00000142" : "00c40000000a00000019";
      expect(our).toContain(`4097 in 4097: ${tooLong}`);
      expect(our).toContain(version === "2.0" ? "800100000014000000000008" : "00c4000000160000000000000008");
    },
  );

  it("explains what is wrong", { timeout: LIMIT }, async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
    for (const [args, message] of [
      [["--port", "1"], "--control-port N is missing"],
      [["--port", "x", "--control-port", "2"], "--port takes a port number"],
      [["--port", "7", "--control-port", "7"], "are the same"],
      [["--port", "0", "--control-port", "0", "--tpm", "3"], "--tpm takes 2.0 or 1.2"],
      [["--frobnicate"], "--frobnicate"],
    ] as const) {
      expect(await main([...args])).toBe(2);
      expect(said.mock.lastCall?.[0]).toContain(message);
      expect(said.mock.lastCall?.[0]).toContain("usage:");
    }
    const { controlPort } = await start("--off");
    expect(await main(["--port", String(controlPort), "--control-port", "0"])).toBe(1);
    expect(said.mock.lastCall?.[0]).toContain(`cannot listen on port ${controlPort} for the data channel`);
  });
});
