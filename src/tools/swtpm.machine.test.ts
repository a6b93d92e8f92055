/** The swtpm tool as its users see it: two TCP ports, with the real hidden machine behind them. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { freePort } from "../bridge/swtpm-listening.ts";
import { fromHex, toHex } from "../bytes/hex.ts";
import { main } from "./swtpm.ts";
import { readHiddenFiles } from "./swtpm-machine.ts";

const LIMIT = 60_000;
const GET_RANDOM = "80010000000c0000017b0008";
const STARTUP = "80010000000c000001440000";

const clean: (() => unknown)[] = [];
// The saved machine is made once, where it is missing.
beforeAll(() => readHiddenFiles(), LIMIT);
afterEach(async () => {
  for (const step of clean.splice(0).reverse()) await step();
  vi.restoreAllMocks();
});

async function start(...args: string[]) {
  const [port, controlPort] = [await freePort(), await freePort()];
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const stop = new AbortController();
  const exit = main(["--port", String(port), "--control-port", String(controlPort), ...args], stop.signal);
  clean.push(async () => {
    stop.abort();
    await exit;
  });
  const ready = `ready: TPM 2.0, data on port ${port}, control on port ${controlPort}`;
  await vi.waitFor(() => expect(log).toHaveBeenCalledWith(ready), { timeout: LIMIT, interval: 20 });
  return { port, controlPort, exit, stop };
}

/** A connection that puts its answers together. */
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
    await vi.waitFor(() => expect(received.length).toBeGreaterThanOrEqual(2 * bytes), { timeout: 20_000 });
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
