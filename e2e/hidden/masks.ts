/**
 * What may differ between two TPMs that are alike, by rule: values made from a TPM's own random numbers and seeds,
 * and times. Each is found by the name of its field in the tools' output, and only there.
 */

/** A pattern with the value as its last group. */
const RULES: readonly { what: string; pattern: RegExp }[] = [
  { what: "public key", pattern: /^(\s*(?:x|y|rsa|unique): )[0-9a-f]+$/gm },
  { what: "name", pattern: /^(\s*(?:name|qualified name): )[0-9a-f]{20,}$/gm },
  {
    what: "attested",
    pattern: /^(\s*(?:quoted|signature|sig|credentialBlob|certinfodata|secret): )\s*[0-9a-f]+$/gm,
  },
  { what: "symmetric", pattern: /^(\s*(?:symcipher|keyedhash|integrity): )[0-9a-f]+$/gm },
  { what: "time", pattern: /^(\s*(?:time|clock): )\d+$/gm },
  { what: "clock", pattern: /^(\s*(?:resetCount|restartCount): )\d+$/gm },
];

/** Where the text says a path or port, and nothing longer that holds it: a digest has the digits of any port by chance. */
const said = (place: string) => new RegExp(`(?<![0-9A-Za-z])${escaped(place)}(?![0-9A-Za-z])`, "g");
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Output in which all that chance decides is replaced by its name. @param places this run's own paths and ports. */
export function masked(text: string, places: Record<string, string>): string {
  let result = text;
  for (const [name, place] of Object.entries(places)) result = result.replace(said(place), `<${name}>`);
  for (const { what, pattern } of RULES) result = result.replace(pattern, `$1<${what}>`);
  return result;
}
