import { describe, expect, it } from "vitest";
import type { SerialFeed } from "../../page-model/model.ts";
import { GuestShellError, readGuestFile } from "./guest-file.ts";

/** A console whose shell answers what it is sent. */
function consoleThat(answers: (line: string) => string[]) {
  let hear: (bytes: Uint8Array) => void = () => undefined;
  let start: () => void = () => undefined;
  let listening = 0;
  const on =
    <T>(set: (listener: T) => void) =>
    (listener: T) => {
      set(listener);
      listening++;
      return () => {
        listening--;
      };
    };
  const serial: SerialFeed = {
    text: "",
    onData: on((listener) => {
      hear = listener;
    }),
    onStart: on<() => void>((listener) => {
      start = listener;
    }),
  };
  const send = (line: string) => {
    for (const text of answers(line)) queueMicrotask(() => hear(new TextEncoder().encode(text)));
  };
  return { serial, send, start: () => start(), listening: () => listening };
}

/** What a shell makes of the line: its echo, then its output. */
function shell(line: string, output: string, status = 0): string[] {
  const id = /gin-(\d+)/.exec(line)?.[1];
  return [line.replace("\n", "\r\n"), `list-begin-${id}\r\n${output}`, `list-end-${id}:${status}\r\n# `];
}

describe("a file of the guest", () => {
  it("is what its shell prints, without the echo of what was typed", async () => {
    const { serial, send, listening } = consoleThat((line) => shell(line, "10 aa\r\n10 bb\r\n"));
    expect(await readGuestFile(serial, send, "/list")).toBe("10 aa\n10 bb\n");
    expect(listening()).toBe(0);
  });

  it("that is not there is said so in the shell's words", async () => {
    const { serial, send } = consoleThat((line) => shell(line, "cat: no such file\r\n", 1));
    await expect(readGuestFile(serial, send, "/list")).rejects.toThrow(/could not read \/list: cat: no such/);
  });

  it("is not waited for when nobody answers, or the machine starts anew", async () => {
    const { serial, send, start, listening } = consoleThat(() => []);
    await expect(readGuestFile(serial, send, "/list", 5)).rejects.toThrow(GuestShellError);
    const read = readGuestFile(serial, send, "/list");
    start();
    await expect(read).rejects.toThrow(/started anew/);
    expect(listening()).toBe(0);
  });
});
