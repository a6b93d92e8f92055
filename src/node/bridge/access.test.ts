import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { type AccessPolicy, refuseAccess } from "./access.ts";

const CLOSED: AccessPolicy = { origins: [], hosts: [], remote: false };

function refusal(
  { from = "127.0.0.1", host = "127.0.0.1:8766", origin }: { from?: string; host?: string; origin?: string },
  policy: Partial<AccessPolicy> = {},
): string | undefined {
  const request = { socket: { remoteAddress: from }, headers: { host, ...(origin ? { origin } : {}) } };
  return refuseAccess(request as unknown as IncomingMessage, { ...CLOSED, ...policy });
}

describe("access", () => {
  it("is for this machine, unless others were let in", () => {
    for (const from of ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
      expect(refusal({ from })).toBeUndefined();
    for (const from of ["10.0.0.5", "::ffff:10.0.0.5", "fe80::1"])
      expect(refusal({ from })).toContain("serves its own machine only");
    const remote = { remote: true };
    expect(refusal({ from: "10.0.0.5", origin: "http://127.0.0.1:8766" }, remote)).toBeUndefined();
    expect(refusal({ from: "10.0.0.5" }, remote)).toContain("without Origin");
  });

  it("is for known names", () => {
    for (const host of ["localhost", "localhost:80", "page.localhost:80", "192.168.1.2:80", "[::1]:80"])
      expect(refusal({ host })).toBeUndefined();
    for (const host of ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "a b"])
      expect(refusal({ host })).toContain("not known by the name");
    expect(refusal({ host: "tpm.example:80" }, { hosts: ["tpm.example"] })).toBeUndefined();
    expect(refusal({ host: "tpm.example" }, { origins: ["https://tpm.example"] })).toBeUndefined();
  });

  it("is for pages of the same host and port, and of allowed origins", () => {
    expect(refusal({ origin: "http://127.0.0.1:8766" })).toBeUndefined();
    expect(refusal({ host: "localhost:80", origin: "http://localhost" })).toBeUndefined();
    expect(refusal({ host: "localhost", origin: "https://localhost" })).toBeUndefined();
    for (const origin of ["http://127.0.0.1", "http://127.0.0.1:8767", "http://localhost:8766", "null", "x"])
      expect(refusal({ origin })).toContain("--allow-origin");
    const allowed = { origins: ["https://good.example"] };
    expect(refusal({ origin: "https://good.example" }, allowed)).toBeUndefined();
    expect(refusal({ origin: "http://good.example" }, allowed)).toContain("may not use");
    expect(refusal({ origin: "https://good.example.evil" }, allowed)).toContain("may not use");
    expect(refusal({ origin: "https://any.example" }, { origins: ["*"] })).toBeUndefined();
  });
});
