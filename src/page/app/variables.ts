/** The variables of UEFI firmware: shown as the machine writes them, and changed while it is off. */

import { fromBase64 } from "../../machine/base64.ts";
import type { UefiMachine } from "../../machine/v86/uefi/uefi-machine.ts";
import {
  keyOf,
  readVariables,
  type UefiVariable,
  VariableStoreError,
  writeVariables,
} from "../../protocol/uefi/variable-store.ts";
import type { FlashKeep } from "../../session/flash-keep.ts";
import { ImageLoadError } from "../../session/images/load.ts";
import type { ImageManifest, SecureBootCertificates, VendorKeys } from "../../session/images/manifest.ts";
import type { PageStore } from "../model/model.ts";
import { Spaced } from "../model/spaced.ts";
import type { VariableActions, VariablesView } from "../model/uefi.ts";
import { type Notices, sentence } from "./notices.ts";

/** No page needs it before a change of variables. */
const secureBootCode = () => import("../../protocol/uefi/secure-boot.ts");
type SecureBootCode = Awaited<ReturnType<typeof secureBootCode>>;
/** Loaded when it is asked for, as for a boot. */
const bootImages = () => import("./boot-images.ts");

/** The page, as it is needed here. */
export interface VariablesPage {
  manifest(): Promise<ImageManifest>;
  /** Of the machine that boots next; undefined for the factory's. */
  load(): Promise<Uint8Array | undefined>;
  save(bytes: Uint8Array | undefined): Promise<void>;
  /** Ends the machine that runs. @returns whether one did. */
  switchOff(): Promise<boolean>;
  boot(): void;
}

/** A flash without a store of variables: a firmware that finds none hangs, and says nothing. */
export class NoVariablesError extends Error {
  override name = "NoVariablesError";
  constructor(cause: VariableStoreError) {
    super(
      "the flash of this machine holds no variables that UEFI firmware can read, so that it would hang, as on a real PC: a guest has overwritten them, or the machine ended while all of them were erased",
      { cause },
    );
  }
}

/** A flash for a machine that boots: its `load` rejects with a {@link NoVariablesError} where the firmware would hang. */
export const toBootWith = (flash: FlashKeep): FlashKeep => ({
  ...flash,
  async load() {
    const bytes = await flash.load();
    if (bytes) mustHaveVariables(bytes);
    return bytes;
  },
});

function mustHaveVariables(flash: Uint8Array): void {
  try {
    readVariables(flash);
  } catch (error) {
    throw error instanceof VariableStoreError ? new NoVariablesError(error) : error;
  }
}

type Edit = (variables: readonly UefiVariable[]) => UefiVariable[];

export class Variables implements VariableActions {
  readonly #store: PageStore;
  readonly #notices: Notices;
  readonly #page: VariablesPage;
  /** The change asked for last. The next one waits for it, and begins with what it has saved. */
  #last: Promise<void> = Promise.resolve();

  constructor(store: PageStore, notices: Notices, page: VariablesPage) {
    this.#store = store;
    this.#notices = notices;
    this.#page = page;
  }

  /** Shows what a machine that runs has. @returns a function that ends it. */
  follow({ variables }: UefiMachine): () => void {
    const look = new Spaced(() => this.#show(variables.content(), "machine"));
    const end = variables.onChange(() => look.ask());
    look.ask();
    return () => {
      end();
      look.stop();
    };
  }

  #show(flash: Uint8Array, from: VariablesView["from"]): void {
    try {
      this.#store.update({ variables: { list: readVariables(flash), from } });
    } catch (error) {
      // A guest may write anything there, and this is called in the middle of its write.
      if (!(error instanceof VariableStoreError)) throw error;
      this.#cannotRead(error, from);
    }
  }

