import { expect, it } from "vitest";
import { INTERFACES } from "../../../device/interfaces/interfaces.ts";
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
  expect(moveText({ ...move, from: "idle" }, INTERFACES.TIS)).toBe(
    "Locality 0: idle → ready, by the write of commandReady to TPM_STS. The locality prepares to send a command.",
  );
  expect(moveText({ ...move, from: "completion" }, INTERFACES.TIS)).toContain("Done with the response.");
  expect(moveText({ ...move, from: "reception" }, INTERFACES.TIS)).toContain(
    "The half command is thrown away.",
  );
});

it("says it in the words of the interface that it was made through", () => {
  const move = { kind: "state", locality: 1, event: "start", from: "reception", to: "execution" } as const;
  const access = { address: 0xfed4_104c, size: 4, value: 1 } as const;
  expect(moveText({ ...move, access }, INTERFACES.CRB)).toBe(
    "Locality 1: reception → execution, by the write of Start to TPM_CRB_CTRL_START. The TPM runs the command.",
  );
});
