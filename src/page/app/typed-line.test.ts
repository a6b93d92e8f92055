import { describe, expect, it, vi } from "vitest";
import { TypedLine } from "./typed-line.ts";

function world() {
  let say: (bytes: Uint8Array) => void = () => undefined;
  let start: () => void = () => undefined;
  const changed = vi.fn();
  const typed = new TypedLine(
    {
      onData: (listener) => {
        say = listener;
        return () => undefined;
      },
      onStart: (listener) => {
        start = listener;
        return () => undefined;
      },
    },
    changed,
  );
  return { typed, changed, say: (text: string) => say(new TextEncoder().encode(text)), start: () => start() };
}

describe("a line that was typed for the reader", () => {
  it("keeps the shell busy until its next prompt", () => {
    const { typed, changed, say } = world();
    typed.begin("echo 'a # b'");
    say("echo 'a # b'");
    say("\r\na # b\r\n");
    expect(typed.line).toBe("echo 'a # b'");
    expect(changed).not.toHaveBeenCalled();
    say("webtpm# \u001b[6n");
    expect(typed.line).toBeUndefined();
    expect(changed).toHaveBeenCalledOnce();
  });

  it("is forgotten with a new start of the machine", () => {
    const { typed, say, start } = world();
    typed.begin("sleep 1000");
    say("sleep 1000\r\n");
    start();
    expect(typed.line).toBeUndefined();
  });
});
