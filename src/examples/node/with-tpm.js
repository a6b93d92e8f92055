// Runs a program with a TPM of its own, e.g. in CI, with nothing installed but Node and tpm2-tools:
//   npm run tpm -- tpm2_getrandom --hex 8
// The TPM is a new one each time, and ends with the program.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const images = process.env.WEBTPM_IMAGES ?? "../images";
const [program, ...args] = process.argv.slice(2);
if (!program) {
  console.error("usage: npm run tpm -- PROGRAM ARGUMENTS ...");
  process.exit(2);
}

// tpm2-tools look for the control port behind the other one.
const port = Number(process.env.PORT ?? 2321);
const server = spawn(
  process.execPath,
  [
    "node_modules/webtpm/lib/webtpm-swtpm.js",
    ...["--images", images, "--port", String(port), "--control-port", String(port + 1)],
  ],
  { stdio: ["ignore", "pipe", "inherit"] },
);
const ended = once(server, "exit");
let ready = false;
for await (const line of createInterface({ input: server.stdout })) {
  ready = line.startsWith("ready: ");
  if (ready) break;
}
if (!ready) {
  await ended;
  process.exit(1);
}

const TPM2TOOLS_TCTI = `swtpm:host=127.0.0.1,port=${port}`;
const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, TPM2TOOLS_TCTI } });
child.once("error", ({ message }) => console.error(message));
const [status] = await once(child, "close");
server.kill();
await ended;
process.exitCode = status ?? 1;
