/** The shapes of real machines' logs, as this project prints them and as Debian's `tpm2_eventlog` does, byte for byte. */
import { describe, expect, it } from "vitest";
import { parseEventLog } from "../../src/protocol/eventlog/parse.ts";
import { LOG_SHAPES } from "../../src/protocol/eventlog/testing-shapes.ts";
import { eventLogYamlBytes } from "../../src/protocol/eventlog/yaml.ts";
import { YAML_DIFFERENCES, type YamlDifference } from "../../src/protocol/eventlog/yaml-differences.ts";
import { tpm2Eventlog } from "./tpm2-eventlog.ts";

const SHAPES = Object.entries(LOG_SHAPES);

describe.each([1, 2] as const)("YAML of version %d", (version) => {
  it.each(SHAPES)("is the tool's own, but for the listed differences: %s", (_name, shape) => {
    const { bytes, differsIn = version } = shape;
    const differs = differsIn === version ? shape.differs : undefined;
    const ours = Buffer.from(eventLogYamlBytes(parseEventLog(bytes), version)).toString("latin1");
    const { ends, text, errors } = tpm2Eventlog(bytes, version);
    if (!differs) {
      expect(ours, errors).toBe(text);
      expect(ends, errors).toBe("prints");
      return;
    }
    expect(ours).not.toBe(text);
    expect((YAML_DIFFERENCES[differs] as YamlDifference).ends, errors).toContain(ends);
  });
});

describe("the list of differences", () => {
  it("has no entry that no shape shows", () => {
    const shown = new Set(SHAPES.map(([, { differs }]) => differs));
    expect(Object.keys(YAML_DIFFERENCES).filter((id) => !shown.has(id as never))).toEqual([]);
  });
});
