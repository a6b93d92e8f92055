// Reads a TPM command, or a command and its response, from hex: npm run decode -- 80010000000c0000014400 00
import { decodeCommand, decodeResponse, leaves, summary } from "webtpm/tpm2";

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const [command, response] = process.argv.slice(2).map((text) => bytes(text.replace(/[^0-9a-f]/gi, "")));
if (!command) {
  console.error("usage: npm run decode -- COMMAND [RESPONSE], in hex");
  process.exit(2);
}

console.log(summary(command, response));
const show = (title, message) => {
  console.log(`\n${title}`);
  for (const { name, text } of leaves(message.fields)) console.log(`  ${name}: ${text}`);
};
show("Command", decodeCommand(command));
if (response) show("Response", decodeResponse(response, command));
