/** What `tshark` makes of an exported capture: each of its TPM fields with place, value and text (PDML). */
import { execFileSync } from "node:child_process";

export interface TsharkField {
  /** E.g. "tpm.alg_hash". */
  name: string;
  /** Offset in the TPM message, in bytes. */
  offset: number;
  /** Bytes. */
  length: number;
  /** The field's bytes in hex; for bits, the value of the masked bits. */
  value: string;
  /** What tshark shows, e.g. "ALG HASH: TPM2_ALG_SHA256 (0x000b)". */
  text: string;
}

export interface TsharkMessage {
  /** Number of the packet. */
  frame: number;
  fields: TsharkField[];
  /** Tshark's own dissector ran off the message. */
  malformed: boolean;
}

/** Dissects a capture. @returns one entry a message, in order. */
export function dissect(pcapFile: string): TsharkMessage[] {
  const xml = execFileSync("tshark", ["-r", pcapFile, "-Y", "tpm", "-T", "pdml"], {
    maxBuffer: 1 << 30,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 120_000,
  }).toString();
  return xml.split("<packet>").slice(1).map(parsePacket);
}

function parsePacket(packet: string): TsharkMessage {
  const frame = Number(/name="num"[^>]*show="(\d+)"/.exec(packet)?.[1]);
  const proto = packet.indexOf('<proto name="tpm"');
  const start = Number(attribute(packet.slice(proto, packet.indexOf(">", proto)), "pos"));
  const fields = Array.from(packet.slice(proto).matchAll(/<field ([^>]*?)\/?>/g), ([, attributes = ""]) => ({
    name: attribute(attributes, "name"),
    offset: Number(attribute(attributes, "pos")) - start,
    length: Number(attribute(attributes, "size")),
    value: attribute(attributes, "value"),
    text: attribute(attributes, "showname").replaceAll("&lt;", "<").replaceAll("&gt;", ">"),
  }));
  return {
    frame,
    fields: fields.filter((field) => field.name.startsWith("tpm.") && field.length > 0),
    malformed: packet.includes("_ws.malformed"),
  };
}

function attribute(text: string, name: string): string {
  return new RegExp(`(?:^| )${name}="([^"]*)"`).exec(text)?.[1] ?? "";
}
