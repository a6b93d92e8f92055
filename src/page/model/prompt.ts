/** What a shell prints when it takes the next line; a question about the cursor may follow. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals' control sequences begin with ESC.
const PROMPT = /[#$] (\u001b\[6n)?$/;

/** Whether a shell that has printed this, or ends with it, takes the next line. */
export const takesLine = (said: string): boolean => PROMPT.test(said);
