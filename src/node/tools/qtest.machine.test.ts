/** The qtest tool as its users see it: a socket, lines, a real swtpm. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { main } from "./qtest.ts";

const clean: (() => void)[] = [];
afterEach(() => {
  for (const step of clean.splice(0).reverse()) step();
  vi.restoreAllMocks();
});

/** Starts the tool and takes its connection. */
async function start(...args: string[]) {
  const directory = mkdtempSync(join(tmpdir(), "webtpm-qtest-"));
  clean.push(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "socket");
  const server = createServer().listen(path);
  clean.push(() => server.close());
  await once(server, "listening");
  const exit = main(["--socket", path, ...args]);
  const [socket] = (await once(server, "connection")) as [Socket];
  clean.push(() => socket.destroy());
  const answers = createInterface({ input: socket })[Symbol.asyncIterator]();
  const ask = async (line: string) => {
    socket.write(`${line}\n`);
    return (await answers.next()).value as string;
  };
  const command = async (hex: string) => {
    await ask("writeb 0xfed40018 0x40");
    for (const byte of fromHex(hex)) await ask(`writeb 0xfed40024 ${byte}`);
    await ask("writeb 0xfed40018 0x20");
    await vi.waitFor(async () => expect(Number(await status()) & 0x10).toBe(0x10), 10_000);
    const bytes: number[] = [];
    while (Number(await status()) & 0x10) bytes.push(Number((await ask("readb 0xfed40024")).slice(3)));
    return toHex(Uint8Array.from(bytes));
  };
  const status = async () => (await ask("readb 0xfed40018")).slice(3);
  return { ask, command, exit, socket, answers };
}

describe("qtest", () => {
  for (const [version, capability, startup, success] of [
    ["2.0", "30000697", "80010000000c000001440000", "80010000000a00000000"],
    ["1.2", "20000697", "00c10000000c000000990001", "00c40000000a00000000"],
  ] as const) {
    it(`serves a TPM ${version} in QEMU's format and ends with the connection`, {
      timeout: 30_000,
    }, async () => {
      const { ask, command, exit, socket } = await start("--tpm", version);
      expect(await ask("readl 0xfed40014")).toBe(`OK 0x00000000${capability}`);
      expect(await ask("readw 4275310338")).toBe("OK 0x0000000000000001");
      expect(await ask("writeb 0xfed40000 2")).toBe("OK");
      expect(await command(startup)).toBe(success);
      expect(await ask("reset")).toBe("OK");
      expect(await ask("readb 0xfed40018")).toBe("OK 0x00000000000000ff");
      socket.destroy();
      expect(await exit).toBe(0);
    });
  }

  it("serves the command response buffer", { timeout: 30_000 }, async () => {
    const { ask, exit, socket } = await start("--interface", "crb");
    expect(await ask("readl 0xfed40030")).toBe("OK 0x0000000000025911");
    expect(await ask("writel 0xfed40008 1")).toBe("OK");
    expect(await ask("readb 0xfed4000c")).toBe("OK 0x0000000000000001");
    await ask("writel 0xfed40040 1");
    for (const [i, byte] of fromHex("80010000000c000001440000").entries())
      await ask(`writeb ${0xfed4_0080 + i} ${byte}`);
    await ask("writel 0xfed4004c 1");
    await vi.waitFor(async () => expect(await ask("readl 0xfed4004c")).toBe("OK 0x0000000000000000"), 10_000);
    expect(await ask("readl 0xfed40080")).toBe("OK 0x0000000000000180");
    expect(await ask("readl 0xfed40086")).toBe("OK 0x0000000000000000");
    expect(await ask("reset")).toBe("OK");
    expect(await ask("readl 0xfed40044")).toBe("OK 0x0000000000000002");
    socket.destroy();
    expect(await exit).toBe(0);
  });

  it("serves the TPM of the hidden machine just so", { timeout: 60_000 }, async () => {
    const { ask, command, exit, socket } = await start("--backend", "hidden");
    await ask("writeb 0xfed40000 2");
    expect(await command("80010000000c000001440000")).toBe("80010000000a00000000");
    expect(await command("80010000000c0000017b0008")).toMatch(/^800100000014000000000008[0-9a-f]{16}$/);
    expect(await ask("reset")).toBe("OK");
    socket.destroy();
    expect(await exit).toBe(0);
  });

  it("reports interrupts once it is asked to, and says FAIL to what it does not know", async () => {
    const { ask, exit, socket, answers } = await start();
    for (const line of ["bogus", "readb", "writel 0xfed40000", "readb nowhere", "readq 0xfed40000", ""]) {
      expect(await ask(line)).toMatch(/^FAIL /);
    }
    expect(await ask("irq_intercept_in ioapic")).toBe("OK");
    await ask("writeb 0xfed40000 2");
    await ask("writel 0xfed40008 0x8000009f");
    expect(await ask("writeb 0xfed40018 0x40")).toBe("IRQ raise 5");
    expect((await answers.next()).value).toBe("OK");
    socket.destroy();
    expect(await exit).toBe(0);
  });

  it("explains wrong options and missing sockets", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
    for (const [args, message] of [
      [["--socket", "/x", "--frobnicate"], "--frobnicate"],
      [["--socket"], "--socket"],
      [[], "--socket PATH is missing"],
      [["--socket", "/x", "--tpm", "3.0"], "--tpm takes 2.0 or 1.2, not '3.0'"],
      [
        ["--socket", "/x", "--interface", "toString"],
        "--interface takes tis or crb or crb-one or crb-chunks",
      ],
      [["--socket", "/x", "--tpm", "1.2", "--interface", "crb"], "a TPM 1.2 has no command response buffer"],
      [["--socket", "/x", "--backend", "toString"], "--backend takes"],
      [["--socket", "/x", "--control", "127.0.0.1:1"], "--control and --data go together"],
      [["--socket", "/x", "--control", "localhost", "--data", "127.0.0.1:1"], "HOST:PORT"],
      [["--socket", "/x", "--backend", "swtpm", "--control", "h:1", "--data", "h:2"], "exclude each other"],
    ] as const) {
      expect(await main([...args])).toBe(2);
      expect(said.mock.lastCall?.[0]).toContain(message);
      expect(said.mock.lastCall?.[0]).toContain("usage:");
    }
    expect(await main(["--socket", "/nonexistent/socket"])).toBe(1);
    expect(said.mock.lastCall?.[0]).toContain("cannot connect to the socket /nonexistent/socket");
  });
});
