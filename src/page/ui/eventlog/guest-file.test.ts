import { describe, expect, it, vi } from "vitest";
import type { SerialFeed } from "../../model/model.ts";
import { GuestShellError, readGuestFile } from "./guest-file.ts";

/** A console whose shell answers what it is sent. */
function consoleThat(answers: (line: string) => string[], text = "webtpm# \x1b[6n") {
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
    text,
    onData: on((listener) => {
      hear = listener;
    }),
    onStart: on<() => void>((listener) => {
      start = listener;
    }),
  };
  const say = (text: string) => hear(new TextEncoder().encode(text));
  const send = (line: string) => {
    for (const text of answers(line)) queueMicrotask(() => say(text));
  };
  return { serial, send, say, start: () => start(), listening: () => listening };
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

  it("is not asked for while something else runs there", async () => {
    const { serial } = consoleThat(() => [], "webtpm# sleep 9\r\n");
    const send = vi.fn();
    await expect(readGuestFile(serial, send, "/list", 5)).rejects.toThrow(/not at its prompt/);
    expect(send).not.toHaveBeenCalled();
  });

  it("is asked for when what ran there has ended", async () => {
    const { serial, send, say } = consoleThat((line) => shell(line, "10 aa\r\n"), "webtpm# sleep 1\r\n");
    const read = readGuestFile(serial, send, "/list");
    say("webtpm# ");
    expect(await read).toBe("10 aa\n");
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
