import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { describe, expect, it, vi } from "vitest";
import { ACCESS, REGISTERS, STS } from "../../device/tis/registers.ts";
import { LINK, mapLink, SLEEP } from "./layout.ts";
import type { LinkBrokenError } from "./proxy.ts";
import type { LinkStats } from "./server.ts";
import type { EchoOptions } from "./testing/echo-tpm.ts";
import { pause, startInThread } from "./testing/other-thread.ts";
import { walk } from "./testing/sequences.ts";

describe("a device in another thread", () => {
  // At length, and with TPMs of both kinds: link.long.test.ts.
  it("shows what a device here would show", { timeout: 60_000 }, async () => {
    const { underTest } = await startInThread({ version: "2.0", delayMs: 2 });
    const seen = { commands: 6, bytes: 501 };
    const result = await walk(underTest, { version: "2.0", accesses: 3_000, seen, seed: 8, pause });
    expect(result.commands).toBeGreaterThan(5);
    expect(result.bytes).toBeGreaterThan(500);
  });

  it("takes a command of 4096 bytes, and more writes than the ring holds, without a wait", async () => {
    const { read, write } = await startInThread();
    write(REGISTERS.ACCESS, ACCESS.REQUEST_USE);
    write(REGISTERS.STS, STS.COMMAND_READY);
    for (let i = 0; i < 20_000; i++) write(REGISTERS.DATA_FIFO, i === 4 ? 0x10 : i === 0 ? 0x80 : 0);
    expect(read(REGISTERS.STS) & STS.EXPECT).toBe(0);
  });
});

describe("the start and the end of a command", () => {
  const COMMAND = [0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 0x7b];
  async function listening(echo: Partial<EchoOptions> = {}) {
    const told: string[] = [];
    const made = await startInThread(echo, {
      onExecute: () => told.push("execute"),
      onAnswered: () => told.push("answered"),
    });
    const { read, write } = made;
    expect(read(REGISTERS.ACCESS) & ACCESS.VALID).toBe(ACCESS.VALID);
    write(REGISTERS.ACCESS, ACCESS.REQUEST_USE);
    write(REGISTERS.STS, STS.COMMAND_READY);
    for (const byte of COMMAND) write(REGISTERS.DATA_FIFO, byte);
    return { ...made, told };
  }

  it("are known within the very accesses that start it and that find the answer", async () => {
    const { read, write, told } = await listening({ delayMs: 20 });
    expect(told).toEqual([]);
    write(REGISTERS.STS, STS.TPM_GO);
    expect(told).toEqual(["execute"]);
    while (!(read(REGISTERS.STS) & STS.DATA_AVAIL)) {
      expect(told).toEqual(["execute"]);
      await pause();
    }
    expect(told).toEqual(["execute", "answered"]);
  });

  it("are known to whoever looks while the guest does not run", async () => {
    const { device, write, told } = await listening({ delayMs: 20 });
    write(REGISTERS.STS, STS.TPM_GO);
    while (told.length < 2) {
      device.look();
      await pause();
    }
    expect(told).toEqual(["execute", "answered"]);
  });

  it("come together where the worker knows better than the copy: its device had been reset meanwhile", async () => {
    const { device, write, told } = await listening();
    device.reset(1);
    write(REGISTERS.STS, STS.TPM_GO);
    expect(told.filter((what) => what === "execute").length).toBe(told.length / 2);
  });
});

