/**
 * The static build's service worker, `sw.js`: gives the page the headers that isolate and guard it where its
 * host sends none, and the whole page where there is no host. A version serves only itself: a new one waits until a
 * page is loaded anew and no other window shows the old one.
 */
import { withHeaders } from "./headers.ts";
import type { OfflineNews, WorkerRequest } from "./messages.ts";
import { Shelf, type ShippedFile } from "./shelf.ts";
import type { FetchEvent, ServiceWorkerScope } from "./worker-scope.ts";

/** Written in by the build (`src/node/tools/service-worker.ts`): its name, and its files, those wanted first at the front. */
declare const WEBTPM_BUILD: string;
declare const WEBTPM_FILES: readonly ShippedFile[];
/** What the host is to send: the build's `_headers`. */
declare const WEBTPM_HEADERS: Readonly<Record<string, string>>;

const scope = globalThis as unknown as ServiceWorkerScope;
const shelf = new Shelf(scope.registration.scope, WEBTPM_BUILD, WEBTPM_FILES);
const total = WEBTPM_FILES.reduce((sum, [, size]) => sum + size, 0);
const start = shelf.find(scope.registration.scope) as ShippedFile;

/** The host has another page now, or none; until the last window is gone, all is the network's. */
let ended = false;

scope.addEventListener("install", (event) => {
  // Only the page itself, so that the first visit does not wait; and no worker without the page of its own version.
  event.waitUntil(shelf.keep(start));
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(scope.clients.claim());
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  // A range is for the host to give; whole files only are kept.
  if (ended || request.method !== "GET" || request.headers.has("Range")) return;
  const file = shelf.find(request.url);
  if (file) event.respondWith(answer(event, file));
});

async function answer(event: FetchEvent, file: ShippedFile): Promise<Response> {
  try {
    return withHeaders(await shelf.give(file, (work) => event.waitUntil(work)), WEBTPM_HEADERS);
  } catch (error) {
    // The browser has cleared its caches, and the host has another version: rather that than no page at all.
    if (event.request.mode === "navigate") return withHeaders(await fetch(event.request), WEBTPM_HEADERS);
    throw error;
  }
}

scope.addEventListener("message", (event) => {
  const request = event.data as WorkerRequest;
  if (request === "take over") event.waitUntil(takeOver(event.ports[0]));
  else if (request === "end") event.waitUntil(end());
  else if (request === "fill" || request === "measure") {
    const work = request === "fill" ? fill : measure;
    event.waitUntil(work((news) => event.source?.postMessage(news)));
  }
});

/** How often, and how many milliseconds apart, to look whether other windows are gone. */
const LOOKS = 10;
const LOOK_MS = 100;

async function isOnly(): Promise<boolean> {
  const windows = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
  return windows.filter(({ url }) => url.startsWith(scope.registration.scope)).length <= 1;
}

/** A page keeps the version that it was loaded with; so this happens only while the asking page is the only one. */
async function takeOver(port: MessagePort | undefined): Promise<void> {
  let alone = await isOnly();
  // A window that was just closed, or the document before a reload, is still counted for a moment.
  for (let look = 0; !alone && look < LOOKS; look++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    alone = await isOnly();
  }
  port?.postMessage(alone);
  if (alone) await scope.skipWaiting();
}

type Tell = (news: OfflineNews) => void;

/** What a visit needs is fetched by that visit, and kept; all of it is fetched where somebody wants that. */
async function measure(tell: Tell): Promise<void> {
  for (const file of WEBTPM_FILES) await shelf.takeOver(file);
  await clearOthers();
  tell({ offline: { kept: await shelf.size(), total } });
}

/** Older versions have given what they had in common with this one; a newer one may have begun its own. */
async function clearOthers(): Promise<void> {
  const { installing, waiting } = scope.registration;
  if (!installing && !waiting) await shelf.clearOthers();
}

/** Fetches what is not kept yet, file by file; what an attempt did not get, the next one does. */
async function fill(tell: Tell): Promise<void> {
  let problem: string | undefined;
  tell({ offline: { kept: await shelf.size(), total } });
  for (const file of WEBTPM_FILES) {
    try {
      await shelf.keep(file);
    } catch (error) {
      problem = `${file[0]}: ${(error as Error).message}`;
    }
    tell({ offline: { kept: await shelf.size(), total } });
  }
  if (!problem) await clearOthers();
  tell({ offline: { kept: await shelf.size(), total, ...(problem !== undefined && { problem }) } });
}

async function end(): Promise<void> {
  ended = true;
  await scope.registration.unregister();
  await shelf.clear();
}
