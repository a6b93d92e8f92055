/** The page starts here: address, state, elements, `window.webtpm`. */
import "../ui/styles.css";
import "../ui/index.ts";
import type { PageState } from "../page-model/model.ts";
import { Store } from "../page-model/store.ts";
import { TraceRecorder } from "../trace/index.ts";
import { pageFrames } from "../ui/parts/frames.ts";
import { askLink } from "../ui/shell/ask-link.ts";
import type { WebTpmPage } from "../ui/shell/page.ts";
import { paneOf } from "../ui/shell/panes.ts";
import { startTheme } from "../ui/shell/theme.ts";
import { addressGrantedTo } from "./address.ts";
import { createConsoleApi, type WebTpmConsole } from "./console-api.ts";
import { PageController } from "./controller.ts";
import { LinkGuard } from "./link-guard.ts";
import { inWords } from "./link-words.ts";
import { parametersOf, parseOptions } from "./options.ts";
import { recallBoot } from "./previous-boot.ts";
import { SerialPort } from "./serial-port.ts";

declare global {
  interface Window {
    webtpm: WebTpmConsole;
  }
}

const { options, problems } = parseOptions(new URLSearchParams(location.search));
const pane = paneOf(options.pane);
if (options.pane !== undefined && !pane) {
  problems.push(`The address asks for a pane "${options.pane}", which this page does not have.`);
}
const serial = new SerialPort();

const initial: PageState = {
  settings: options.settings,
  machine: { phase: "off", holds: [], boots: 0 },
  serial,
  commands: [],
  commandNews: 0,
  guestCommands: 0,
  pcrs: [],
  changedPcrs: new Set(),
  bank: "sha256",
  bench: "closed",
  recorder: new TraceRecorder(),
  previous: recallBoot(),
  kept: { unreadable: [], chosen: options.machine, snapshots: [], auto: "off" },
  lessons: { done: {} },
  files: { reading: {}, problems: {} },
  notices: [],
  panes: {
    left: pane?.side === "left" ? pane.id : "machine",
    right: pane?.side === "right" ? pane.id : "pcrs",
    front: pane?.side ?? "left",
  },
  theme: startTheme(options.theme),
};

const store = new Store(initial, pageFrames);
const link = new LinkGuard(
  parametersOf(options.settings, options.bridge),
  document.baseURI,
  (question) => askLink(inWords(question)),
  addressGrantedTo(),
);
const controller = new PageController(store, serial, link);
window.webtpm = createConsoleApi(controller, store, serial);

if (problems.length) {
  const text = problems.join(" ");
  controller.notices.show({
    id: "options",
    level: "warning",
    title: "Not all of the address was understood.",
    text,
    actions: [],
  });
}

const failed = (error: unknown) =>
  controller.notices.show({
    id: "unexpected",
    level: "error",
    title: "Something unexpected went wrong on this page.",
    text: `${error instanceof Error ? error.message : String(error)} (the browser's console has more). If the page does not go on, reload it.`,
    actions: [{ label: "Reload", run: () => location.reload() }],
  });
addEventListener("error", ({ error, message }) => failed(error ?? message));
// A page that is loaded into another process, as an isolated one is, may begin before this one hears of its end.
for (const end of ["beforeunload", "pagehide"]) addEventListener(end, () => void controller.storeBoot());
addEventListener("unhandledrejection", ({ reason }) => failed(reason));

const page = document.createElement("webtpm-page") as WebTpmPage;
page.store = store;
page.actions = controller;
document.body.append(page);

if (options.boot) controller.boot();
else {
  controller.images.show();
  // Who asked for something of the page gets that.
  if (!options.pane && !location.hash) controller.recordings.showFirst();
}
