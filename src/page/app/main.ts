/** The page of the PC: address, state, elements, `window.webtpm`. */
import "../ui/styles.css";
import "../ui/index.ts";
import { TraceRecorder } from "../../session/trace/index.ts";
import { blankState } from "../model/blank.ts";
import { Store } from "../model/store.ts";
import { pageFrames } from "../ui/parts/frames.ts";
import { askLink } from "../ui/shell/ask-link.ts";
import type { WebTpmPage } from "../ui/shell/page.ts";
import { paneOf } from "../ui/shell/panes.ts";
import { startTextSize } from "../ui/shell/text-size.ts";
import { startTheme } from "../ui/shell/theme.ts";
import { addressGrantedTo } from "./address.ts";
import { createConsoleApi, type WebTpmConsole } from "./console-api.ts";
import { PageController } from "./controller.ts";
import { LinkGuard } from "./link-guard.ts";
import { inWords } from "./link-words.ts";
import { offline } from "./offline/offline.ts";
import { parametersOf, parseOptions } from "./options.ts";
import { recallBoot } from "./previous-boot.ts";
import { SerialPort } from "./serial-port.ts";
import { loadViewsAtShell } from "./views-ahead.ts";
import { careful, Work } from "./work.ts";

declare global {
  interface Window {
    webtpm: WebTpmConsole;
  }
}

/** Puts the page together, and `window.webtpm` with it. Called once. */
export function startPage(): void {
  const { options, problems } = parseOptions(new URLSearchParams(location.search));
  const pane = paneOf(options.pane);
  if (options.pane !== undefined && !pane) {
    problems.push(`The address asks for a pane "${options.pane}", which this page does not have.`);
  }
  const serial = new SerialPort();

  // From the first access on, before anybody has opened a view of them.
  const recorder = new TraceRecorder();
  recorder.always = true;

  const initial = blankState({
    settings: options.settings,
    serial,
    recorder,
    previous: recallBoot(),
    kept: { unreadable: [], chosen: options.machine, snapshots: [], disks: [], auto: "off" },
    panes: {
      left: pane?.side === "left" ? pane.id : "machine",
      right: pane?.side === "right" ? pane.id : "pcrs",
      front: pane?.side ?? "left",
    },
    theme: startTheme(options.theme),
  });

  const store = new Store(initial, pageFrames);
  startTextSize();
  const link = new LinkGuard(
    parametersOf(options.settings, options.bridge),
    document.baseURI,
    (question) => askLink(inWords(question)),
    addressGrantedTo(),
  );
  const work = new Work(store);
  const controller = new PageController(store, serial, link, work);
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
  addEventListener("error", ({ error, message }) => {
    // Sizes that changed while they were told are told with the next frame: nothing has gone wrong (Resize Observer, 3.4.7).
    if (!error && message.startsWith("ResizeObserver loop")) return;
    failed(error ?? message);
  });
  // A page that is loaded into another process, as an isolated one is, may begin before this one hears of its end.
  for (const end of ["beforeunload", "pagehide"]) addEventListener(end, () => void controller.storeBoot());
  addEventListener("beforeunload", (event) => {
    if (work.holdsTab) event.preventDefault();
  });
  addEventListener("unhandledrejection", ({ reason }) => failed(reason));

  loadViewsAtShell(store);
  offline.onChange((state) => store.update({ offline: state }));

  const page = document.createElement("webtpm-page") as WebTpmPage;
  page.store = store;
  page.actions = careful(controller, work);
  document.body.append(page);

  if (options.boot) controller.boot();
  else {
    controller.images.show();
    // Who asked for something of the page gets that.
    if (!options.pane && !location.hash) controller.recordings.showFirst();
  }
}
