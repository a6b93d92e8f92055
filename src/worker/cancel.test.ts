/**
 * A guest at the registers that cancels its command, wherever that is by then: behind a command of the page's, behind a
 * state that is fetched, at the TPM, at one that is lost meanwhile, or answered. The cancel hits that command or none.
 */
import { expect, it, onTestFinished } from "vitest";
import type { TpmBackend, TpmKeep } from "../backend/port.ts";
import { RecoveringBackend } from "../backend/recovering.ts";
import { COMMAND, header, make, RESPONSE, settle } from "../backend/testing/scripted-backend.ts";
import { framed } from "../backend/testing/scripted-swtpm.ts";
import { TIS_BASE } from "../device/tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../device/tis/registers.ts";
import type { TisView } from "../device/tis/view.ts";
import { fromHex, toHex } from "../protocol/bytes/hex.ts";
import { TPM2_GetRandom, TPM2_Startup } from "../protocol/tpm2/build.ts";
import { TpmEngine } from "./engine.ts";
import { keeping } from "./keeping.ts";

const CANCELED = "80010000000a00000909";
const PAGE = TPM2_GetRandom(8);
const page = `data ${header(0)}${toHex(PAGE)}`;
const guest = `data ${header(0)}${COMMAND}`;
const cancel = "control 09";

const info = { version: "2.0", bufferSize: 4096, description: "scripted" } as const;

/** A device with this TPM behind it, and a guest that has the TPM. */
async function machine(backend: TpmBackend, keep?: TpmKeep) {
  let on: () => void;
  const power = new Promise<void>((resolve) => {
    on = resolve;
  });
  const engine = new TpmEngine({
    version: "2.0",
    open: keeping(async () => ({ backend, info, label: "" }), keep),
    emit: (event) => event.type === "power" && on(),
  });
  engine.start(0);
  await power;
  const write = (register: { offset: number }, value: number, size: 1 | 4 = 1) =>
    engine.write(TIS_BASE + register.offset, size, value);
  write(REGISTERS.ACCESS, ACCESS.REQUEST_USE);
  return {
    engine,
    send(command: Uint8Array = fromHex(COMMAND)) {
      write(REGISTERS.STS, STS.COMMAND_READY);
      for (const byte of command) write(REGISTERS.DATA_FIFO, byte);
      write(REGISTERS.STS, STS.TPM_GO);
    },
    cancel: () => write(REGISTERS.STS, STS.COMMAND_CANCEL, 4),
    /** The whole response, or how the guest's locality stands while there is none. */
    response() {
      if (engine.view.state(0) !== "completion") return engine.view.state(0);
      const left = (engine.view as TisView).responseLeft;
      return toHex(
        Uint8Array.from({ length: left }, () => engine.read(TIS_BASE + REGISTERS.DATA_FIFO.offset, 1)),
      );
    },
  };
}

async function scripted() {
  const made = make();
  await made.backend.start();
  // Nobody is to wait for a TPM that says nothing.
  onTestFinished(() => made.swtpm.data.close());
  return made;
}

it("is answered at once while a command of the page's runs, which is left alone", async () => {
  const { swtpm, backend } = await scripted();
  const { engine, ...driver } = await machine(backend);
  swtpm.order.length = 0;
  const random = engine.run(PAGE);
  driver.send();
  driver.cancel();
  driver.cancel();
  await settle();
  expect(swtpm.order).toEqual([page]);
  expect(driver.response()).toBe(CANCELED);
  swtpm.data.arrive(framed(RESPONSE));
  expect(toHex(await random)).toBe(RESPONSE);
  driver.send();
  await settle();
  expect(swtpm.order).toEqual([page, guest]);
});

it("is answered at once while a state is fetched after a command of the page's", async () => {
  const { swtpm, backend } = await scripted();
  const { engine, ...driver } = await machine(backend, {
    load: async () => undefined,
    save: async () => undefined,
  });
  swtpm.order.length = 0;
  swtpm.replies["0c"] = undefined;
  const random = engine.run(PAGE);
  await settle();
  swtpm.data.arrive(framed("80010000000c00000101beef"));
  await settle();
  expect(swtpm.order).toEqual([page, "control 0c"]);
  driver.send();
  driver.cancel();
  await settle();
  expect(driver.response()).toBe(CANCELED);
  swtpm.control.arrive("00000000000000000000000400000004deadbeef");
  await random;
  await settle();
  expect(swtpm.order).toEqual([page, "control 0c"]);
});

it("at the TPM is cancelled there, once", async () => {
  const { swtpm, backend } = await scripted();
  const driver = await machine(backend);
  swtpm.order.length = 0;
  driver.send();
  driver.cancel();
  driver.cancel();
  await settle();
  expect(swtpm.order).toEqual([guest, cancel]);
  expect(driver.response()).toBe("execution");
  swtpm.data.arrive(framed(CANCELED));
  await settle();
  expect(driver.response()).toBe(CANCELED);
  expect(swtpm.order).toEqual([guest, cancel]);
});

it("is left alone once the TPM has answered, and so is what is asked of the TPM about it", async () => {
  const { swtpm, backend } = await scripted();
  const driver = await machine(backend, { load: async () => undefined, save: async () => undefined });
  driver.send(TPM2_Startup());
  await settle();
  swtpm.data.arrive(framed("80010000000a00000000"));
  await settle();
  // What the guest waits for now is a question of our own: which commands change what is kept.
  expect(swtpm.order.at(-1)).toMatch(/^data .*0000017a/);
  driver.cancel();
  await settle();
  expect(swtpm.controls).not.toContain("09");
  swtpm.data.arrive(framed("80010000000a00000101"));
  await settle();
  expect(driver.response()).toBe("80010000000a00000000");
});

/** A guest's command that is at a TPM which is lost, and the next one, which is there when `found` is called. */
async function reconnecting() {
  const first = await scripted();
  const second = make();
  let found!: () => void;
  const looked = new Promise<void>((resolve) => {
    found = resolve;
  });
  const recovering = new RecoveringBackend(
    { backend: first.backend, info, label: "the first" },
    {
      notice: () => undefined,
      async reopen() {
        await looked;
        await second.backend.start();
        return { backend: second.backend, info, label: "the second" };
      },
    },
  );
  await recovering.begin();
  const driver = await machine(recovering);
  onTestFinished(() => second.swtpm.data.close());
  driver.send();
  first.swtpm.data.close(new Error("cable cut"));
  await settle();
  return { driver, found, second: second.swtpm };
}

it("is not run again at the next place when the first one is lost with it", async () => {
  const { driver, found, second } = await reconnecting();
  driver.cancel();
  found();
  await expect.poll(() => driver.response()).toBe(CANCELED);
  expect(second.order).not.toContain(guest);
});

it("is cancelled at the next place once it is run again there", async () => {
  const { driver, found, second } = await reconnecting();
  found();
  await expect.poll(() => second.order.at(-1)).toBe(guest);
  driver.cancel();
  await settle();
  expect(second.order.slice(-2)).toEqual([guest, cancel]);
  second.data.arrive(framed(RESPONSE));
  await settle();
  expect(driver.response()).toBe(RESPONSE);
});
