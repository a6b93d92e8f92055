/** A lesson's text: plain, with `code` between backquotes. */
import { html, type TemplateResult } from "lit";
import "../parts/term.ts";
import { glossed, type Term } from "../../lessons/glossary.ts";

/** @param seen where words of the glossary are to be marked: those that are marked already */
export function prose(text: string, seen?: Set<Term>): (string | TemplateResult)[] {
  return text.split("`").flatMap((part, i) => {
    if (i % 2) return html`<code>${part}</code>`;
    return seen ? glossed(part, seen).map(marked) : part;
  });
}

function marked(piece: string | { word: string; term: Term }): string | TemplateResult {
  if (typeof piece === "string") return piece;
  return html`<glossary-term .term=${piece.term} word=${piece.word}></glossary-term>`;
}

/** The last lines of what a terminal was sent, without what only moves the cursor or colours. */
export function lastLines(text: string, count: number): string {
  return (
    text
      .slice(-8000)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character.
      .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "")
      .replaceAll("\r", "")
      .split("\n")
      .slice(-count)
      .join("\n")
  );
}