describe("a worker that sleeps lightly", () => {
  it("is woken by each move of the command interface, and not by each byte", async () => {
    const { thread, memory, read, write } = await startInThread({ attentive: true });
    const { control } = mapLink(memory);
    const stats = async (): Promise<LinkStats> => {
      const said = once(thread, "message");
      thread.postMessage("stats");
      return (await said)[0];
    };
    const told = async () => {
      while (Atomics.load(control, LINK.DONE) !== Atomics.load(control, LINK.POSTED)) await pause();
    };
    const asleep = async () => {
      while (Atomics.load(control, LINK.ASLEEP) !== SLEEP.LIGHT) await pause();
    };
    await asleep();
    // As drivers do; from here on the page knows the registers.
    expect(read(REGISTERS.ACCESS) & ACCESS.VALID).toBe(ACCESS.VALID);
    // Each of these is a move, and reaches the worker though nothing follows.
    const command = [0x80, 0x01, 0, 0, 0, 110, 0, 0, 1, 0x7b];
    const moves = [
      () => write(REGISTERS.ACCESS, ACCESS.REQUEST_USE),
      () => write(REGISTERS.STS, STS.COMMAND_READY),
      () => write(REGISTERS.DATA_FIFO, command[0]!),
    ];
    for (const move of moves) {
      move();
      await told();
      await asleep();
    }
    const before = await stats();
    await asleep();
    for (let i = 1; i < 109; i++) {
      write(REGISTERS.DATA_FIFO, command[i] ?? i);
      if (i % 10 === 0) await pause();
    }
    expect(await stats()).toMatchObject({ turns: before.turns, operations: before.operations });
    // The last byte makes Expect fall.
    write(REGISTERS.DATA_FIFO, 0);
    await told();
    expect((await stats()).operations).toBe(before.operations + 109);
    write(REGISTERS.STS, STS.TPM_GO);
    while (!(read(REGISTERS.STS) & STS.DATA_AVAIL)) await pause();
  });
});

async function freeze(thread: Worker, freezeMs = Number.POSITIVE_INFINITY): Promise<void> {
  const said = once(thread, "message");
  thread.postMessage({ freezeMs });
  expect(await said).toEqual(["frozen"]);
}

it("waits for a worker whose processor is taken away, as a busy host does", async () => {
  const { thread, device, read, write } = await startInThread();
  write(REGISTERS.ACCESS, ACCESS.REQUEST_USE);
  write(REGISTERS.STS, STS.COMMAND_READY);
  for (const byte of [0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 0x7b]) write(REGISTERS.DATA_FIFO, byte);
  await freeze(thread, 1500);
  write(REGISTERS.STS, STS.TPM_GO);
  // How it ends the worker alone knows, so this waits for it within the access.
  write(REGISTERS.STS, STS.COMMAND_READY);
  expect(read(REGISTERS.ACCESS) & ACCESS.ACTIVE_LOCALITY).toBe(ACCESS.ACTIVE_LOCALITY);
  expect(device.broken).toBe(false);
});

describe("a worker that is gone", () => {
  it("costs one bounded wait, then every register reads 0", async () => {
    const reasons: LinkBrokenError[] = [];
    const { thread, device, read, write } = await startInThread(
      {},
      { limitMs: 100, onBroken: (e) => reasons.push(e) },
    );
    write(REGISTERS.ACCESS, ACCESS.REQUEST_USE);
    expect(read(REGISTERS.ACCESS) & ACCESS.ACTIVE_LOCALITY).toBe(ACCESS.ACTIVE_LOCALITY);
    await freeze(thread);
    // The worker has nothing to do, so nothing is missing.
    write(REGISTERS.STS, STS.COMMAND_READY);
    expect(read(REGISTERS.STS) & STS.COMMAND_READY).toBe(STS.COMMAND_READY);
    for (const byte of [0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 0x7b]) write(REGISTERS.DATA_FIFO, byte);
    write(REGISTERS.STS, STS.TPM_GO);
    while (read(REGISTERS.STS) !== 0);
    expect(read(REGISTERS.ACCESS)).toBe(0);
    expect(device.broken).toBe(true);
    expect(reasons.map(({ message }) => message)).toEqual(["the TPM's worker did not answer within 100 ms"]);
    // Who waits looks at the clock again and again; here it is once for each read.
    const looks = vi.spyOn(performance, "now");
    for (let i = 0; i < 1000; i++) {
      write(REGISTERS.DATA_FIFO, i);
      expect(read(REGISTERS.STS, 4)).toBe(0);
    }
    expect(looks.mock.calls.length).toBeLessThanOrEqual(1000);
    looks.mockRestore();
    expect(reasons).toHaveLength(1);
  });

  it("is not waited for by a guest that only writes", async () => {
    const { thread, device, write } = await startInThread({}, { limitMs: 50 });
    await freeze(thread);
    for (let i = 0; i < 20_000; i++) write(REGISTERS.STS, STS.COMMAND_READY);
    expect(device.broken).toBe(true);
  });
});
