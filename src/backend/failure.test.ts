import { describe, expect, it } from "vitest";
import { SwtpmError } from "../protocol/swtpm/commands.ts";
import { TpmResponseError } from "../protocol/tpm2/parse.ts";
import * as errors from "./errors.ts";
import { FAILURE_CODES, failureCode, isFailure, toError, toFailure } from "./failure.ts";
import { TpmLostError } from "./recovering.ts";
import { BridgeRefusedError } from "./websocket.ts";

const quota = new DOMException("no room", "QuotaExceededError");
const ERRORS: [Error, string][] = [
  [new errors.BackendClosedError("cable cut"), "connection-lost"],
  [new errors.BackendTimeoutError("CMD_INIT", 500), "timeout"],
  [new errors.BackendProtocolError("odd bytes"), "protocol"],
  [new errors.BackendVersionError("a TPM 1.2 answers"), "wrong-tpm"],
  [new errors.BackendCapabilityError(["STOP", "INIT"], "serve"), "unsupported"],
  [new errors.StateRefusedError("volatile", new SwtpmError("CMD_SET_STATEBLOB", 0x83)), "state-refused"],
  [new errors.StateNotSavedError(quota), "storage-full"],
  [new errors.StateNotSavedError(Object.assign(new Error("write"), { code: "ENOSPC" })), "storage-full"],
  [new errors.StateNotSavedError(new Error("locked")), "storage-failed"],
  [new errors.TpmOffError("off", { cause: new errors.BackendTimeoutError("CMD_INIT", 1) }), "timeout"],
  [new errors.TpmShutDownError(), "shut-down"],
  [new TpmLostError("another answer"), "tpm-lost"],
  [new TpmLostError("nobody", { cause: new BridgeRefusedError("full", 503) }), "bridge-refused"],
  [new TpmResponseError("TPM2_Startup", 0x100), "tpm-refused"],
  [new RangeError("no locality 7"), "invalid"],
  [new Error("what?"), "other"],
];

describe("a failure", () => {
  it.each(ERRORS)("%s is the same error behind a thread's border: %s", (error, code) => {
    expect(failureCode(error)).toBe(code);
    const failure = structuredClone(toFailure(error));
    expect(isFailure(failure)).toBe(true);
    const again = toError(failure);
    expect(again).toBeInstanceOf(Error);
    if (error.name in errors) expect(again).toBeInstanceOf(error.constructor);
    expect(again).toMatchObject({ ...error, code, name: error.name, message: error.message });
    expect(toFailure(again)).toEqual(failure);
  });

  it("of the storage says so through every wrapper, also after a second border", () => {
    const saved = new errors.StateNotSavedError(quota);
    const gone = new errors.BackendClosedError(`the TPM is gone: ${saved.message}`, { cause: saved });
    const twice = toError(structuredClone(toFailure(toError(structuredClone(toFailure(gone))))));
    expect(twice.code).toBe("storage-full");
    expect(twice.cause).toBeInstanceOf(errors.StateNotSavedError);
    expect(((twice.cause as Error).cause as Error).name).toBe("QuotaExceededError");
  });

  it("is told of whatever is thrown, and of causes that go round in a circle", () => {
    expect(toFailure("no")).toEqual({ code: "other", name: "Error", message: "no" });
    expect(toFailure(undefined)).toMatchObject({ message: "undefined" });
    const first = new errors.BackendClosedError("first");
    const second = new errors.BackendClosedError("second", { cause: first });
    first.cause = second;
    expect(toFailure(second)).toMatchObject({ code: "connection-lost", cause: { message: "first" } });
    expect(isFailure({ code: "ENOENT", name: "Error", message: "no" })).toBe(false);
    expect(isFailure(undefined)).toBe(false);
  });

  it("has a kind that is told", () => {
    for (const meaning of Object.values(FAILURE_CODES)) expect(meaning).toMatch(/^[a-z].*[^.]$/);
  });
});
