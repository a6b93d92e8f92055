import { expect, it } from "vitest";
import { moveText } from "./move-text.ts";

const commandReady = { address: 0x18, size: 1, value: 0x40 } as const;

it("says what an access means where it was made, not what it means elsewhere", () => {
  const move = {
    kind: "state",
    locality: 0,
    event: "commandReady",
    to: "ready",
    access: commandReady,
  } as const;
  expect(moveText({ ...move, from: "idle" })).toBe(
    "Locality 0: idle → ready, by the write of commandReady to TPM_STS. The locality prepares to send a command.",
  );
  expect(moveText({ ...move, from: "completion" })).toContain("Done with the response.");
  expect(moveText({ ...move, from: "reception" })).toContain("The half command is thrown away.");
});
