// The whole folder has to come from the page's own origin: workers and v86.wasm lie beside this file.
import "./node_modules/webtpm/lib/elements.js";
import {
  attachTpm,
  createV86,
  loadHiddenImages,
  V86,
  V86_WASM,
} from "./node_modules/webtpm/lib/standalone.js";

const status = document.querySelector("#status");
try {
  const hidden = await loadHiddenImages("images/manifest.json", (done, total) => {
    status.textContent = `Loading ${Math.round((100 * done) / total)} %`;
  });
  const options = {
    bios: { buffer: hidden.bios },
    vga_bios: { buffer: hidden.vgaBios },
    memory_size: 64 << 20,
    screen_container: document.querySelector("#screen"),
  };
  const { emulator, bus } = await createV86(V86, options, V86_WASM);
  const tpm = attachTpm(bus, { hidden });
  for (const name of ["pcrs", "commands", "eventlog", "registers"])
    document.querySelector(`webtpm-${name}`).tpm = tpm;
  tpm.on("status", ({ message }) => {
    status.textContent = message;
  });
  await emulator.run();
  await tpm.ready;
} catch (error) {
  status.textContent = `There is no TPM: ${error.message}`;
}
