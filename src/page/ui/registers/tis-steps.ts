/** A driver's steps through the FIFO interface. */

import { ACCESS, BURST_COUNT_SHIFT, REGISTERS, STS } from "../../../device/tis/registers.ts";
import type { TpmHandle } from "../../../session/types.ts";
import { registerAddress } from "../../model/interface.ts";
import { type DriverSteps, type Hand, writeRegister } from "./driver-steps.ts";

/** Reads TPM_STS. @returns burstCount while dataAvail is set, else 0. */
function available({ handle, locality }: Hand): number {
  const sts = handle.read(registerAddress(locality, REGISTERS.STS.offset), 4);
  // All ones: the TPM is another locality's.
  if (sts === 0xffff_ffff || (sts & STS.DATA_AVAIL) === 0) return 0;
  return (sts & STS.BURST_COUNT) >>> BURST_COUNT_SHIFT;
}

function next(handle: TpmHandle, locality: number): ReturnType<DriverSteps["next"]> {
  const access = handle.peek(registerAddress(locality, REGISTERS.ACCESS.offset), 1);
  if ((access & ACCESS.VALID) === 0) return undefined;
  if ((access & ACCESS.ACTIVE_LOCALITY) === 0) return "request";
  const sts = handle.peek(registerAddress(locality, REGISTERS.STS.offset), 1);
  switch (handle.state(locality)) {
    case "idle":
      return "ready";
    case "ready":
      return "write";
    case "reception":
      return sts & STS.EXPECT ? "write" : "go";
    case "execution":
      return "wait";
    case "completion":
      return sts & STS.DATA_AVAIL ? "read" : "release";
  }
}

export const TIS_STEPS: DriverSteps = {
  next,
  steps: [
    {
      id: "request",
      label: "requestUse",
      title: "Ask for the TPM: write requestUse to TPM_ACCESS",
      hint: "The locality does not have the TPM yet: ask for it with requestUse.",
      act: (hand) => writeRegister(hand, REGISTERS.ACCESS, 1, ACCESS.REQUEST_USE),
    },
    {
      id: "ready",
      label: "commandReady",
      title: "Get ready for a command: write commandReady to TPM_STS",
      hint: "The TPM is yours. commandReady makes it wait for a command.",
      act: (hand) => writeRegister(hand, REGISTERS.STS, 4, STS.COMMAND_READY),
    },
    {
      id: "write",
      label: "write command",
      title: "Write the bytes below to TPM_DATA_FIFO, one by one",
      hint: "It waits for a command: write one to the FIFO.",
      act({ handle, locality, command }) {
        if (!command) return undefined;
        const fifo = registerAddress(locality, REGISTERS.DATA_FIFO.offset);
        for (const byte of command) handle.write(fifo, 1, byte);
        return { said: `Wrote ${command.length} bytes to TPM_DATA_FIFO.` };
      },
    },
    {
      id: "go",
      label: "tpmGo",
      title: "Run the command: write tpmGo to TPM_STS",
      hint: "The command is whole (Expect is 0): tpmGo runs it.",
      act: (hand) => writeRegister(hand, REGISTERS.STS, 4, STS.TPM_GO),
    },
    {
      id: "read",
      label: "read response",
      title: "Read burstCount bytes from TPM_DATA_FIFO while dataAvail is set",
      hint: "dataAvail is set: read the response from the FIFO.",
      act(hand) {
        const fifo = registerAddress(hand.locality, REGISTERS.DATA_FIFO.offset);
        const bytes: number[] = [];
        for (let burst = available(hand); burst > 0; burst = available(hand)) {
          for (let i = 0; i < burst; i++) bytes.push(hand.handle.read(fifo, 1));
        }
        if (!bytes.length) return { said: "dataAvail is not set: there is nothing to read." };
        return { said: `Read ${bytes.length} bytes.`, response: Uint8Array.from(bytes) };
      },
    },
    {
      id: "release",
      label: "give back",
      title: "Give the TPM back: write activeLocality to TPM_ACCESS",
      hint: "The response was read. Give the TPM back, or begin again with commandReady.",
      act: (hand) => writeRegister(hand, REGISTERS.ACCESS, 1, ACCESS.ACTIVE_LOCALITY),
    },
  ],
};
