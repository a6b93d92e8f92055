/** Makes the build that is tested, once a run, with the command that users have. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** By which a whole build is known. */
const LAST_WRITTEN = "sw.js";

/** Where the build is; a run by hand may name one that is there already. */
export const buildDirectory = (): string => {
  const directory = process.env.WEBTPM_STATIC;
  if (!directory) throw new Error("the build's directory is not known in this process");
  return directory;
};

export default async function makeBuild(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.WEBTPM_STATIC) return undefined;
  const shared = process.env.WEBTPM_STATIC_AT;
  const directory = shared ?? (await mkdtemp(join(tmpdir(), "webtpm-static-")));
  process.env.WEBTPM_STATIC = directory;
  if (existsSync(join(directory, LAST_WRITTEN))) return undefined;
  const child = spawn(process.execPath, ["src/node/tools/run.mjs", "build", "--out", directory], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`npm run build ended with ${code}`);
  return shared ? undefined : () => rm(directory, { recursive: true });
}
