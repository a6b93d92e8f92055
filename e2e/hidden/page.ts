/** What the tests call in the page, as `window.hidden`. */

import type { HiddenImages } from "../../src/backend/hidden/machine.ts";
import type { TpmKeep, TpmState } from "../../src/backend/port.ts";
import { loadImage, loadManifest } from "../../src/session/images/load.ts";
import { MANIFEST_URL } from "../../src/session/images/manifest.ts";
import { TestBus } from "../../src/session/testing.ts";
import { attachTpm, type Tpm } from "../../src/session/tpm.ts";

/** Where the TPM's state is kept: in the page, as long as that is open. */
let kept: TpmState | undefined;
const keep: TpmKeep = {
  load: async () => kept,
  save: async (state) => {
    kept = state;
  },
};

/** The workers that hidden machines were started in, oldest first. */
const workers: Worker[] = [];
globalThis.Worker = class extends Worker {
  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, options);
    if (options?.name?.includes("hidden machine")) workers.push(this);
  }
};

let images: HiddenImages | undefined;

async function loadImages(): Promise<HiddenImages> {
  const url = new URL(`/${MANIFEST_URL}`, location.href);
  const { bios, vgaBios, hiddenState } = await loadManifest(url);
  if (!hiddenState) throw new Error("the hidden machine's state is missing");
  const [first, second, state] = await Promise.all(
    [bios, vgaBios, hiddenState].map((file) => loadImage(file, url)),
  );
  return { bios: first!, vgaBios: second!, state: state! };
}

const hidden = {
  workers,
  /** Attaches a TPM in a hidden machine to a bus without a machine, and waits until it is on. */
  async attach(version: "2.0" | "1.2" = "2.0"): Promise<{ bus: TestBus; tpm: Tpm; readyMs: number }> {
    images ??= await loadImages();
    const began = performance.now();
    const bus = new TestBus();
    const tpm = attachTpm(bus, { version, hidden: images, keep });
    await tpm.ready;
    return { bus, tpm, readyMs: performance.now() - began };
  },
};

declare global {
  interface Window {
    hidden: typeof hidden;
    tpm: Tpm;
    bus: TestBus;
  }
}
window.hidden = hidden;
