import { describe, expect, it } from "vitest";
import { ReleaseError, released } from "./release-notes.ts";

const LOG =
  "# Changes\n\n## Unreleased\n\n### On the page\n\n- It is blue.\n\n## 0.1.0, 2026-01-02\n\n- It is.\n";

describe("a changelog", () => {
  it("gets what is unreleased under its version", () => {
    const next = released(LOG, "0.2.0", "2026-11-27");
    expect(next).toContain("## Unreleased\n\n## 0.2.0, 2026-11-27\n\n### On the page\n\n- It is blue.");
    expect(() => released(next, "0.3.0", "2026-11-28")).toThrow("nothing has changed");
  });

  it("is not released twice, or as something else than a version", () => {
    expect(() => released(LOG, "0.1.0", "2026-11-27")).toThrow("0.1.0 is released already");
    expect(() => released(LOG, "next", "2026-11-27")).toThrow(ReleaseError);
    expect(() => released("# Changes\n", "0.2.0", "2026-11-27")).toThrow('no "## Unreleased"');
  });
});
