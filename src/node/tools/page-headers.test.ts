import { describe, expect, it } from "vitest";
import { embeddersOf, META_POLICY, pageHeaders } from "./page-headers.ts";
import { UsageError } from "./usage-error.ts";

/** A policy's sources by directive. */
const directives = (policy: string) =>
  new Map(policy.split("; ").map((part) => [part.split(" ")[0], part.split(" ").slice(1)]));

describe("the page's policy", () => {
  const policy = directives(pageHeaders()["Content-Security-Policy"]!);

  it("runs no script but the page's own files", () => {
    expect(policy.get("default-src")).toEqual(["'none'"]);
    expect(policy.get("script-src")).toEqual(["'self'", "'wasm-unsafe-eval'"]);
    expect(policy.get("base-uri")).toEqual(["'none'"]);
  });

  it("lets nobody else frame the page, but whom the owner names", () => {
    expect(policy.get("frame-ancestors")).toEqual(["'self'"]);
    expect(pageHeaders()["Cross-Origin-Resource-Policy"]).toBe("same-origin");
    const open = pageHeaders({ embed: ["https://a.example", "http://b.example:8080"] });
    expect(directives(open["Content-Security-Policy"]!).get("frame-ancestors")).toEqual([
      "'self'",
      "https://a.example",
      "http://b.example:8080",
    ]);
    expect(open["Cross-Origin-Resource-Policy"]).toBe("cross-origin");
  });

  it("is the same in a page's meta element, without what has no meaning there", () => {
    policy.delete("frame-ancestors");
    expect(directives(META_POLICY)).toEqual(policy);
  });

  it("can stand in a header, an attribute and a line of a file", () => {
    for (const value of [META_POLICY, ...Object.values(pageHeaders())])
      expect(value).toMatch(/^[^"\r\n<&]+$/);
  });
});

describe("--embed", () => {
  it("takes origins", () => {
    expect(embeddersOf()).toEqual([]);
    expect(embeddersOf(["https://a.example", "http://localhost:8000/", "*"])).toEqual([
      "https://a.example",
      "http://localhost:8000",
      "*",
    ]);
  });

  it.each([
    "a.example",
    "https://a.example/page",
    "https://a.example?",
    "https://u@a.example",
    "javascript:alert(1)",
    "data:,x",
    "https://a.example; script-src *",
    "https://a.example *",
    "'none'",
    "",
  ])("refuses %j in words", (value) => {
    expect(() => embeddersOf([value])).toThrow(UsageError);
    expect(() => embeddersOf([value])).toThrow("an origin like https://example.org is wanted");
  });
});
