import { V86 } from "v86";
import { attachTpm, createV86, fetchHidden, loadImage, loadManifest, V86_WASM } from "webtpm";
import { summary } from "webtpm/tpm2";

const find = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const say = (text: string) => {
  find("status").textContent = text;
};

async function boot(): Promise<void> {
  const manifestUrl = new URL("/images/manifest.json", location.href);
  const manifest = await loadManifest(manifestUrl);
  const [hidden, kernel, initrd] = await Promise.all([
    fetchHidden(manifest, manifestUrl),
    loadImage(manifest.kernels[manifest.kernel] ?? manifest.kernels.stock, manifestUrl),
    loadImage(manifest.initrd, manifestUrl),
  ]);
  const { emulator, bus } = await createV86(
    V86,
    {
      bios: { buffer: hidden.bios },
      vga_bios: { buffer: hidden.vgaBios },
      bzimage: { buffer: kernel },
      initrd: { buffer: initrd },
      cmdline: manifest.cmdline,
      memory_size: manifest.memorySize,
    },
    V86_WASM,
  );

  const text = new TextDecoder();
  // The shell's line editor asks a terminal where its cursor is (ESC [ 6 n); this console is none.
  let asks = false;
  emulator.add_listener("serial0-output-byte", (byte: number) => {
    if (byte === 0x1b) asks = true;
    else if (asks) asks = byte === 0x5b || byte < 0x40;
    else find("console").append(text.decode(Uint8Array.of(byte), { stream: true }).replace("\r", ""));
  });
  find("shell").addEventListener("submit", (event) => {
    event.preventDefault();
    emulator.serial0_send(`${find<HTMLInputElement>("line").value}\n`);
  });

  const tpm = attachTpm(bus, { version: "2.0", hidden });
  tpm.on("status", ({ message }) => say(message));
  tpm.on("command", ({ origin, request, response, responseName }) => {
    if (origin === "page") return; // sent by the library itself, to read the PCRs
    const row = document.createElement("li");
    row.textContent = `${summary(request, response)}: ${responseName}`;
    find("commands").append(row);
  });
  await emulator.run();
  await tpm.ready;
}

boot().catch((error: Error) => say(`There is no TPM: ${error.message}`));
