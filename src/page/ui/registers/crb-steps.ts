/** A driver's steps through the CRB interface: put the command into the buffer, start it, find the response there. */
import {
  CTRL_REQ,
  CTRL_START,
  LOC_CTRL,
  LOC_STATE,
  LOC_STS,
  REGISTERS,
} from "../../../device/crb/registers.ts";
import type { TpmHandle } from "../../../session/types.ts";
import { registerAddress } from "../../model/interface.ts";
import { type DriverSteps, type Hand, writeRegister } from "./driver-steps.ts";

const { offset: BUFFER, span: BUFFER_BYTES } = REGISTERS.DATA_BUFFER;
const HEADER_BYTES = 10;
const SIZE_AT = 2;

/** The response's size field, and then so many bytes. */
function response({ handle, locality }: Hand): Uint8Array | undefined {
  if (handle.state(locality) !== "completion") return undefined;
  const at = registerAddress(locality, BUFFER);
  const byte = (index: number) => handle.read(at + index, 1);
  let size = 0;
  for (let i = 0; i < 4; i++) size = size * 256 + byte(SIZE_AT + i);
  if (size < HEADER_BYTES || size > BUFFER_BYTES) return undefined;
  return Uint8Array.from({ length: size }, (_, index) => byte(index));
}

function next(handle: TpmHandle, locality: number): ReturnType<DriverSteps["next"]> {
  const peek = ({ offset }: { offset: number }) => handle.peek(registerAddress(locality, offset), 4);
  if ((peek(REGISTERS.LOC_STATE) & LOC_STATE.VALID) === 0) return undefined;
  if ((peek(REGISTERS.LOC_STS) & LOC_STS.GRANTED) === 0) return "request";
  switch (handle.state(locality)) {
    case "idle":
      return "ready";
    case "ready":
      return "write";
    case "reception":
      return "go";
    case "execution":
      return "wait";
    case "completion":
      return "read";
  }
}

export const CRB_STEPS: DriverSteps = {
  next,
  steps: [
    {
      id: "request",
      label: "requestAccess",
      title: "Ask for the TPM: write requestAccess to TPM_LOC_CTRL",
      hint: "The locality does not have the TPM yet: ask for it with requestAccess.",
      act: (hand) => writeRegister(hand, REGISTERS.LOC_CTRL, 4, LOC_CTRL.REQUEST_ACCESS),
    },
    {
      id: "ready",
      label: "cmdReady",
      title: "Wake the TPM: write cmdReady to TPM_CRB_CTRL_REQ",
      hint: "The TPM is yours, and idle. cmdReady wakes it.",
      act: (hand) => writeRegister(hand, REGISTERS.CTRL_REQ, 4, CTRL_REQ.CMD_READY),
    },
    {
      id: "write",
      label: "fill the buffer",
      title: "Write the bytes below into the data buffer",
      hint: "It waits for a command: put one into the data buffer.",
      act({ handle, locality, command }) {
        if (!command) return undefined;
        const at = registerAddress(locality, BUFFER);
        for (const [index, byte] of command.entries()) handle.write(at + index, 1, byte);
        return { said: `Wrote ${command.length} bytes into the data buffer.` };
      },
    },
    {
      id: "go",
      label: "Start",
      title: "Run the command: write Start to TPM_CRB_CTRL_START",
      hint: "The command lies in the buffer: Start runs it.",
      act: (hand) => writeRegister(hand, REGISTERS.CTRL_START, 4, CTRL_START.START),
    },
    {
      id: "read",
      label: "read response",
      title: "Read the response from the data buffer, as long as its size field says",
      hint: "Start has fallen: the response lies where the command was. Read it, then goIdle; or cmdReady for the next one.",
      act(hand) {
        const bytes = response(hand);
        if (!bytes) return { said: "No command has ended: there is no response in the buffer." };
        return {
          said: `Read ${bytes.length} bytes. goIdle says that you are done with them.`,
          response: bytes,
        };
      },
    },
    {
      id: "idle",
      label: "goIdle",
      title: "Done with the response: write goIdle to TPM_CRB_CTRL_REQ",
      hint: "",
      act: (hand) => writeRegister(hand, REGISTERS.CTRL_REQ, 4, CTRL_REQ.GO_IDLE),
    },
    {
      id: "release",
      label: "give back",
      title: "Give the TPM back: write Relinquish to TPM_LOC_CTRL",
      hint: "",
      act: (hand) => writeRegister(hand, REGISTERS.LOC_CTRL, 4, LOC_CTRL.RELINQUISH),
    },
  ],
};
