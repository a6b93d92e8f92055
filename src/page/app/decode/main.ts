/** The page at `?decode`: what was put in, found out and shown. It needs neither images nor a TPM. */
import "../../ui/styles.css";
import "../../ui/decode/decode-page.ts";
import { ReadingCanceledError } from "../../../session/reading/errors.ts";
import { blankState } from "../../model/blank.ts";
import { type DecoderActions, type DecoderState, LIMIT_TEXT } from "../../model/decoder.ts";
import type { PageStore } from "../../model/model.ts";
import { NOTHING_SELECTED } from "../../model/selection.ts";
import { Store } from "../../model/store.ts";
import { viewActions } from "../../model/view-actions.ts";
import type { DecodePage } from "../../ui/decode/decode-page.ts";
import { pageFrames } from "../../ui/parts/frames.ts";
import { startTheme } from "../../ui/shell/theme.ts";
import { Files } from "../files.ts";
import { commandRecords, typedBytes } from "./input.ts";
import { fromFragment, toFragment } from "./share.ts";

startTheme("auto");
document.title = "TPM decoder – WebTPM";

const store: PageStore = new Store(blankState({}), pageFrames);
const files = new Files(store);
const views = viewActions(store, { files, showPane: () => undefined });

let state: DecoderState = { source: "", problems: [], text: "", said: "" };
/** What is shown, as it was put in. */
let content: File | undefined;

function show(news: Partial<DecoderState>): void {
  state = { ...state, ...news };
  page.state = state;
}

function fail(source: string, error: unknown): void {
  files.cancel("messages");
  content = undefined;
  const why = error instanceof Error ? error.message : String(error);
  show({ shows: undefined, source, problems: [`${source} cannot be explained: ${why}.`] });
}

/** Finds out what it is, beside the page, and shows it. */
function explain(file: File): void {
  show({ shows: undefined, source: file.name, problems: [], said: "" });
  files.read("messages", file, {}).then(
    ({ entries, problems }) => {
      content = file;
      if (entries.length === 0) {
        files.openEventLog(file);
        show({ shows: "log" });
        return;
      }
      const records = commandRecords(entries);
      const { commandNews } = store.state;
      const command = records.length === 1 ? records[0]?.id : undefined;
      store.update({ commands: records, commandNews: commandNews + 1, ...NOTHING_SELECTED, command });
      show({ shows: "commands", problems });
    },
    (error) => {
      // What came in its place, or nothing, is what was wished.
      if (!(error instanceof ReadingCanceledError)) fail(file.name, error);
    },
  );
}

const actions: DecoderActions = {
  type(text) {
    show({ text });
    const source = "The bytes in the field";
    try {
      const bytes = typedBytes(text);
      if (bytes.length === 0) throw new RangeError("there are none");
      explain(new File([bytes], source));
    } catch (error) {
      fail(source, error);
    }
  },
  open: explain,
  share() {
    const copy = async () => {
      const fragment = content && (await toFragment(content));
      if (!fragment) return LIMIT_TEXT;
      const link = new URL(location.href);
      link.hash = fragment;
      history.replaceState(null, "", link);
      await navigator.clipboard.writeText(link.href);
      return "The link is on the clipboard.";
    };
    copy().then(
      (said) => show({ said }),
      () => show({ said: "The browser keeps the clipboard shut; the link is in the address bar." }),
    );
  },
};

async function openLink(): Promise<void> {
  const source = "What the link holds";
  try {
    const bytes = await fromFragment(location.hash);
    if (bytes) explain(new File([bytes], source));
  } catch (error) {
    fail(source, error);
  }
}

const page = document.createElement("decode-page") as DecodePage;
Object.assign(page, { store, views, actions, state });
document.body.append(page);
addEventListener("hashchange", () => void openLink());
await openLink();
