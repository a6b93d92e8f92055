/** A PC with a TPM in a page of one's own. There, the import is from "webtpm", and the images are one's own. */
import { V86 } from "v86";
import wasm from "v86/build/v86.wasm?url";
import { attachTpm, createV86 } from "../../src/index.ts";

const options = {
  bios: { url: "/firmware/bios-256k.bin" },
  vga_bios: { url: "/firmware/vgabios-stdvga.bin" },
  memory_size: 64 << 20,
  screen: { container: document.querySelector<HTMLElement>("#screen") },
};
const { emulator, bus } = await createV86(V86, options, wasm);
const tpm = attachTpm(bus, { version: "2.0", bridge: "/tpm" });
tpm.on("command", ({ name, responseName, duration }) => {
  document.querySelector("#log")?.append(`${name} ${responseName} ${duration?.toFixed(1)} ms\n`);
});
// The machine stands still until the TPM is on.
await emulator.run();
