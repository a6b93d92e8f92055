import { describe, expect, it } from "vitest";
import type { CommandName } from "../../tpm2/command-codes.ts";
import { decodeCommand } from "../../tpm2/decode.ts";
import { encodeCommand } from "../../tpm2/encode.ts";
import { errors } from "../../tpm2/tree.ts";
import { FORM_DEFAULTS } from "./form-defaults.ts";

describe("what a form begins with", () => {
  it.each(Object.keys(FORM_DEFAULTS) as CommandName[])("is a whole command: %s", (name) => {
    const bytes = encodeCommand(name, FORM_DEFAULTS[name]);
    expect(errors(decodeCommand(bytes).fields)).toEqual([]);
  });
});
