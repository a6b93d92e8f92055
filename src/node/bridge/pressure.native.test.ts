/** What a session does when one of its ends takes nothing, when a disk is full, and when it is to end all the same. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import type { SessionReply } from "../../backend/bridge-protocol.ts";
import type { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import { fromHex } from "../../protocol/bytes/hex.ts";
import type { BridgeServerOptions } from "./bridge.ts";
import {
  makeStateDirectory,
  removeStateDirectory,
  StateDirectoryError,
  stateRoot,
} from "./state-directory.ts";
import { isAlive, startOverBridge, startTestBridge, type TestBridge, until } from "./test-server.ts";

const MIB = 1 << 20;
/** What the two ends' systems keep in their buffers, at most (tcp_rmem and tcp_wmem are 6 and 4 MiB by default). */
const SYSTEM_BUFFERS = 16 * MIB;
const STARTUP = fromHex("80010000000c000001440000");
const GET_RANDOM = fromHex("80010000000c0000017b0010");
const MAIN = join(import.meta.dirname, "main.ts");

let scratch: string;
const endings: (() => unknown)[] = [];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "pressure-"));
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  rmSync(scratch, { recursive: true, force: true });
});

async function start(options?: BridgeServerOptions): Promise<TestBridge> {
  const bridge = await startTestBridge(options);
  endings.push(() => bridge.stop());
  return bridge;
}

/** The two sockets of a new session. */
async function openSession(
  url: string,
): Promise<{ control: WebSocket; data: WebSocket; closed: Promise<string> }> {
  const response = await fetch(`${url}/sessions`, { method: "POST", body: '{"version":"2.0"}' });
  const session = (await response.json()) as SessionReply;
  const socket = async (path: string) => {
    const client = new WebSocket(`${url.replace("http", "ws")}/${path}`, { perMessageDeflate: false });
    client.on("error", () => undefined);
    await once(client, "open");
    return client;
  };
  const [control, data] = [await socket(session.control), await socket(session.data)];
  return { control, data, closed: once(data, "close").then(([, reason]) => String(reason)) };
}