  #cannotRead({ message }: Error, from: VariablesView["from"]): void {
    this.#store.update({ variables: { list: undefined, problem: sentence(message), from } });
  }

  get #running(): boolean {
    const { machine, variables } = this.#store.state;
    return variables?.from === "machine" && (machine.phase === "running" || machine.phase === "paused");
  }

  refresh(): void {
    if (!this.#running) this.#refresh().catch(this.#tell("UEFI’s variables cannot be shown."));
  }

  async #refresh(): Promise<void> {
    let from: VariablesView["from"] = "kept";
    try {
      let flash = await this.#page.load();
      if (!flash) {
        from = "factory";
        flash = await (await bootImages()).loadFactoryVariables(await this.#page.manifest());
      }
      if (!this.#running) this.#show(flash, from);
    } catch (error) {
      if (!this.#running) this.#cannotRead(error as Error, from);
      throw error;
    }
  }

  /** Resolves when the changes asked for so far are saved: a machine that is made before has what they replace. */
  get settled(): Promise<void> {
    return this.#last;
  }

  enroll(): void {
    this.#change(({ secureBoot: keys }, secureBoot) => {
      if (!keys) throw new ImageLoadError("this server has no keys for Secure Boot: start it anew");
      return (variables) => secureBoot.enroll(variables, fromText(keys), Date.now());
    });
  }

  enrollVendor(): void {
    this.#change(({ vendorKeys: keys }, secureBoot) => {
      if (!keys)
        throw new ImageLoadError("this server has no vendors' keys: they come with the disks for UEFI");
      const lists = { ...fromText(keys), ...(keys.dbx !== undefined && { dbx: fromBase64(keys.dbx) }) };
      return (variables) => secureBoot.enrollLists(variables, lists, Date.now());
    });
  }

  clear(): void {
    this.#change((_, secureBoot) => secureBoot.clear);
  }

  revoke(): void {
    this.#change(async (manifest, secureBoot) => {
      const kernel = await (await bootImages()).loadUefiKernel(manifest, this.#store.state.settings);
      const { authenticodeDigest } = await import("../../protocol/uefi/authenticode.ts");
      const digest = authenticodeDigest(kernel);
      return (variables) => secureBoot.revoke(variables, digest, Date.now());
    });
  }

  switchSecureBoot(on: boolean): void {
    this.#change((_, secureBoot) => (variables) => secureBoot.switchSecureBoot(variables, on));
  }

  remove(variable: UefiVariable): void {
    this.#change(() => (variables) => variables.filter((one) => keyOf(one) !== keyOf(variable)));
  }

  factory(): void {
    this.#replace(async () => undefined);
  }

  /** @param prepare loads what the edit needs, before the variables are read: that may take long. */
  #change(prepare: (manifest: ImageManifest, secureBoot: SecureBootCode) => Edit | Promise<Edit>): void {
    this.#replace(async () => {
      const manifest = await this.#page.manifest();
      const factory = await (await bootImages()).loadFactoryVariables(manifest);
      const edit = await prepare(manifest, await secureBootCode());
      const before = readVariables((await this.#page.load()) ?? factory);
      return writeVariables(factory, edit(before));
    });
  }

  #replace(make: () => Promise<Uint8Array | undefined>): void {
    this.#notices.dismiss("uefi");
    this.#last = this.#last
      .then(() => this.#replaced(make))
      .catch(this.#tell("UEFI’s variables are as they were."));
  }

  /** Nobody else writes them meanwhile: the machine is off. */
  async #replaced(make: () => Promise<Uint8Array | undefined>): Promise<void> {
    const ran = await this.#page.switchOff();
    try {
      await this.#page.save(await make());
      await this.#refresh().catch(this.#tell("UEFI’s variables are changed, and cannot be shown."));
    } finally {
      if (ran) this.#page.boot();
    }
  }

  #tell(title: string): (error: Error) => void {
    return ({ message }) =>
      this.#notices.show({ id: "uefi", level: "error", title, text: sentence(message), actions: [] });
  }
}

/** What a manifest has in base64. */
function fromText({ pk, kek, db }: SecureBootCertificates | VendorKeys) {
  return { pk: fromBase64(pk), kek: fromBase64(kek), db: fromBase64(db) };
}
