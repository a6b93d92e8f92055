/** Recorded commands with their responses, and what becomes of them when bytes are lost and changed. */
import { fromHex } from "../../bytes/hex.ts";
import { decodeCommand, decodeResponse } from "../decode.ts";
import type { Field } from "../tree.ts";

export interface Exchange {
  words: string;
  request: Uint8Array;
  response: Uint8Array;
}

/** Reads what e2e/decoder/record-golden.ts wrote: a line of summary, `> command`, `< response`. */
export function readExchanges(text: string): Exchange[] {
  const [, ...blocks] = text.trimEnd().split("\n\n");
  return blocks.map((block) => {
    const [words = "", request = "", response = ""] = block.split("\n");
    return { words, request: fromHex(request.slice(2)), response: fromHex(response.slice(2)) };
  });
}

/** The end of the last leaf, if the leaves lie one after the other from `start`; -1 if they do not. */
export function covered(fields: readonly Field[], start: number): number {
  let end = start;
  for (const field of fields) {
    if (field.offset !== end) return -1;
    end = field.children ? covered(field.children, end) : end + field.length;
    if (end !== field.offset + field.length) return -1;
  }
  return end;
}

/** Decodes mutants of the exchanges. @returns how many have a byte that is in no leaf, or in two. */
export function badlyCovered(
  exchanges: readonly Exchange[],
  { seed, messages }: { seed: number; messages: number },
): number {
  const random = generator(seed);
  let bad = 0;
  for (let round = 0; round < messages / 2; round++) {
    const { request, response } = exchanges[random(exchanges.length)]!;
    const other = exchanges[random(exchanges.length)]!.request;
    const command = mutate(request, random);
    const answer = mutate(response, random);
    if (covered(decodeCommand(command).fields, 0) !== command.length) bad++;
    if (covered(decodeResponse(answer, round & 1 ? request : other).fields, 0) !== answer.length) bad++;
  }
  return bad;
}

/** xorshift32: the same sequence in every run. */
export function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Changes bytes, sets lengths and counts to extremes, cuts off or appends. */
export function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  let result = bytes.slice();
  for (let count = 1 + random(4); count > 0 && result.length > 0; count--) {
    const at = random(result.length);
    switch (random(6)) {
      case 0:
        result = result.slice(0, at);
        break;
      case 1:
        result = Uint8Array.from([...result.subarray(0, at), ...bytes.subarray(random(bytes.length))]);
        break;
      case 2:
        result.fill(0xff, at, at + 1 + random(4));
        break;
      case 3:
        result.fill(0, at, at + 1 + random(4));
        break;
      default:
        result[at] = random(256);
    }
  }
  return result;
}
