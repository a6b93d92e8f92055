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

/** Puts a path's or port's name where the text says it, and nothing longer: a digest has the digits of any port by chance. */
function named(text: string, place: string, name: string): string {
  const isWord = (character = "") => /[0-9A-Za-z]/.test(character);
  return text.replaceAll(place, (found, at: number) =>
    isWord(text[at - 1]) || isWord(text[at + found.length]) ? found : `<${name}>`,
  );
}

/** Output in which all that chance decides is replaced by its name. @param places this run's own paths and ports. */
export function masked(text: string, places: Record<string, string>): string {
  let result = text;
  for (const [name, place] of Object.entries(places)) result = named(result, place, name);
  for (const { what, pattern } of RULES) result = result.replace(pattern, `$1<${what}>`);
  return result;
}
