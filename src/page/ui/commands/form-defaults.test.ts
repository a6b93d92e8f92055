import { describe, expect, it } from "vitest";
import type { CommandName } from "../../../protocol/tpm2/command-codes.ts";
import { decodeCommand } from "../../../protocol/tpm2/decode.ts";
import { encodeCommand, encodeCommand12 } from "../../../protocol/tpm2/encode.ts";
import type { OrdinalName } from "../../../protocol/tpm2/tpm12/ordinals.ts";
import { errors } from "../../../protocol/tpm2/tree.ts";
import { FORM_DEFAULTS, FORM_DEFAULTS12 } from "./form-defaults.ts";

describe("what a form begins with", () => {
  it.each(Object.keys(FORM_DEFAULTS) as CommandName[])("is a whole command: %s", (name) => {
    const bytes = encodeCommand(name, FORM_DEFAULTS[name]);
    expect(errors(decodeCommand(bytes).fields)).toEqual([]);
  });

  it.each(Object.keys(FORM_DEFAULTS12) as OrdinalName[])("is a whole command of TPM 1.2: %s", (name) => {
    const message = decodeCommand(encodeCommand12(name, FORM_DEFAULTS12[name]));
    expect(message.family).toBe("1.2");
    expect(errors(message.fields)).toEqual([]);
  });
});
