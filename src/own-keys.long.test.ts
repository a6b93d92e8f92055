/**
 * Keeps lookups by names that anybody may have chosen off plain objects: `record[name]` finds "constructor" in every
 * one. The compiler says what is a text, and what an object. Who has such a name asks `own` (protocol/bytes/own.ts), a Map, or
 * `Object.hasOwn` first.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { type Node, type SourceFile, SyntaxKind } from "typescript/unstable/ast";
import { isAsExpression, isBinaryExpression, isElementAccessExpression } from "typescript/unstable/ast/is";
import { API, type Checker, type Project } from "typescript/unstable/sync";
import { afterAll, describe, expect, it } from "vitest";

const SRC = import.meta.dirname;
const ROOT = dirname(SRC);

/** `TypeFlags` of the compiler: `any`, `string`, template literals, mapped texts. */
const ANY_TEXT = 1 | 32 | 4194304 | 8388608;
/** A union, a text of its own, a type parameter. */
const CHOSEN = 134217728 | 1024 | 524288;

const SELECT = "what a <select> of the page itself offers";
const ROWS = "the names are those of its own rows";

/** Files that may, with the reason. */
const MAY: Record<string, string> = {
  "page/app/link-words.ts": "asks first",
  "backend/failure.ts": "asks first",
  "machine/v86/v86-internals.ts": "what v86's objects inherit too, by the names of its own tables",
  "session/reading/pieces.ts": "under the keys that each object has of its own",
  "node/tools/bench-hidden.ts": ROWS,
  "node/tools/bench.ts": ROWS,
  "node/tools/boot.ts": "parsed, and refused before",
  "node/tools/test-reports.ts": "the names are those of this project's files",
  "page/ui/commands/composer.ts": SELECT,
  "page/ui/machines/snapshots.ts": SELECT,
  "page/ui/registers/register-hand.ts": SELECT,
  "page/ui/setup/setup.ts": SELECT,
  "page/ui/trace/breakpoint-list.ts": SELECT,
  "page/ui/uefi/variables.ts": SELECT,
};

const api = new API({ cwd: ROOT });
afterAll(() => api.close());

function open(config: string): Project {
  const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
  if (!project) throw new Error(`${config} was not opened`);
  return project;
}

/** The lookups of a file, as it has them: by a text in an object, or by one that was said to be another type. */
function lookups({ checker }: Project, file: SourceFile): string[] {
  const found: string[] = [];
  const walk = (node: Node): void => {
    if (isLookup(node, checker)) found.push(node.getText(file).replace(/\s+/g, " "));
    node.forEachChild(walk);
  };
  walk(file);
  return found;
}

function isLookup(node: Node, checker: Checker): boolean {
  const is = (of: Node, flags: number) => ((checker.getTypeAtLocation(of)?.flags ?? 0) & flags) !== 0;
  if (isElementAccessExpression(node)) {
    const list = checker.getTypeAtLocation(node.expression);
    return is(node.argumentExpression, ANY_TEXT) && !(list && checker.isArrayLikeType(list));
  }
  if (isBinaryExpression(node))
    return node.operatorToken.kind === SyntaxKind.InKeyword && is(node.left, ANY_TEXT);
  return isAsExpression(node) && is(node.expression, 32) && is(node, CHOSEN);
}

/** A file with what is to be found, and then what is not. */
const SEEDED = `
type Key = "a" | "b";
declare const table: Record<string, number>, rows: Record<Key, number>, list: number[], name: string, key: Key;
export const all: unknown[] = [
  table[name],
  table[name.slice(1)],
  table[\`x\${name}\`],
  name as Key,
  rows[name as Key],
  name in rows,
  (JSON.parse(name) as Record<string, unknown>)[JSON.parse(name)],
  rows[key],
  rows.a,
  table["a"],
  list[0],
  list[list.length],
  "a" in rows,
  new Map(Object.entries(table)).get(name),
];
for (const one in table) all.push(one);
table[name] = 1;
`;

describe("a lookup by a name of anybody's choice", () => {
  it("is found", () => {
    const folder = mkdtempSync(join(tmpdir(), "webtpm-own-keys-"));
    try {
      const config = join(folder, "tsconfig.json");
      writeFileSync(config, '{"compilerOptions": {"strict": true, "types": []}}');
      writeFileSync(join(folder, "seeded.ts"), SEEDED);
      const project = open(config);
      const found = lookups(project, project.program.getSourceFile(join(folder, "seeded.ts"))!);
      expect(found).toEqual([
        "table[name]",
        "table[name.slice(1)]",
        `table[\`x\${name}\`]`,
        "name as Key",
        "name as Key",
        "name in rows",
        "(JSON.parse(name) as Record<string, unknown>)[JSON.parse(name)]",
        "table[name]",
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is made in no plain object, but where there is a reason", () => {
    const project = open(join(ROOT, "tsconfig.json"));
    const files = project.program
      .getSourceFileNames()
      .map((path) => relative(SRC, path))
      .filter((name) => !/^\.\.|\.test\.ts$|\.d\.ts$|testing/.test(name));
    expect(files.length).toBeGreaterThan(500);
    const found = files.flatMap((name) => {
      const file = project.program.getSourceFile(join(SRC, name))!;
      return lookups(project, file).map((text) => ({ name, text }));
    });
    expect(found.filter(({ name }) => !MAY[name]).map(({ name, text }) => `${name}: ${text}`)).toEqual([]);
    expect(Object.keys(MAY).filter((name) => !found.some((one) => one.name === name))).toEqual([]);
  }, 120_000);
});
