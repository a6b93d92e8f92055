/** The command response buffer with locality 0 alone, as a comparison knows it. */
import type { Interface } from "../interface.ts";
import { CrbGenerator } from "./generate.ts";
import { CrbModel } from "./model.ts";

export const CRB: Interface<CrbModel> = {
  qemu: "tpm-crb",
  qtest: "crb-one",
  model: (_version, quirks, note) => new CrbModel(quirks, note),
  sequence: (random, model, length) => new CrbGenerator(random, model).sequence(length),
  establishment: { kind: "access", address: 0x00, size: 1 },
  harmless: { kind: "access", address: 0x30, size: 4 },
  probes: () => [{ kind: "access", address: 0x4c, size: 4 }],
  // Start shows the end of every command.
  reveal: () => [],
};
