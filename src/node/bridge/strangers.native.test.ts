/**
 * What pages of other sites, and names that were pointed at this machine, can get at: nothing, from the bridge on its
 * own and from the server of the page alike. Requests are written byte by byte, as browsers and worse would.
 */
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestBridge, type TestBridge, until } from "./test-server.ts";
import { guardPlugin } from "./vite-guard.ts";
import { bridgePlugin } from "./vite-plugin.ts";

/** What no stranger may see: it is in the page and in a source file. */
const SECRET = "the-words-that-nobody-else-may-read";
const BODY = '{"version":"2.0"}';
const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
};
const ID = "A".repeat(32);
/** An editor is opened for a file that exists. */
const EDITED = join(import.meta.dirname, "access.ts");

interface Attempt {
  method?: string;
  path: string;
  /** A value that is undefined leaves a header out that would be there. */
  headers?: Record<string, string | undefined>;
  body?: string;
}

interface Answer {
  /** 0 when the connection was closed without one. */
  status: number;
  text: string;
}

/** Writes a request, and reads to the end of the answer. */
async function send(
  port: number,
  { method = "GET", path, headers = {}, body = "" }: Attempt,
): Promise<Answer> {
  const all: Record<string, string | undefined> = {
    Host: `127.0.0.1:${port}`,
    Connection: "close",
    ...(body ? { "Content-Length": String(body.length) } : {}),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}: ${value}`,
  );
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
    // A WebSocket stays open.
    if (/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/.test(text)) socket.destroy();
  });
  // What was refused in the middle of a request may be reset.
  socket.on("error", () => undefined);
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
  await once(socket, "close");
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text };
}

/** Who asks, as their browsers say it; `port` is the server's own. */
const STRANGERS: Record<string, (port: number) => Record<string, string>> = {
  "a page of another site": () => ({ Origin: "https://evil.example" }),
  "a page of another site, with what browsers add": () => ({
    Origin: "https://evil.example",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
  }),
  "a page without an origin (file, sandbox, data URL)": () => ({ Origin: "null" }),
  "an empty origin": () => ({ Origin: "" }),
  "any origin": () => ({ Origin: "*" }),
  "two origins": (port) => ({ Origin: `http://127.0.0.1:${port}, https://evil.example` }),
  "a page of another port of this machine": () => ({ Origin: "http://127.0.0.1:1" }),
  "a page of this machine's port 80": () => ({ Origin: "http://127.0.0.1" }),
  "a page of this machine by another name": (port) => ({ Origin: `http://localhost:${port}` }),
  "an origin that begins alike": (port) => ({ Origin: `http://127.0.0.1:${port}.evil.example` }),
  "an origin that ends alike": (port) => ({ Origin: `http://evil-127.0.0.1:${port}` }),
  "an origin with a user's name": (port) => ({ Origin: `http://127.0.0.1:${port}@evil.example` }),
  "this origin with a user's name": (port) => ({ Origin: `http://evil.example@127.0.0.1:${port}` }),
  "an origin with a path": (port) => ({ Origin: `http://127.0.0.1:${port}/evil` }),
  "an extension of the browser": () => ({ Origin: "chrome-extension://abcdefghijklmnop" }),
  "a file": () => ({ Origin: "file://" }),
  "a name that leads here (DNS rebinding)": (port) => ({ Host: `evil.example:${port}` }),
  "a name that leads here, and its own page": (port) => ({
    Host: `evil.example:${port}`,
    Origin: `http://evil.example:${port}`,
    "Sec-Fetch-Site": "same-origin",
  }),
  "a name with an address in it": (port) => ({ Host: `127.0.0.1.evil.example:${port}` }),
  "a name with localhost in it": (port) => ({ Host: `localhost.evil.example:${port}` }),
  "a name that ends in localhost": (port) => ({ Host: `evil-localhost:${port}` }),
  "no name": () => ({ Host: "" }),
  "what is no name": () => ({ Host: "a b" }),
  "a picture on another site": () => fetchMetadata("cross-site", "no-cors", "image"),
  "a script on another site": () => fetchMetadata("cross-site", "no-cors", "script"),
  "a style on another site": () => fetchMetadata("cross-site", "no-cors", "style"),
  "a sound on another site": () => fetchMetadata("cross-site", "no-cors", "audio"),
  "a fetch without CORS": () => fetchMetadata("cross-site", "no-cors", "empty"),
  "a prefetch of another site": () => fetchMetadata("cross-site", "no-cors", ""),
  "a worker of another site": () => fetchMetadata("cross-site", "same-origin", "worker"),
  "a picture on another port of this machine": () => fetchMetadata("same-site", "no-cors", "image"),
  "a site that cannot be": () => fetchMetadata("same-origin, cross-site", "no-cors", "image"),
};

