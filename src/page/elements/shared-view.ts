/**
 * What all elements of one TPM show together: one state, so that a choice in one of them is a choice in all. It watches
 * the TPM as long as one of them is on a page.
 */
import type { TpmHandle } from "../../session/types.ts";
import { blankState } from "../model/blank.ts";
import type { PageState, PageStore, PaneId, ViewActions } from "../model/model.ts";
import { Store } from "../model/store.ts";
import { viewActions } from "../model/view-actions.ts";
import { showLog, showPcrs, watchTpm } from "../model/watch-tpm.ts";
import { pageFrames } from "../ui/parts/frames.ts";

export interface SharedView {
  readonly store: PageStore;
  readonly actions: ViewActions;
}

/** The page itself reads files in a worker of its own; these views are of one TPM, and read none. */
const NO_FILES: ViewActions["files"] = {
  openEventLog: () => undefined,
  openImaList: () => undefined,
  cancel: () => undefined,
  forget: () => undefined,
};

interface Watched extends SharedView {
  users: Set<HTMLElement>;
  end(): void;
}

const watched = new WeakMap<TpmHandle, Watched>();

/** The TPM's view, for an element that is on a page. @see endView */
export function sharedView(tpm: TpmHandle, user: HTMLElement): SharedView {
  let view = watched.get(tpm);
  if (!view) {
    view = watch(tpm);
    watched.set(tpm, view);
  }
  view.users.add(user);
  return view;
}

/** The element is no longer on a page, or has another TPM. */
export function endView(tpm: TpmHandle, user: HTMLElement): void {
  const view = watched.get(tpm);
  if (!view?.users.delete(user) || view.users.size > 0) return;
  view.end();
  watched.delete(tpm);
}

function watch(tpm: TpmHandle): Watched {
  const users = new Set<HTMLElement>();
  const store: PageStore = new Store(blankState({ machine: GUEST }), pageFrames);
  const end = watchTpm(tpm, store, () => undefined);
  // What happened before anybody looked.
  if (tpm.eventLog().length) showLog(store, tpm);
  tpm.ready
    .then(() => tpm.pcrs())
    .then((banks) => {
      if (users.size > 0) showPcrs(store, banks);
    })
    // The status says why; the next change of a PCR has them read again.
    .catch(() => undefined);
  const showPane = (pane: PaneId) => {
    const other = Array.from(users).find((user) => user.dataset.pane === pane);
    other?.scrollIntoView({ block: "nearest" });
  };
  return { store, actions: viewActions(store, { files: NO_FILES, showPane }), users, end };
}

/** Somebody else's machine: as far as a view knows, it runs. */
const GUEST: PageState["machine"] = { phase: "running", holds: [], boots: 1 };
