/** Intel's ASL compiler (Debian: acpica-tools) on one source, with what it tells of the resources in the result. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface CompiledAsl {
  /** The whole table, with iasl's own header. */
  table: Uint8Array;
  /** Where the named resource descriptors begin in the table, by the last segment of their names. */
  descriptors: ReadonlyMap<string, number>;
}

/** A row of iasl's offset table: path, opcode, parse opcode, descriptor type, offset, value. */
const OFFSET_ROW = /\{"[^"]*?(\w{4})",\s*0x0011, 0x\w+, 0x\w+, 0x(\w+),/g;

/**
 * @param defines macros, as `#define NAME VALUE`; iasl's own option -D gives them no values.
 * @throws what iasl says of a source that does not compile.
 */
export function compileAsl(source: string, defines: Readonly<Record<string, string>>): CompiledAsl {
  const scratch = mkdtempSync(join(tmpdir(), "webtpm-asl-"));
  try {
    const macros = Object.entries(defines).map(([name, value]) => `#define ${name} ${value}\n`);
    writeFileSync(join(scratch, "source.asl"), macros.join("") + source);
    execFileSync("iasl", ["-so", "-p", "out", "source.asl"], {
      cwd: scratch,
      encoding: "utf8",
      stdio: "pipe",
    });
    const rows = readFileSync(join(scratch, "out.offset.h"), "utf8").matchAll(OFFSET_ROW);
    return {
      table: readFileSync(join(scratch, "out.aml")),
      descriptors: new Map(Array.from(rows, ([, name, at]) => [name!, Number.parseInt(at!, 16)])),
    };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
