/** A page with nothing but a hidden machine, whose reseeding can be switched off: `window.draw`. */
import { V86 } from "v86";
import wasmUrl from "v86/build/v86.wasm?url";
import { HiddenMachine } from "../../../src/backend/hidden/machine.ts";
import { SwtpmBackend } from "../../../src/backend/swtpm-backend.ts";
import { toHex } from "../../../src/protocol/bytes/hex.ts";
import { loadImage, loadManifest } from "../../../src/session/images/load.ts";
import { type Secrets, secretsOf } from "./secrets.ts";

/** What a machine drew. */
export interface Drawn extends Secrets {
  /** 32 bytes of its kernel's generator, after reseeding (or not), before its TPM was made. */
  generator: string;
}

async function draw(manifestUrl: string, reseed: boolean): Promise<Drawn> {
  const { bios, vgaBios, hiddenState } = await loadManifest(manifestUrl);
  if (!hiddenState) throw new Error("the build has no hidden machine");
  const load = (file: typeof bios) => loadImage(file, manifestUrl);
  const images = { bios: await load(bios), vgaBios: await load(vgaBios), state: await load(hiddenState) };
  const machine = await HiddenMachine.boot({ V86, wasm: wasmUrl, images });
  try {
    let generator = "";
    const channels = await machine.start({
      version: "2.0",
      reseed,
      onSample: (bytes) => {
        generator = toHex(bytes);
      },
    });
    const backend = new SwtpmBackend(channels, { version: "2.0", owned: true });
    await backend.start();
    return { ...(await secretsOf((command) => backend.deliver(0, command))), generator };
  } finally {
    await machine.stop();
  }
}

declare global {
  interface Window {
    draw: typeof draw;
  }
}
window.draw = draw;