function fetchMetadata(site: string, mode: string, destination: string): Record<string, string> {
  return { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination };
}

/** What the strangers ask the bridge, wherever it is. */
const AT_THE_BRIDGE: Record<string, Attempt> = {
  "what serves": { path: "/tpm" },
  "its headers": { method: "HEAD", path: "/tpm/" },
  "a session": { method: "POST", path: "/tpm/sessions", body: BODY },
  "a session, as a form sends it": {
    method: "POST",
    path: "/tpm/sessions",
    headers: { "Content-Type": "text/plain" },
    body: BODY,
  },
  "leave to ask": {
    method: "OPTIONS",
    path: "/tpm/sessions",
    headers: {
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Private-Network": "true",
    },
  },
  "a control channel": { path: `/tpm/${ID}/control`, headers: UPGRADE },
  "a data channel": { path: `/tpm/${ID}/data`, headers: UPGRADE },
};

/** What they ask the server of the page. */
const AT_THE_PAGE: Record<string, Attempt> = {
  "the page": { path: "/" },
  "a source file": { path: "/secret.js" },
  "a source file as text": { path: "/secret.js?raw" },
  "a file by its path on the disk": { path: `/@fs${EDITED}` },
  "a module by its id": { path: "/@id/vite/client" },
  "Vite's client": { path: "/@vite/client" },
  "whether Vite is here": { path: "/", headers: { Accept: "text/x-vite-ping" } },
  "an editor": { path: `/__open-in-editor?file=${EDITED}` },
  "an editor, in capitals": { path: `/__OPEN-in-Editor?file=${EDITED}` },
  "leave to ask": { method: "OPTIONS", path: "/", headers: { "Access-Control-Request-Method": "GET" } },
  "something with another method": { method: "PUT", path: "/secret.js", body: "x" },
  "the WebSocket of Vite": { path: "/", headers: { ...UPGRADE, "Sec-WebSocket-Protocol": "vite-hmr" } },
  "the WebSocket that tells whether Vite is here": {
    path: "/",
    headers: { ...UPGRADE, "Sec-WebSocket-Protocol": "vite-ping" },
  },
  "another WebSocket": { path: "/other", headers: UPGRADE },
};

let bridge: TestBridge;
let vite: ViteDevServer;
let vitePort: number;
let scratch: string;
let opened: string;
const log: string[] = [];

beforeAll(async () => {
  bridge = await startTestBridge();
  scratch = mkdtempSync(join(tmpdir(), "webtpm-strangers-"));
  const root = join(scratch, "root");
  mkdirSync(root);
  writeFileSync(join(root, "index.html"), `<title>${SECRET}</title>`);
  writeFileSync(join(root, "secret.js"), `export default "${SECRET}";\n`);
  // Stands where an editor would be started, and shows that it was.
  opened = join(scratch, "opened");
  const editor = join(scratch, "editor");
  writeFileSync(editor, `#!/bin/sh\necho "$@" >>${opened}\n`);
  chmodSync(editor, 0o755);
  process.env.LAUNCH_EDITOR = editor;
  vite = await createServer({
    root,
    configFile: false,
    cacheDir: join(scratch, "vite"),
    logLevel: "silent",
    optimizeDeps: { noDiscovery: true },
    plugins: [guardPlugin(), bridgePlugin({ log: (line) => log.push(line) })],
    server: { host: "127.0.0.1", port: 0, watch: null, fs: { allow: [root, import.meta.dirname] } },
  });
  await vite.listen();
  vitePort = (vite.httpServer!.address() as AddressInfo).port;
});
afterAll(async () => {
  delete process.env.LAUNCH_EDITOR;
  await bridge?.stop();
  await vite?.close();
  rmSync(scratch, { recursive: true, force: true });
});

