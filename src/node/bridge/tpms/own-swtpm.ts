/** An swtpm process of its own for each session. */
import { spawnSwtpm, swtpmVersion } from "../swtpm-process.ts";
import type { TpmSource } from "./source.ts";

/** @param program default `swtpm` on the PATH. */
export function ownSwtpm(program?: string): TpmSource {
  const title = () => swtpmVersion(program);
  return {
    owned: true,
    title,
    async open(version) {
      const swtpm = await spawnSwtpm({ version, ...(program ? { program } : {}) });
      return {
        label: `swtpm process ${swtpm.pid}`,
        server: await title(),
        channels: swtpm.channels,
        lost: Promise.race([swtpm.exited, swtpm.spoilt]),
        stop: () => swtpm.stop(),
      };
    },
  };
}
