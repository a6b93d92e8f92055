/** A swtpm client over an swtpm that follows a script, and small tools for tests with it. */
import { fromHex } from "../../protocol/bytes/hex.ts";
import { SwtpmBackend } from "../swtpm-backend.ts";
import type { SwtpmOptions } from "../swtpm-session.ts";
import { ScriptedSwtpm } from "./scripted-swtpm.ts";

export const COMMAND = "80010000000c0000017b0010";
export const RESPONSE = "80010000000c00000000beef";
/** The header of a command of 12 bytes. */
export const header = (locality: number) => `00000008${locality.toString(16).padStart(2, "0")}0000000c`;

/** A backend over a scripted swtpm, not started. */
export function make(options: Partial<SwtpmOptions> = {}) {
  const swtpm = new ScriptedSwtpm(options.version === "1.2" ? "00c40000000a00000009" : undefined);
  const backend = new SwtpmBackend(swtpm, { version: "2.0", ...options });
  const failures: Error[] = [];
  backend.onFailure = (error) => failures.push(error);
  return { swtpm, backend, failures };
}

/** The same, started, with an empty record of what was sent. */
export async function started(options: Partial<SwtpmOptions> = {}) {
  const made = make(options);
  if (options.version === "1.2") {
    made.swtpm.replies["01"] = "0000000000007fff";
    made.swtpm.replies["12"] = "0000000000000003000000037b7d00";
  }
  await made.backend.start();
  made.swtpm.order.length = 0;
  return made;
}

/** Everything that is due in this turn of the event loop. */
export const settle = () => new Promise((resolve) => setTimeout(resolve));
export const deliver = (backend: SwtpmBackend, locality = 0, signal?: AbortSignal) =>
  backend.deliver(locality, fromHex(COMMAND), signal && { signal });
/** The error a promise ends with; fails the test if it does not. */
export const errorOf = async (promise: Promise<unknown>) => {
  const outcome = await promise.then(
    () => new Error("it did not fail"),
    (error: Error) => error,
  );
  return outcome;
};