const bridgePort = () => Number(new URL(bridge.url).port);
const who = Object.keys(STRANGERS);

/** All of `attempts` by one stranger, with the answers that were no refusals. */
async function successes(
  port: number,
  stranger: string,
  attempts: Record<string, Attempt>,
): Promise<string[]> {
  const credentials = STRANGERS[stranger]!(port);
  const found: string[] = [];
  for (const [what, attempt] of Object.entries(attempts)) {
    const { status, text } = await send(port, {
      ...attempt,
      headers: { ...attempt.headers, ...credentials },
    });
    // 400: what Node's parser already finds wrong.
    const refused = status === 403 || status === 400;
    if (!refused || text.includes(SECRET) || /^access-control-allow/im.test(text))
      found.push(`${what}: ${status}`);
  }
  return found;
}

describe("gets nothing from the bridge on its own:", () => {
  it.each(who)("%s", async (stranger) => {
    expect(await successes(bridgePort(), stranger, AT_THE_BRIDGE)).toEqual([]);
    expect(bridge.bridge.sessions).toBe(0);
  });
});

describe("gets nothing from the page's server, nor from its bridge:", () => {
  it.each(who)("%s", async (stranger) => {
    expect(await successes(vitePort, stranger, AT_THE_BRIDGE)).toEqual([]);
    expect(await successes(vitePort, stranger, AT_THE_PAGE)).toEqual([]);
    expect(log.filter((line) => line.startsWith("session"))).toEqual([]);
    expect(existsSync(opened)).toBe(false);
  });
});

const BRIDGE_PLACES = ["/tpm", "/tpm/sessions", `/tpm/../__open-in-editor?file=${EDITED}`];
const EDITOR_PLACES = [
  "/__open-in-editor",
  "//__open-in-editor",
  "/%5F_open-in-editor",
  "/__open-in-editor/index.html",
].map((path) => `${path}?file=${EDITED}`);

