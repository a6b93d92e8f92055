/** What the views of a TPM can ask for where there is no machine of the page's around them. */
import type { PageStore, ViewActions } from "./model.ts";
import { selectionOf } from "./selection.ts";

/** Choices are made in the store; what else can be asked for is told. There is a TPM already, or none is wanted. */
export function viewActions(
  store: PageStore,
  { files, showPane }: Pick<ViewActions, "files" | "showPane">,
): ViewActions {
  return {
    files,
    showPane,
    select: (choice) => store.update(selectionOf(store.state, choice)),
    selectBank: (bank) => store.update({ bank }),
    openBench: () => undefined,
  };
}
