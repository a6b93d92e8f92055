import { describe, expect, it } from "vitest";
import { type SerialEmulator, SerialPort } from "./serial-port.ts";

function fakeUart() {
  const sent: number[] = [];
  let output: (byte: number) => void = () => {};
  const emulator: SerialEmulator = {
    add_listener: (_, listener) => {
      output = listener;
    },
    serial_send_bytes: (_, bytes) => sent.push(...bytes),
  };
  return {
    emulator,
    sent,
    say: (text: string) => {
      for (const byte of new TextEncoder().encode(text)) output(byte);
    },
  };
}

describe("SerialPort", () => {
  it("keeps what the guest sends and hands it on in batches", async () => {
    const port = new SerialPort();
    const { emulator, say } = fakeUart();
    const batches: string[] = [];
    port.onData((bytes) => batches.push(new TextDecoder().decode(bytes)));
    port.connect(emulator);
    say("héllo");
    expect(port.text).toBe("héllo");
    expect(batches).toEqual(["héllo"]);
  });

  it("begins anew with each start", () => {
    const port = new SerialPort();
    const { emulator, say } = fakeUart();
    let starts = 0;
    port.onStart(() => starts++);
    port.connect(emulator);
    say("one");
    port.started();
    say("two");
    expect(port.text).toBe("two");
    expect(starts).toBe(2);
  });

  it("types UTF-8, and does not listen to a machine of the past", () => {
    const port = new SerialPort();
    expect(port.send("x")).toBe(false);
    const old = fakeUart();
    const now = fakeUart();
    port.connect(old.emulator);
    port.connect(now.emulator);
    old.say("ghost");
    expect(port.text).toBe("");
    expect(port.send("é")).toBe(true);
    expect(now.sent).toEqual([0xc3, 0xa9]);
    expect(old.sent).toEqual([]);
  });
});
