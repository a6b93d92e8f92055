/** A lesson's text: plain, with `code` between backquotes. */
import { html, type TemplateResult } from "lit";

export function prose(text: string): (string | TemplateResult)[] {
  return text.split("`").map((part, i) => (i % 2 ? html`<code>${part}</code>` : part));
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
