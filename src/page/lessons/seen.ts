/** A command that ran while a lesson was open. Decoded when a check first looks into it. */

import { decodeCommand, decodeResponse, type Field, find, type Message } from "../../protocol/tpm2/index.ts";
import type { CommandRecord } from "../../session/types.ts";
import type { World } from "./world.ts";

export class SeenCommand {
  readonly #record: CommandRecord;
  /** Which start of the machine it belongs to; counts up. */
  readonly start: number;
  #request: Message | undefined;
  #response: Message | undefined;

  constructor(record: CommandRecord, start: number) {
    this.#record = record;
    this.start = start;
  }

  get id(): number {
    return this.#record.id;
  }

  /** E.g. "TPM2_PCR_Extend". */
  get name(): string {
    return this.#record.name;
  }

  get locality(): number {
    return this.#record.locality;
  }

  /** E.g. "TPM_RC_LOCALITY". */
  get result(): string {
    return this.#record.responseName ?? "no answer";
  }

  get ok(): boolean {
    return this.#record.responseCode === 0;
  }

  /** A field of the request by the specification's names, e.g. `("handles", "pcrHandle")`. */
  asked(...path: readonly string[]): Field | undefined {
    this.#request ??= decodeCommand(this.#record.request);
    return find(this.#request.fields, ...path);
  }

  /** The whole bytes of a field of the response, as they came. */
  answeredBytes(...path: readonly string[]): Uint8Array | undefined {
    const field = this.answered(...path);
    return field && this.#record.response?.subarray(field.offset, field.offset + field.length);
  }

  /** A field of the response by the specification's names. */
  answered(...path: readonly string[]): Field | undefined {
    const { request, response } = this.#record;
    if (!response) return undefined;
    this.#response ??= decodeResponse(response, request);
    return find(this.#response.fields, ...path);
  }
}

/** The bytes of a leaf. */
export function bytesOf(field: Field | undefined): Uint8Array | undefined {
  return field?.value instanceof Uint8Array ? field.value : undefined;
}

export function numberOf(field: Field | undefined): number | undefined {
  return typeof field?.value === "number" ? field.value : undefined;
}

/** The world without the commands of earlier starts of the machine. */
export function sinceStart(world: World): World {
  return { ...world, commands: world.commands.filter(({ start }) => start === world.start) };
}

/** The commands of that name, oldest first. */
export function commandsNamed(world: World, name: string): SeenCommand[] {
  return world.commands.filter((command) => command.name === name);
}

/** The last one of that name that succeeded and is as wanted. */
export function lastDone(
  world: World,
  name: string,
  wanted: (command: SeenCommand) => boolean = () => true,
): SeenCommand | undefined {
  return world.commands.findLast((command) => command.name === name && command.ok && wanted(command));
}

/** The PCRs that a TPML_PCR_SELECTION names for SHA-256, in ascending order. */
export function selectedPcrs(list: Field | undefined): number[] {
  const bank = list?.children?.find(({ children }) => children?.[0]?.text === "TPM_ALG_SHA256");
  const map = bytesOf(find(bank?.children, "pcrSelect", "pcrSelect"));
  if (!map) return [];
  return Array.from({ length: map.length * 8 }, (_, pcr) => pcr).filter(
    (pcr) => (map[pcr >> 3] ?? 0) & (1 << (pcr & 7)),
  );
}

/** Whether a TPM2_PCR_Read asks for that PCR of the SHA-256 bank. */
export function readsPcr(command: SeenCommand, pcr: number): boolean {
  return selectedPcrs(command.asked("parameters", "pcrSelectionIn")).includes(pcr);
}
