/**
 * A guest whose TPM moves while it uses it: from a native swtpm into the hidden machine's, and back. Needs the images
 * with the hidden machine (`npm run kernel`) and swtpm. Half a minute.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { V86 } from "v86";
import { afterAll, expect, it } from "vitest";
import { HiddenMachine } from "../backend/hidden/machine.ts";
import { SwtpmBackend } from "../backend/swtpm-backend.ts";
import { type SwtpmChild, spawnSwtpm } from "../node/bridge/swtpm-process.ts";
import { Cache } from "../node/images/cache.ts";
import { ImageSet, readImage } from "../node/images/image-set.ts";
import { readGuestImages } from "../node/tools/guest-images.ts";
import { createNodeMachine } from "../node/tools/node-machine.ts";
import type { OpenTpm } from "./placement.ts";
import { attachTpm } from "./tpm.ts";

const BOOT_MS = 60_000;
const RUN_MS = 60_000;
const STEPS = 24;
const WASM = new Uint8Array(readFileSync(fileURLToPath(import.meta.resolve("v86/build/v86.wasm"))));

const ends: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

const native: OpenTpm = async (state) => {
  const child: SwtpmChild = await spawnSwtpm({ version: "2.0" });
  ends.push(() => child.stop());
  const backend = new SwtpmBackend(child.channels, { version: "2.0", owned: true });
  return { backend, info: await backend.start(state ? { state } : {}), label: "native" };
};

async function hiddenTpm(): Promise<OpenTpm> {
  const set = await new ImageSet(new Cache(), () => {}).read();
  const { bios, vgaBios, hiddenState } = set.manifest;
  if (!hiddenState) throw new Error("the hidden machine's state is missing: run `npm run kernel`");
  const load = async (file: typeof bios) => (await readImage(set, file)).buffer;
  const images = { bios: await load(bios), vgaBios: await load(vgaBios), state: await load(hiddenState) };
  const machine = await HiddenMachine.boot({ V86, wasm: WASM, images });
  ends.push(() => machine.stop());
  return async (state) => {
    const backend = new SwtpmBackend(await machine.start({ version: "2.0" }), {
      version: "2.0",
      owned: true,
    });
    return { backend, info: await backend.start(state ? { state } : {}), label: "hidden" };
  };
}

it("a guest's TPM moves between native and hidden swtpm while the guest uses it", {
  timeout: 3 * BOOT_MS,
}, async () => {
  const images = await readGuestImages();
  const { emulator, bus, serial } = await createNodeMachine(images, images.memorySize);
  const tpm = attachTpm(bus, { open: native });
  ends.push(async () => {
    await emulator.destroy();
    await tpm.close();
  });
  await tpm.ready;
  bus.resume();
  await serial.expect(images.prompt, BOOT_MS);
  // Past the resource manager, so that key and session stay in the TPM.
  const prepare =
    "export TPM2TOOLS_TCTI=device:/dev/tpm0; tpm2_createprimary -Q -C o -G ecc -c /tmp/p.ctx && tpm2_startauthsession -S /tmp/s.ctx --policy-session";
  expect(await serial.run(prepare, RUN_MS)).toEqual({ output: "", status: 0 });
  const held =
    "tpm2_getcap handles-transient; tpm2_getcap handles-loaded-session; tpm2_getcap handles-saved-session";
  const before = await serial.run(held, RUN_MS);
  expect(before.output).toContain("0x80000000");

  const hidden = await hiddenTpm();
  const served = new Set<string>();
  tpm.on("command", ({ origin }) => origin === "guest" && served.add(tpm.status.backendLabel));
  const script = `i=0; while [ $i -lt ${STEPS} ]; do i=$((i+1)); tpm2_pcrextend 16:sha256=$(printf %064d $i) || break; echo "@step"" $i@"; done; echo "@done"" $i@"`;
  serial.send(`${script}\n`);
  await serial.expect("@step 4@", RUN_MS);
  await tpm.moveTo({ open: hidden });
  expect(tpm.status.backendLabel).toBe("hidden");
  await serial.expect("@step 10@", RUN_MS);
  await tpm.moveTo({ open: native });
  expect(tpm.status.backendLabel).toBe("native");
  expect((await serial.expect(/@done (\d+)@/, RUN_MS))[1]).toBe(String(STEPS));
  await serial.expect(images.prompt, RUN_MS);
  expect([...served].sort()).toEqual(["hidden", "native"]);

  expect((await serial.run(held, RUN_MS)).output).toBe(before.output);
  const use =
    "tpm2_policypcr -Q -S /tmp/s.ctx -l sha256:16 && tpm2_readpublic -Q -c /tmp/p.ctx && tpm2_pcrread sha256:16";
  const { output, status } = await serial.run(use, RUN_MS);
  expect(status).toBe(0);
  // The same extends on one and the same TPM.
  const again = `tpm2_pcrreset 16; i=0; while [ $i -lt ${STEPS} ]; do i=$((i+1)); tpm2_pcrextend 16:sha256=$(printf %064d $i); done; tpm2_pcrread sha256:16`;
  expect((await serial.run(again, RUN_MS)).output).toBe(output);
  expect((await serial.run("dmesg | grep -ci 'tpm.*\\(time\\|error\\)' || true", RUN_MS)).output).toBe("0\n");
});
