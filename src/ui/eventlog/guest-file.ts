/** Reads a text file of the guest through the shell on its serial console. */
import type { SerialFeed } from "../../page-model/model.ts";

/** How long the shell may say nothing, in milliseconds. */
const QUIET_MS = 10_000;
let reads = 0;

/** The shell did not give the file; the message says what to do. */
export class GuestShellError extends Error {
  override readonly name = "GuestShellError";
}

/** @throws {GuestShellError} */
export async function readGuestFile(
  serial: SerialFeed,
  send: (text: string) => void,
  path: string,
  quiet = QUIET_MS,
): Promise<string> {
  const id = ++reads;
  // The quotes keep the shell's echo of this line from looking like its output.
  const line = `echo "list-be""gin-${id}"; cat ${path}; echo "list-e""nd-${id}:$?"\n`;
  const pattern = new RegExp(`list-begin-${id}\\r?\\n([\\s\\S]*?)list-end-${id}:(\\d+)`);
  const [, text = "", status] = await answer(serial, pattern, quiet, () => send(line));
  if (status === "0") return text.replaceAll("\r", "");
  throw new GuestShellError(`the guest could not read ${path}: ${text.trim() || `status ${status}`}`);
}

/** What the shell prints after `begin`, as far as the pattern takes it. */
function answer(
  serial: SerialFeed,
  pattern: RegExp,
  quiet: number,
  begin: () => void,
): Promise<RegExpExecArray> {
  let timer: ReturnType<typeof setTimeout>;
  let ends: (() => void)[] = [];
  const answered = new Promise<RegExpExecArray>((resolve, reject) => {
    const decoder = new TextDecoder();
    let heard = "";
    const fail = (why: string) => reject(new GuestShellError(why));
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(
        () => fail("the guest's shell does not answer: is it at its prompt in the serial console?"),
        quiet,
      );
    };
    const hear = (bytes: Uint8Array) => {
      heard += decoder.decode(bytes, { stream: true });
      wait();
      const found = pattern.exec(heard);
      if (found) resolve(found);
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
