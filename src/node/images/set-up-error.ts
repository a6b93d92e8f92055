/** What may go wrong on anybody's machine while images are made, in words: for these no stack is printed. */
import { own } from "../../protocol/bytes/own.ts";

/** Making the images failed for a reason that the user can do something about; the message says what. */
export class SetUpError extends Error {
  override readonly name: string = "SetUpError";
}

/** What the system says about a place, in words. */
const PLACES: Record<string, string> = {
  ENOSPC: "the disk is full. Make room",
  EDQUOT: "this user's share of the disk is used up. Make room",
  EACCES: "this user may not write there. Make it yours",
  EPERM: "this user may not write there. Make it yours",
  EROFS: "it cannot be written",
  ENOTDIR: "a file is in the way",
};

/** Of programs that were started here, and say it in their own words. */
const PROGRAMS: readonly [RegExp, code: string][] = [
  [/No space left on device/i, "ENOSPC"],
  [/Disk quota exceeded/i, "EDQUOT"],
  [/Read-only file system/i, "EROFS"],
];

/** The error in words where it is about the place `root`, else as it is. */
export function aboutPlace(error: unknown, root: string): Error {
  const { code = "", message = String(error) } = error as NodeJS.ErrnoException;
  const told =
    own(PLACES, code) ?? own(PLACES, PROGRAMS.find(([pattern]) => pattern.test(message))?.[1] ?? "");
  if (!told || error instanceof SetUpError) return error as Error;
  return new SetUpError(
    `${root} cannot take what is fetched and made: ${told}, or name another folder with WEBTPM_CACHE; then start again.`,
    { cause: error },
  );
}