describe.each([
  ["the bridge on its own", bridgePort, BRIDGE_PLACES],
  ["the page's server", () => vitePort, [...BRIDGE_PLACES, ...EDITOR_PLACES]],
])("%s", (_, port, places) => {
  it.each(places)("is no place for a link, a form or a frame of another site: %s", async (path) => {
    for (const destination of ["document", "iframe", "embed", "object"]) {
      const headers = fetchMetadata("cross-site", "navigate", destination);
      expect([destination, (await send(port(), { path, headers })).status]).toEqual([destination, 403]);
    }
    const form = { "Content-Type": "application/x-www-form-urlencoded" };
    for (const Origin of ["https://evil.example", "null"]) {
      const post = { method: "POST", path, headers: { ...form, Origin }, body: "a=1" };
      expect([Origin, (await send(port(), post)).status]).toEqual([Origin, 403]);
    }
    expect(existsSync(opened)).toBe(false);
  });

  it("has no session by a guessed name", async () => {
    const own = { ...UPGRADE, Origin: `http://127.0.0.1:${port()}` };
    const names = [ID, "", "__proto__", "constructor", "sessions", "..", "%2e%2e", "a/b", `${ID}%00`];
    for (const name of names)
      expect([name, (await send(port(), { path: `/tpm/${name}/data`, headers: own })).status]).toEqual([
        name,
        404,
      ]);
  });

  it("answers a WebSocket for which there is nothing, and closes the connection", async () => {
    const own = { ...UPGRADE, Origin: `http://127.0.0.1:${port()}` };
    for (const path of ["/", "/other", "/tpmx", "/tpm", "/tpm/", "/tpm/sessions", "/tpm/a/b/c"]) {
      const { status, text } = await send(port(), { path, headers: own });
      expect([path, status]).toEqual([path, 404]);
      expect(text).toMatch(/\r\ncontent-length: \d+\r\n\r\n.+\n$/i);
    }
  });

  it("has no method but those that it knows", async () => {
    const own = { Origin: `http://127.0.0.1:${port()}` };
    for (const method of ["PUT", "DELETE", "PATCH", "TRACE", "HEAD", "PROPFIND"])
      expect([method, (await send(port(), { method, path: "/tpm/sessions", headers: own })).status]).toEqual([
        method,
        404,
      ]);
    expect((await send(port(), { method: "CONNECT", path: "127.0.0.1:22" })).status).toBe(0);
  });

  it("serves its own page, and programs of this machine", async () => {
    const origin = `http://127.0.0.1:${port()}`;
    const own = fetchMetadata("same-origin", "cors", "empty");
    expect((await send(port(), { path: "/tpm", headers: own })).status).toBe(200);
    expect((await send(port(), { path: "/tpm", headers: { ...own, Origin: origin } })).status).toBe(200);
    expect((await send(port(), { path: "/tpm" })).status).toBe(200);
    const open = { method: "POST", path: "/tpm/sessions", headers: { ...own, Origin: origin }, body: BODY };
    const { status, text } = await send(port(), open);
    expect(status).toBe(201);
    const { id } = JSON.parse(/\{.*\}/.exec(text)![0]) as { id: string };
    const socket = { path: `/tpm/${id}/control`, headers: { ...UPGRADE, Origin: origin } };
    expect((await send(port(), socket)).status).toBe(101);
  });
});

describe("the page's server", () => {
  it("is open to links of other sites, to what the user types, and to its own page", async () => {
    for (const path of ["/", "/index.html", "/?boot=1"]) {
      for (const site of ["cross-site", "same-site", "same-origin", "none"]) {
        const { status, text } = await send(vitePort, {
          path,
          headers: fetchMetadata(site, "navigate", "document"),
        });
        expect([path, site, status]).toEqual([path, site, 200]);
        expect(text).toContain(SECRET);
      }
    }
    const own = fetchMetadata("same-origin", "cors", "script");
    expect((await send(vitePort, { path: "/secret.js", headers: own })).text).toContain(SECRET);
    expect((await send(vitePort, { path: "/secret.js" })).text).toContain(SECRET);
  });

  it("refuses a whole address where a path belongs, and a link that brings more than a path", async () => {
    const navigation = fetchMetadata("cross-site", "navigate", "document");
    for (const path of [
      "http://evil.example/",
      `http://127.0.0.1:${vitePort}/__open-in-editor?file=${EDITED}`,
    ])
      expect((await send(vitePort, { path, headers: navigation })).status).toBe(403);
    const post = {
      method: "POST",
      path: "/",
      headers: { ...navigation, Origin: "https://evil.example" },
      body: "a",
    };
    expect((await send(vitePort, post)).status).toBe(403);
  });

  it("opens an editor for its own page, as it does with Vite's reloads, and for no program", async () => {
    const path = `/__open-in-editor?file=${EDITED}`;
    expect((await send(vitePort, { path })).status).toBe(403);
    expect(
      (await send(vitePort, { path, headers: fetchMetadata("none", "navigate", "document") })).status,
    ).toBe(403);
    expect(existsSync(opened)).toBe(false);
    await send(vitePort, { path, headers: fetchMetadata("same-origin", "cors", "empty") });
    await until(() => existsSync(opened), "the editor");
    expect(readFileSync(opened, "utf8")).toContain(EDITED);
    rmSync(opened);
  });

  it("gives a slow client as long as its request may take, no longer", () => {
    const server = vite.httpServer as Server;
    expect([server.headersTimeout, server.requestTimeout]).toEqual([10_000, 30_000]);
  });
});
