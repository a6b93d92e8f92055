/**
 * The page's side of its service worker: sees to it, before anything else of the page is loaded, that the page is
 * cross-origin isolated and the newest version, with one reload at most; and has everything kept for later, where its
 * owner wants that.
 */
import type { OfflineNews, WorkerRequest } from "./messages.ts";
import { offline } from "./offline.ts";

const SCRIPT = "./sw.js";
/** Set over a reload that this file asked for, so that there is never a second one. */
const RELOADED = "webtpm.reloaded";
/** How long the page waits for its service worker before it goes on without, in milliseconds. */
const PATIENCE_MS = 8000;

/**
 * Makes the page ready to be loaded.
 * @returns false when the page is being loaded anew, and nothing more is to be done in this one.
 */
export async function preparePage(): Promise<boolean> {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  // Without a secure connection there are none; within another page a reload would be that page's business.
  if (!workers || window.top !== window) return true;
  const first = sessionStorage.getItem(RELOADED) === null;
  sessionStorage.removeItem(RELOADED);
  try {
    const registration = await workers.register(SCRIPT, { updateViaCache: "none" });
    if (first && (await needsReload(workers, registration))) {
      sessionStorage.setItem(RELOADED, "1");
      location.reload();
      return false;
    }
    keepPage(workers, registration).catch(report);
  } catch (error) {
    report(error as Error);
  }
  return true;
}

/** The page works without, only not offline, and where the host sends no headers with its device on the page's thread. */
const report = (error: Error) => console.warn("service worker:", error.message);

async function needsReload(
  workers: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
): Promise<boolean> {
  if (registration.waiting) return takeOver(workers, registration.waiting);
  if (crossOriginIsolated || workers.controller) return false;
  return (await within(workers.ready)) !== undefined;
}

/** How long after a page was loaded its worker has surely given everything away, in milliseconds. */
const QUIET_MS = 300;

/**
 * Chromium replaces a worker when that has nothing more to do, and now and then forgets to when it is told so in the
 * middle of its work: neither version then answers, for minutes.
 */
async function untilServed(): Promise<void> {
  if (document.readyState !== "complete")
    await new Promise((resolve) => addEventListener("load", resolve, { once: true }));
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
}

/** A new version waits: has it replace the one that served this page. */
async function takeOver(workers: ServiceWorkerContainer, waiting: ServiceWorker): Promise<boolean> {
  await within(untilServed());
  const changed = new Promise<true>((resolve) =>
    workers.addEventListener("controllerchange", () => resolve(true), { once: true }),
  );
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise<boolean>((resolve) => {
    port1.onmessage = ({ data }) => resolve(data as boolean);
  });
  waiting.postMessage("take over" satisfies WorkerRequest, [port2]);
  return (await within(answer)) === true && (await within(changed)) === true;
}

/** @returns undefined when it takes too long. */
function within<T>(work: Promise<T>): Promise<T | undefined> {
  return Promise.race([
    work,
    new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), PATIENCE_MS)),
  ]);
}

/** Has the worker tell how much it keeps; or keep all, now and whenever the network comes back, where that is wanted. */
async function keepPage(
  workers: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
): Promise<void> {
  workers.addEventListener("message", ({ data }: MessageEvent<OfflineNews>) => {
    if (data?.offline) offline.heard(data);
  });
  workers.startMessages();
  const { active } = await workers.ready;
  const ask = (request: WorkerRequest) => active?.postMessage(request);
  offline.begin(() => ask("fill"));
  ask(offline.wanted ? "fill" : "measure");
  addEventListener("online", () => {
    if (offline.wanted) ask("fill");
  });
  await lookForUpdate(registration);
}

/** A host that has another page now, or none, is not to be hidden behind what was kept of this one. */
async function lookForUpdate(registration: ServiceWorkerRegistration): Promise<void> {
  try {
    await registration.update();
  } catch (cause) {
    const response = await fetch(SCRIPT, { cache: "no-store" }).catch(() => undefined);
    if (!response) return; // no network: just what this is for
    const isScript = response.ok && /javascript/.test(response.headers.get("Content-Type") ?? "");
    if (!isScript && (response.ok || response.status === 404 || response.status === 410)) {
      registration.active?.postMessage("end" satisfies WorkerRequest);
    } else throw cause;
  }
}
