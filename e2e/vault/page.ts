/** The vault on a page of its own, for `vault.spec.ts`. */
import { openVault } from "../../src/session/vault/index.ts";
import { snapshot, tamper, tpmSave } from "../../src/session/vault/testing.ts";

/** What `run` fails with. */
const failure = (run: () => Promise<unknown>): Promise<string> =>
  run().then(
    () => "it worked",
    (error) => `${error.name}: ${error.message}`,
  );

const tools = { openVault, snapshot, tamper, tpmSave, failure };

declare global {
  interface Window {
    tools: typeof tools;
  }
}

window.tools = tools;
