/** Reads the plain YAML that tpm2-tools print: nested keys with scalars, no lists but `- 0x…`. */

/** Scalars by path: "clockInfo.safe" to "1". A quoted scalar loses its quotes. */
export function scalars(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const parents: { indent: number; key: string }[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\s*)(?:- )?([^:]+?)\s*:\s*(.*?)\s*$/.exec(line);
    if (!match) continue;
    const [, space = "", key = "", value = ""] = match;
    while (parents.length > 0 && parents.at(-1)!.indent >= space.length) parents.pop();
    const path = [...parents.map((parent) => parent.key), key].join(".");
    if (value === "") parents.push({ indent: space.length, key });
    else found.set(path, value.replace(/^"(.*)"$/, "$1"));
  }
  return found;
}
