/** Byte channels over message ports, whose other end comes later. */
import { expect, it } from "vitest";
import { ChannelClosedError } from "./channel.ts";
import { joinChannel, messagePortChannel } from "./message-port.ts";
import { TestChannel } from "./testing/scripted-swtpm.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

it("keeps what is sent before the other end is there", async () => {
  const { port1, port2 } = new MessageChannel();
  const near = messagePortChannel(port1);
  near.send(Uint8Array.of(1, 2));
  const far = new TestChannel();
  joinChannel(far, port2);
  await near.joined;
  near.send(Uint8Array.of(3));
  await turn();
  await turn();
  expect(far.sent).toEqual(["0102", "03"]);
  near.close();
  await turn();
  expect(far.open).toBe(false);
});

it("tells who waits for the other end that it will not come", async () => {
  const { port1, port2 } = new MessageChannel();
  const near = messagePortChannel(port1);
  port2.postMessage({ closed: "no room" });
  await expect(near.joined).rejects.toEqual(new ChannelClosedError("no room"));

  const given = messagePortChannel(new MessageChannel().port1);
  given.close();
  await expect(given.joined).rejects.toBeInstanceOf(ChannelClosedError);
});

it("tells of its close once, from either side", async () => {
  const { port1, port2 } = new MessageChannel();
  const near = messagePortChannel(port1);
  const closes: unknown[] = [];
  near.onClose = (error) => closes.push(error);
  near.close();
  near.close();
  port2.postMessage({ closed: "late" });
  await turn();
  expect(closes).toEqual([undefined]);
  expect(() => near.send(Uint8Array.of(1))).toThrow(ChannelClosedError);
});