/** A Node program in the place of swtpm: its channels are the file descriptors 3 (control) and 4 (data). */
function program(body: string): string {
  const path = join(scratch, "program");
  const head = `#!${process.execPath}\nconst { Socket } = require("node:net"), fs = require("node:fs");`;
  const end =
    'new Socket({ fd: 4 }).on("error", () => process.exit()).on("end", () => process.exit()).resume();';
  writeFileSync(path, `${head}\n${end}\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Stops a process, and waits until it has stopped. */
async function stopProcess(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  endings.push(() => isAlive(pid) && process.kill(pid, "SIGKILL"));
  await until(() => /^State:\s*T/m.test(readFileSync(`/proc/${pid}/status`, "utf8")), "the stop");
}

/** Waits until `measure` gives the same again and again while another session of the bridge gets on with its work. */
async function settled(other: SwtpmBackend, measure: () => number): Promise<number> {
  for (let last = measure(), same = 0; same < 1000; ) {
    await other.deliver(0, GET_RANDOM);
    const now = measure();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return measure();
}

describe("a session", () => {
  it("takes no more from its client than a stopped swtpm leaves room for, and the others go on", async () => {
    const { url, pids } = await start();
    const { control } = await openSession(url);
    await stopProcess(pids()[0]!);
    const other = await startOverBridge(url);
    await other.deliver(0, STARTUP);
    const sent = 129 * MIB;
    for (let part = 0; part < 129; part++) control.send(Buffer.alloc(MIB));
    const left = await settled(other, () => control.bufferedAmount);
    expect(sent - left).toBeLessThan(SYSTEM_BUFFERS);
    await other.shutdown();
  });

  it("loses nothing of what waited, once it is taken again", async () => {
    const { url, pids } = await start({
      program: program(`
        const hash = require("node:crypto").createHash("sha256"), control = new Socket({ fd: 3 });
        let length = 0;
        control.on("data", (bytes) => {
          hash.update(bytes);
          length += bytes.length;
          if (length === ${32 * MIB}) control.write(hash.digest());
        });`),
    });
    const { control } = await openSession(url);
    await stopProcess(pids()[0]!);
    const expected = createHash("sha256");
    for (let part = 0; part < 32; part++) {
      const bytes = Buffer.alloc(MIB, part + 1);
      expected.update(bytes);
      control.send(bytes);
    }
    const answer = once(control, "message");
    process.kill(pids()[0]!, "SIGCONT");
    const [digest] = (await answer) as [Buffer];
    expect(digest.toString("hex")).toBe(expected.digest("hex"));
  });

  it("lets swtpm wait for a client that does not read, and then carries all of it", async () => {
    const written = join(scratch, "written");
    writeFileSync(written, "0");
    const { url } = await start({
      program: program(`
        fs.readSync(3, Buffer.alloc(1));
        for (let part = 1; part <= 64; part++) {
          fs.writeSync(3, Buffer.alloc(${MIB}));
          fs.writeFileSync("${written}", String(part));
        }`),
    });
    const { control } = await openSession(url);
    const swtpm = await start();
    const other = await startOverBridge(swtpm.url);
    await other.deliver(0, STARTUP);
    control.pause();
    control.send(Buffer.of(1));
    await until(() => readFileSync(written, "utf8") !== "0", "the first part");
    const parts = await settled(other, () => Number(readFileSync(written, "utf8")));
    expect(parts * MIB).toBeLessThan(SYSTEM_BUFFERS);
    let got = 0;
    control.on("message", (bytes: Buffer) => {
      got += bytes.length;
    });
    control.resume();
    await until(() => got === 64 * MIB, "all of it");
    await other.shutdown();
  });

  it("ends when swtpm takes nothing for two looks, though its client is well", async () => {
    const { url, bridge, pids, log } = await start({ pulseSeconds: 1 });
    const { control, closed } = await openSession(url);
    const pid = pids()[0]!;
    await stopProcess(pid);
    for (let part = 0; part < 16; part++) control.send(Buffer.alloc(MIB));
    expect(await closed).toBe("swtpm takes nothing from its control channel any more");
    await until(() => bridge.sessions === 0, "the end of the session");
    expect(isAlive(pid)).toBe(false);
    expect(log.at(-1)).toContain("takes nothing from its control channel");
  });

  it("takes a stopped swtpm with it when it ends, whoever ends it", async () => {
    const { url, bridge, pids } = await start();
    const { data } = await openSession(url);
    await openSession(url);
    const folders = readdirSync(stateRoot()).filter((name) => name.includes(`-${process.pid}-`));
    for (const pid of pids()) await stopProcess(pid);
    data.terminate();
    await until(() => bridge.sessions === 1, "the end of the session");
    expect(pids().map(isAlive)).toEqual([false, true]);
    await bridge.close();
    expect(pids().map(isAlive)).toEqual([false, false]);
    expect(folders.length).toBeGreaterThan(0);
    for (const name of folders) expect(existsSync(join(stateRoot(), name))).toBe(false);
  });
});

interface Command {
  child: ChildProcess;
  url: string;
  output: () => string;
}

/** `webtpm-bridge` as a process. @param before a command that runs it, e.g. in a namespace of its own. */
async function runBridge(
  args: string[],
  env: NodeJS.ProcessEnv = {},
  before: string[] = [],
): Promise<Command> {
  const [file, ...rest] = [...before, process.execPath, "--import", "tsx", MAIN, "--port", "0", ...args];
  const child = spawn(file!, rest, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text) => {
      output += text;
    });
  const ended = once(child, "close");
  endings.push(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const url = () => /^http\S+$/m.exec(output)?.[0];
  await until(() => url() !== undefined || child.exitCode !== null, "the bridge");
  if (!url()) throw new Error(`the bridge did not start: ${output}`);
  return { child, url: url()!, output: () => output };
}

describe("state directories", () => {
  it("are in the user's runtime directory, where there is one that is theirs", () => {
    const runtime = join(scratch, "runtime");
    mkdirSync(runtime, { mode: 0o700 });
    const confined = existsSync("/etc/apparmor.d/usr.bin.swtpm");
    expect(stateRoot({ XDG_RUNTIME_DIR: runtime })).toBe(confined ? tmpdir() : runtime);
    for (const XDG_RUNTIME_DIR of [undefined, "", "relative", join(scratch, "missing"), MAIN])
      expect([XDG_RUNTIME_DIR, stateRoot({ XDG_RUNTIME_DIR })]).toEqual([XDG_RUNTIME_DIR, tmpdir()]);
  });

  it("of a bridge that was killed go when the next one starts, and a stopped swtpm in one with them", async () => {
    const runtime = join(scratch, "runtime");
    mkdirSync(runtime, { mode: 0o700 });
    const env = { XDG_RUNTIME_DIR: runtime, TMPDIR: scratch };
    const first = await runBridge([], env);
    await openSession(first.url);
    const pid = Number(/swtpm process (\d+)/.exec(first.output())![1]);
    await stopProcess(pid);
    const states = () =>
      [...readdirSync(runtime), ...readdirSync(scratch)].filter((name) => /^webtpm-\d/.test(name));
    expect(states()).toHaveLength(1);
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    expect([states().length, isAlive(pid)]).toEqual([1, true]);
    // No session has been opened here yet.
    const second = await runBridge([], env);
    expect(states()).toEqual([]);
    await until(() => !isAlive(pid), "the end of swtpm");
    // And what another bridge leaves behind while this one runs goes with its next session.
    const third = await runBridge([], env);
    await openSession(third.url);
    const [left] = states();
    third.child.kill("SIGKILL");
    await once(third.child, "exit");
    await openSession(second.url);
    expect(states()).not.toContain(left);
    expect(states()).toHaveLength(1);
  });

  it("say in words why there can be none", () => {
    const before = { ...process.env };
    endings.push(() => Object.assign(process.env, { TMPDIR: before.TMPDIR ?? "/tmp" }));
    delete process.env.XDG_RUNTIME_DIR;
    process.env.TMPDIR = join(scratch, "missing");
    expect(() => makeStateDirectory()).toThrow(StateDirectoryError);
    expect(() => makeStateDirectory()).toThrow(
      /missing cannot take a TPM's state: it does not exist\. .*TMPDIR/,
    );
    process.env.TMPDIR = scratch;
    const made = makeStateDirectory();
    expect(made.startsWith(`${scratch}/webtpm-`)).toBe(true);
    removeStateDirectory(made);
  });
});

/** A file system of its own for a process and its children needs a user namespace, or root. */
const NAMESPACE = process.getuid?.() === 0 ? ["unshare", "-m"] : ["unshare", "-Urm"];
const canMount = spawnSync(NAMESPACE[0]!, [...NAMESPACE.slice(1), "true"]).status === 0;

describe.skipIf(!canMount)("a full disk", () => {
  /** A bridge whose state directories are on a small disk. @param size as `mount` takes it. */
  async function onSmallDisk(size: string): Promise<Command> {
    const disk = join(scratch, "disk");
    mkdirSync(disk);
    const mount = `mount -t tmpfs -o ${size},mode=700 tmpfs ${disk} && exec "$@"`;
    const env = { TMPDIR: disk, XDG_RUNTIME_DIR: "", TSX_DISABLE_CACHE: "1" };
    return runBridge([], env, [...NAMESPACE, "sh", "-c", mount, "sh"]);
  }

  it.each(["size=64k", "nr_inodes=1", "nr_inodes=6"])(
    "is named when a session is asked for: %s",
    async (size) => {
      const { url, output } = await onSmallDisk(size);
      const response = await fetch(`${url}/sessions`, { method: "POST", body: '{"version":"2.0"}' });
      expect(response.status).toBe(503);
      const { error } = (await response.json()) as { error: string };
      expect(error).toMatch(/disk cannot take a TPM's state: it is full.* Make room there/);
      expect(output()).toContain(error);
    },
  );

  it("is named when it fills up under a TPM, and the session ends", async () => {
    const { url, child } = await onSmallDisk("size=1m");
    const { control, data, closed } = await openSession(url);
    const filler = `/proc/${child.pid}/root${join(scratch, "disk", "filler")}`;
    expect(() => writeFileSync(filler, Buffer.alloc(2 * MIB))).toThrow("ENOSPC");
    // CMD_INIT: the TPM is made, and cannot be kept.
    control.send(fromHex("0000000200000000"));
    await Promise.race([once(control, "message"), closed]);
    if (data.readyState === WebSocket.OPEN) data.send(STARTUP);
    expect(await closed).toMatch(
      /^the TPM's state cannot be written to \S+disk: it is full\. Make room there$/,
    );
  });
});

describe("half a handshake", () => {
  it("of HTTP, of a WebSocket, or none at all is cut off", async () => {
    const { url } = await runBridge(["--handshake-seconds", "1"]);
    const port = Number(new URL(url).port);
    const host = `Host: 127.0.0.1:${port}\r\n`;
    const halves = [
      "",
      "GET",
      `GET /tpm HTTP/1.1\r\n${host}`,
      `GET /tpm/x/data HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n`,
      `POST /tpm/sessions HTTP/1.1\r\n${host}Content-Length: 17\r\n\r\n{"vers`,
    ];
    const cut = halves.map(async (half) => {
      const socket = connect(port, "127.0.0.1").resume();
      socket.on("error", () => undefined);
      socket.write(half);
      // A byte now and then keeps it from looking idle.
      const drip = setInterval(() => socket.write(half.startsWith("POST") ? "i" : "X"), 100);
      await once(socket, "close");
      clearInterval(drip);
      return half;
    });
    expect(await Promise.all(cut)).toEqual(halves);
    // Whoever says what they want is served as before.
    expect((await fetch(url)).status).toBe(200);
  });

  it("that opens one of a session's two channels ends with the session", async () => {
    const { url, bridge, pids, log } = await start({ attachSeconds: 0.3 });
    const response = await fetch(`${url}/sessions`, { method: "POST", body: '{"version":"2.0"}' });
    const { control } = (await response.json()) as SessionReply;
    const client = new WebSocket(`${url.replace("http", "ws")}/${control}`);
    const [, reason] = await once(client, "close");
    expect(String(reason)).toBe("its two channels were not opened in time");
    await until(() => bridge.sessions === 0, "the end of the session");
    expect([pids().map(isAlive), log.length]).toEqual([[false], 2]);
  });

  it("that is refused leaves no connection open, though its client never closes its side", async () => {
    const { url, server } = await start();
    const connections = () =>
      new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    const port = Number(new URL(url).port);
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    endings.push(() => socket.destroy());
    socket.write(
      `GET /tpm/x/data HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    const [text] = await once(socket.setEncoding("latin1"), "data");
    expect(text).toMatch(/^HTTP\/1\.1 404 /);
    let open = await connections();
    for (const deadline = Date.now() + 10_000; open > 0 && Date.now() < deadline; open = await connections())
      await new Promise((resolve) => setImmediate(resolve));
    expect(open).toBe(0);
  });
});
