/** Hands in what was done in the lessons: a file, signed by this browser's key. */
import { own } from "../../protocol/bytes/own.ts";
import { LESSONS } from "../lessons/index.ts";
import { keyOf, keyText, makeResultKey, signResult } from "../lessons/result.ts";
import { recall, remember } from "../ui/parts/preferences.ts";
import { saveFile } from "../ui/parts/save-file.ts";
import { RESULT_KEY } from "./lesson-progress.ts";

/** One that cannot be read any more counts as none. */
async function browserKey(): Promise<CryptoKeyPair> {
  const kept = recall(RESULT_KEY);
  if (kept) {
    try {
      return await keyOf(kept);
    } catch (error) {
      console.warn("the key for results cannot be read; here is a new one:", error);
    }
  }
  const key = await makeResultKey();
  remember(RESULT_KEY, await keyText(key));
  return key;
}

/** @param done ids of the steps done, by lesson */
export async function saveResult(
  name: string,
  group: string,
  done: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const rows = LESSONS.map(({ id, title, steps }) => {
    const reached = own(done, id) ?? [];
    return {
      lesson: id,
      title,
      done: steps.filter((step) => reached.includes(step.id)).length,
      steps: steps.length,
    };
  });
  const result = { name, class: group, made: Date.now(), lessons: rows.filter((row) => row.done > 0) };
  const text = await signResult(result, await browserKey());
  saveFile(`${fileName(name)}.webtpm-result.json`, text, "application/json");
}

const fileName = (name: string) => name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "result";
