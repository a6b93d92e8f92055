/** Reads a text file of the guest through the shell on its serial console. */
import type { SerialFeed } from "../../model/model.ts";
import { takesLine } from "../../model/prompt.ts";

/** How long the shell may say nothing, in milliseconds. */
const QUIET_MS = 10_000;
const NO_ANSWER = "the guest's shell does not answer: is it at its prompt in the serial console?";
const BUSY =
  "the guest's shell is not at its prompt: let what runs in the serial console come to its end, or press Enter there";
let reads = 0;

/** The shell did not give the file; the message says what to do. */
export class GuestShellError extends Error {
  override readonly name = "GuestShellError";
}

/** @throws {GuestShellError} also when the shell does not come to its prompt: the line would go to whatever runs. */
export async function readGuestFile(
  serial: SerialFeed,
  send: (text: string) => void,
  path: string,
  quiet = QUIET_MS,
): Promise<string> {
  if (!takesLine(serial.text)) await prompt(serial, quiet);
  const id = ++reads;
  // The quotes keep the shell's echo of this line from looking like its output.
  const line = `echo "list-be""gin-${id}"; cat ${path}; echo "list-e""nd-${id}:$?"\n`;
  const pattern = new RegExp(`list-begin-${id}\\r?\\n([\\s\\S]*?)list-end-${id}:(\\d+)`);
  const find = (heard: string) => pattern.exec(heard) ?? undefined;
  const [, text = "", status] = await answer(serial, find, NO_ANSWER, quiet, () => send(line));
  if (status === "0") return text.replaceAll("\r", "");
  throw new GuestShellError(`the guest could not read ${path}: ${text.trim() || `status ${status}`}`);
}

/** Waits until the shell takes a line. */
async function prompt(serial: SerialFeed, quiet: number): Promise<void> {
  await answer(serial, (heard) => takesLine(heard) || undefined, BUSY, quiet);
}

/** What is found in what the shell prints from now on. `silent` says what it means that it prints nothing. */
function answer<T>(
  serial: SerialFeed,
  find: (heard: string) => T | undefined,
  silent: string,
  quiet: number,
  begin = () => {},
): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  let ends: (() => void)[] = [];
  const answered = new Promise<T>((resolve, reject) => {
    const decoder = new TextDecoder();
    let heard = "";
    const fail = (why: string) => reject(new GuestShellError(why));
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => fail(silent), quiet);
    };
    const hear = (bytes: Uint8Array) => {
      heard += decoder.decode(bytes, { stream: true });
      wait();
      const found = find(heard);
      if (found !== undefined) resolve(found);
    };
    ends = [serial.onData(hear), serial.onStart(() => fail("the machine was started anew meanwhile"))];
    wait();
    begin();
  });
  return answered.finally(() => {
    clearTimeout(timer);
    for (const end of ends) end();
  });
}
