/** What each command is about, in a line: said once, and once more when it was answered. */

import { summary } from "../../../protocol/tpm2/index.ts";
import type { CommandRecord } from "../../../session/types.ts";

const said = new WeakMap<CommandRecord, { response: Uint8Array | undefined; text: string }>();

/** E.g. "extend PCR 4: sha256 ad95d1…". */
export function aboutCommand(record: CommandRecord): string {
  const { request, response } = record;
  const known = said.get(record);
  if (known && known.response === response) return known.text;
  const text = summary(request, response);
  said.set(record, { response, text });
  return text;
}
