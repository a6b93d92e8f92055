/** What the decoder's page shows, and what its reader can ask for. */

/** Bytes, packed, that fit a link which mail programs and chats leave whole. */
export const MOST_LINK = 24 * 1024;
export const LIMIT_TEXT = "It is too large for a link: send the file itself.";

export interface DecoderState {
  /** What is shown; undefined while there is nothing. */
  shows?: "commands" | "log" | undefined;
  /** Where it comes from, e.g. the file's name. */
  source: string;
  /** What was left out, or why nothing can be shown. */
  problems: readonly string[];
  /** The text in the field, in hex. */
  text: string;
  /** What came of "Copy a link". */
  said: string;
}

export interface DecoderActions {
  /** Reads what was typed. */
  type(text: string): void;
  open(file: File): void;
  /** Puts a link with all that is shown on the clipboard. */
  share(): void;
}
