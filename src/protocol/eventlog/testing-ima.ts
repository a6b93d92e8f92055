/** For tests of this folder: IMA lists of every template, and of every hash that makes the template digests. */
import { toHex } from "../bytes/hex.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { hash } from "./hash.ts";
import { type Alg, ascii } from "./testing.ts";
import { joined } from "./testing-data.ts";

interface Field {
  data: Uint8Array;
  /** As the ASCII list has it. */
  text: string;
}

export interface MadeEntry {
  template: string;
  fields: Field[];
  /** Zeros instead of the digest. */
  violation?: boolean;
}

const digest = (seed: string) => hash("sha256", ascii(seed)) as Uint8Array;
const dNg = (seed: string, prefix = "sha256:"): Field => ({
  data: joined(ascii(`${prefix}\0`), digest(seed)),
  text: `${prefix}${toHex(digest(seed))}`,
});
const name = (text: string): Field => ({ data: ascii(`${text}\0`), text });
const bytes = (...values: number[]): Field => {
  const data = Uint8Array.from(values);
  return { data, text: toHex(data) };
};

/** One entry of each template that the kernel has, and one of a format of its own. */
export const IMA_ENTRIES: readonly MadeEntry[] = [
  { template: "ima-ng", fields: [dNg("aggregate"), name("boot_aggregate")] },
  { template: "ima-ngv2", fields: [dNg("init", "verity:sha256:"), name("/init")] },
  { template: "ima-sig", fields: [dNg("sh"), name("/bin/sh"), bytes(3, 2, 4, 9)] },
  { template: "ima-sigv2", fields: [dNg("ls", "ima:sha256:"), name("/bin/ls"), bytes()] },
  { template: "ima-buf", fields: [dNg("cmdline"), name("kexec-cmdline"), bytes(1, 2, 3)] },
  { template: "ima-modsig", fields: [dNg("mod"), name("/lib/m.ko"), bytes(1), dNg("modsig"), bytes(2)] },
  {
    template: "evm-sig",
    fields: [
      ...[dNg("evm"), name("/bin/evm"), bytes(5), bytes(6), bytes(7), bytes(8)],
      ...[bytes(0, 0), bytes(0, 0), bytes(0xa4, 0x81)],
    ],
  },
  { template: "d-ng|n-ng|sig", fields: [dNg("own"), name("/bin/own"), bytes(1, 1)] },
  { template: "ima-ng", fields: [dNg("changed"), name("/tmp/changed")], violation: true },
  { template: "ima-ng", fields: [dNg("constructor"), name("constructor")] },
];

/** `binary_runtime_measurements`, with template digests by this hash. */
export function imaBinary(algorithm: Alg, entries: readonly MadeEntry[] = IMA_ENTRIES) {
  const list = new ByteWriter();
  for (const entry of entries) {
    const data = templateData(entry);
    list.u32le(10).bytes(templateDigest(algorithm, entry));
    list.u32le(entry.template.length).ascii(entry.template).u32le(data.length).bytes(data);
  }
  return list.finish();
}

/** `ascii_runtime_measurements`, with template digests by this hash. */
export function imaAscii(algorithm: Alg, entries: readonly MadeEntry[] = IMA_ENTRIES): string {
  return entries
    .map((entry) => {
      const texts = entry.fields.map(({ text }) => text).join(" ");
      return `10 ${toHex(templateDigest(algorithm, entry))} ${entry.template} ${texts}\n`;
    })
    .join("");
}

function templateData({ fields }: MadeEntry): Uint8Array {
  const data = new ByteWriter();
  for (const field of fields) data.u32le(field.data.length).bytes(field.data);
  return data.finish();
}

function templateDigest(algorithm: Alg, entry: MadeEntry): Uint8Array {
  const made = hash(algorithm, templateData(entry)) as Uint8Array;
  return entry.violation ? new Uint8Array(made.length) : made;
}
