/** One line for people on a command and its outcome, for lists: "extend PCR 4: sha1 d9be65…, sha256 ad95d1…". */
import { type CommandName, commandOf } from "./command-codes.ts";
import { COMMANDS } from "./commands/index.ts";
import { decodeCommand, decodeResponse } from "./decode.ts";
import type { Message } from "./message.ts";
import { SUMMARIES } from "./summaries.ts";
import { type Exchange, spaced } from "./summary-parts.ts";
import { ordinalOf } from "./tpm12/ordinals.ts";
import { SUMMARIES12 } from "./tpm12/summaries.ts";

/**
 * Says in a few words what a command does, and what came of it where that is worth a word. Never throws and is never
 * empty; a command that no table describes is told by its name.
 */
export function summary(request: Uint8Array, response?: Uint8Array): string {
  const command = decodeCommand(request);
  const exchange: Exchange = { request: command, response: response && decodeResponse(response, request) };
  const { code } = command;
  if (code === undefined) return `${request.length} byte(s) that are no command`;
  const summarizer = command.family === "1.2" ? summarizer12(code) : summarizer2(code);
  return (summarizer?.(exchange) ?? "") || inWords(command, exchange);
}

function summarizer2(code: number) {
  const name = commandOf(code);
  return name && SUMMARIES[name];
}

function summarizer12(code: number) {
  const name = ordinalOf(code);
  return name && SUMMARIES12[name];
}

/** "clear control", with the first thing it works on. */
function inWords(command: Message, exchange: Exchange): string {
  const words = command.name.replace(/^(TPM2_|TPM_)/, "");
  if (/^0x/.test(words)) return `command ${words}`;
  const name = command.family === "2.0" && (commandOf(command.code ?? -1) as CommandName | undefined);
  const subject = name ? COMMANDS[name].handles.find((handle) => handle.name !== "policySession") : undefined;
  const handle =
    subject && exchange.request.fields[1]?.children?.find((field) => field.name === subject.name);
  return handle ? `${spaced(words)}: ${handle.text}` : spaced(words);
}
