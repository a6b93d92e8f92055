/**
 * What the page's address may bring about by itself, and what its owner is asked first: an address can come from a
 * stranger. One row for each parameter says what it touches. Pure.
 */
import { BRIDGE_PATH, bridgeUrls } from "../../session/backend-target.ts";
import type { MachineSettings } from "../../session/vault/types.ts";
import { emptyDisk } from "../model/image-slots.ts";
import type { ParameterName } from "./options.ts";

/**
 * - `look`: what the page shows. Never asked.
 * - `act`: boots what the others say. Never asked by itself.
 * - `which`: which machine, by name or by its TPM's version. It boots as it does by hand. Never asked.
 * - `hardware`: memory, menu, registers and interrupt of the TPM, and where on this page or its own server device and TPM run. Never asked.
 * - `boots`: what boots and what of it is measured. Asked where a TPM is kept that would see something else boot.
 * - `image`: as `boots`; and asked in any case where it comes from another origin.
 * - `bridge`: who gets the TPM's state. As `image`.
 */
export type Reach = "look" | "act" | "which" | "hardware" | "boots" | "image" | "bridge";

/** What each parameter touches. The hash opens lessons only, which do nothing before the reader asks for it. */
export const REACH: Readonly<Record<ParameterName, Reach>> = {
  pane: "look",
  theme: "look",
  boot: "act",
  machine: "which",
  tpm: "which",
  memory: "hardware",
  menu: "hardware",
  interface: "hardware",
  irq: "hardware",
  placement: "hardware",
  backend: "hardware",
  firmware: "boots",
  kernel: "boots",
  cmdline: "boots",
  measured: "boots",
  signature: "boots",
  start: "boots",
  hda: "image",
  cdrom: "image",
  fda: "image",
  bzimage: "image",
  initrd: "image",
  bridge: "bridge",
};

/** Parameters by name, without those that say what the page does anyway: as `toParameters` gives them. */
export type Parameters = Partial<Readonly<Record<ParameterName, string>>>;

/** One thing that an address wants. */
export interface Wish {
  name: ParameterName;
  value: string;
  /** The origin that the value names, where that is not the page's. */
  origin?: string;
  /** What the kept machine boots without it: an empty text for "as usual". Only where that is something else. */
  instead?: string;
}

/** Where the address would be followed. */
export interface Place {
  /** The page's own address, which others are relative to. */
  base: string;
  /** Settings of the machine that would boot, where it has a TPM that is kept. */
  kept?: MachineSettings | undefined;
}

/**
 * What an address wants of machine or TPM, in the order in which it matters; or undefined when it wants nothing that
 * the owner has to be asked about.
 * @param link what the address said when the page was opened
 * @param now what the page is set to; where that is something else by now, the owner has set it
 */
export function wishesToAsk(link: Parameters, now: Parameters, place: Place): Wish[] | undefined {
  const named = ORDER.filter((name) => link[name] !== undefined && link[name] === now[name]);
  const wishes = named.flatMap((name) => wishesOf(name, link[name]!, place));
  return wishes.some(({ origin, instead }) => origin !== undefined || instead !== undefined)
    ? wishes
    : undefined;
}

/** Whether there is nothing in an address that anybody would be asked about anywhere. */
export function asksNothing(link: Parameters): boolean {
  return ORDER.every((name) => link[name] === undefined);
}

const RANK: Partial<Record<Reach, number>> = { bridge: 0, image: 1, boots: 2 };
const ORDER = (Object.keys(REACH) as ParameterName[])
  .filter((name) => RANK[REACH[name]] !== undefined)
  .sort((a, b) => RANK[REACH[a]]! - RANK[REACH[b]]!);

function wishesOf(name: ParameterName, value: string, { base, kept }: Place): Wish[] {
  if (REACH[name] === "boots") return [{ name, value, ...change(kept, name, value) }];
  if (REACH[name] === "image")
    return [{ name, value, ...foreign(value, base), ...change(kept, name, value) }];
  // No machine's settings have a bridge: a kept one uses the page's own.
  return bridgeUrls(value).map((url) => ({
    name,
    value: url,
    ...foreign(url, base),
    ...(kept && resolved(url, base).href !== resolved(BRIDGE_PATH, base).href && { instead: "" }),
  }));
}

function change(kept: MachineSettings | undefined, name: ParameterName, value: string): { instead?: string } {
  if (!kept) return {};
  const before = Object.hasOwn(kept, name) ? kept[name] : "";
  return before === value ? {} : { instead: typeof before === "string" ? before : "" };
}

function foreign(url: string, base: string): { origin?: string } {
  if (emptyDisk(url)) return {};
  const { origin } = resolved(url, base);
  return origin === resolved("", base).origin ? {} : { origin };
}

/** WebSockets are of the origin that their http address has. */
const resolved = (url: string, base: string) => new URL(new URL(url, base).href.replace(/^ws/, "http"));

/** A text from an address, for people: what cannot be seen, or would turn the reading round, by its number. */
export function plain(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
