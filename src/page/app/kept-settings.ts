/** The settings of a boot as the vault keeps them. */
import type { MachineSettings } from "../../session/vault/types.ts";
import type { BootSettings } from "../model/model.ts";
import { parseOptions, toParameters } from "./options.ts";

/** Settings as an address says them: what is stored stays readable, and is checked like an address. */
export function asJson(settings: BootSettings): MachineSettings {
  return Object.fromEntries(toParameters(settings, {}));
}

/** Files that were picked have no address, and are kept by nobody: what is picked now is used. */
export function fromJson(stored: MachineSettings, now: BootSettings): BootSettings {
  const parameters = Object.entries(stored).flatMap(([name, value]) =>
    typeof value === "string" ? [[name, value]] : [],
  );
  const { settings } = parseOptions(new URLSearchParams(parameters)).options;
  const files = Object.entries(now.images).filter(([, image]) => image.kind === "file");
  return { ...settings, images: { ...settings.images, ...Object.fromEntries(files) } };
}
