/** The FIFO interface, as a comparison knows it. */
import type { Interface } from "../interface.ts";
import type { AccessStep } from "../steps.ts";
import { SequenceGenerator } from "./generate.ts";
import { TisModel } from "./model.ts";

const readAccess = (locality: number): AccessStep => ({ kind: "access", address: locality << 12, size: 1 });
const writeAccess = (locality: number, value: number): AccessStep => ({ ...readAccess(locality), value });

export const TIS: Interface<TisModel> = {
  qemu: "tpm-tis",
  qtest: "tis",
  model: (version, quirks, note) => new TisModel(version, quirks, note),
  sequence: (random, model, length) => new SequenceGenerator(random, model).sequence(length),
  establishment: readAccess(0),
  harmless: { kind: "access", address: 0xf04, size: 1 },
  probes({ owner }) {
    const access = [0, 1, 2, 3, 4].map(readAccess);
    if (owner < 0) return access;
    return [{ kind: "access", address: (owner << 12) + 0x18, size: 4 }, ...access];
  },
  /** Its locality gets the TPM, to show it. */
  reveal: ({ owner, running }) => [
    ...(owner >= 0 ? [writeAccess(owner, 0x20)] : []),
    writeAccess(running!.locality, 0x02),
  ],
};
