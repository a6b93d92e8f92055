/**
 * The page's address as settings, and settings as an address. Every parameter is one row here: its name, what it may
 * be, and in which words a wrong value is turned down. A wrong value never stops the page: the default stands, and
 * the page says what was wrong.
 */
import * as v from "valibot";
import { INTERFACES, whyNotInterface } from "../../device/interfaces/interfaces.ts";
import { bridgeUrls } from "../../session/backend-target.ts";
import { emptyDisk, emptyDiskText } from "../model/image-slots.ts";
import type { BootSettings, ImageSlot, Theme } from "../model/model.ts";
import { DEFAULT_SETTINGS, MEMORY_CHOICES } from "../model/settings.ts";

/** What an address can ask for. */
export interface PageOptions {
  settings: BootSettings;
  /** Name of the kept machine; undefined for the usual one. */
  machine: string | undefined;
  /** Boot at once, without a click. */
  boot: boolean;
  /** Pane to show first. */
  pane: string | undefined;
  theme: Theme;
  /** Where the bridge is, when it is not the page's own server; several are separated by blanks, the first one first. */
  bridge: string | undefined;
}

/** What was wrong with the address: one sentence each. */
export interface ParsedOptions {
  options: PageOptions;
  problems: string[];
}

const oneOf = <const T extends readonly string[]>(...values: T) =>
  v.picklist(values, `must be ${values.map((value) => `"${value}"`).join(" or ")}`);

const flag = v.pipe(
  v.picklist(["1", "0", "true", "false", ""], 'must be "1" or "0"'),
  v.transform((value) => value !== "0" && value !== "false"),
);

const memory = v.pipe(
  v.string(),
  v.regex(/^\d+$/, "must be a whole number of MiB"),
  v.transform(Number),
  v.minValue(MEMORY_CHOICES[0], `must be at least ${MEMORY_CHOICES[0]} (MiB)`),
  v.maxValue(2048, "must be at most 2048 (MiB)"),
);

const address = (schemes: readonly string[]) =>
  v.pipe(
    v.string(),
    v.check(
      (text) =>
        URL.canParse(text, "http://page/") && schemes.includes(new URL(text, "http://page/").protocol),
      `must be an address that begins with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`,
    ),
  );

/** One or several, separated by blanks. */
const addresses = (schemes: readonly string[]) => {
  const one = address(schemes);
  return v.pipe(
    v.string(),
    v.check(
      (text) => text.trim() !== "" && bridgeUrls(text).every((url) => v.is(one, url)),
      `must be addresses that begin with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`,
    ),
  );
};

const imageUrl = address(["http:", "https:"]);
const DISK_PROBLEM =
  'must be an address that begins with http:// or https://, or an empty disk, e.g. "empty:4GiB", of at most 127 GiB';
/** Linux's COMMAND_LINE_SIZE on x86. */
const cmdline = v.pipe(v.string(), v.maxLength(2047, "must have at most 2047 characters"));

/** Parameter name, schema. */
const PARAMETERS = {
  tpm: oneOf("2.0", "1.2"),
  firmware: oneOf("bios", "uefi"),
  kernel: oneOf("auto", "small", "stock"),
  cmdline,
  memory,
  menu: flag,
  measured: flag,
  interface: v.pipe(
    oneOf("tis", "crb"),
    v.transform((name) => (name === "crb" ? "CRB" : "TIS")),
  ),
  irq: flag,
  signature: oneOf("none", "signed", "tampered"),
  placement: oneOf("auto", "local"),
  backend: oneOf("auto", "bridge", "hidden"),
  start: oneOf("power-on", "prepared"),
  hda: v.union(
    [
      v.pipe(
        v.string(),
        v.check((text) => emptyDisk(text) !== undefined),
      ),
      imageUrl,
    ],
    DISK_PROBLEM,
  ),
  cdrom: imageUrl,
  fda: imageUrl,
  bzimage: imageUrl,
  initrd: imageUrl,
  machine: v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1, "must not be empty"),
    v.maxLength(100, "has at most 100 characters"),
  ),
  boot: flag,
  pane: v.string(),
  theme: oneOf("auto", "light", "dark"),
  bridge: addresses(["ws:", "wss:", "http:", "https:"]),
} as const;

/** What an address can say. */
export type ParameterName = keyof typeof PARAMETERS;
type Values = { [K in ParameterName]?: v.InferOutput<(typeof PARAMETERS)[K]> };

const IMAGE_PARAMETERS: Record<ImageSlot, ParameterName> = {
  hda: "hda",
  cdrom: "cdrom",
  fda: "fda",
  kernel: "bzimage",
  initrd: "initrd",
};

const isParameter = (name: string): name is ParameterName => Object.hasOwn(PARAMETERS, name);
/** Problems that are told one by one: an address may have thousands. */
const MOST_PROBLEMS = 10;

/** Reads the parameters of an address. */
export function parseOptions(parameters: URLSearchParams): ParsedOptions {
  const values: Partial<Record<ParameterName, unknown>> = {};
  const problems: string[] = [];
  for (const [name, text] of parameters) {
    if (!isParameter(name)) {
      problems.push(`The address has a parameter "${shorten(name)}", which this page does not know.`);
      continue;
    }
    const result = v.safeParse(PARAMETERS[name], text);
    if (result.success) values[name] = result.output;
    else
      problems.push(
        `The address says ${name}="${shorten(text)}", but ${name} ${result.issues[0].message}. The default is used.`,
      );
  }
  const options = toOptions(values as Values);
  const { settings } = options;
  const why = whyNotInterface(INTERFACES[settings.interface], settings.tpm);
  if (why) {
    problems.push(`${why} The default is used.`);
    options.settings = { ...settings, interface: DEFAULT_SETTINGS.interface };
  }
  const more = problems.splice(MOST_PROBLEMS).length;
  if (more) problems.push(`So it is with ${more} more of its parameters.`);
  return { options, problems };
}

function toOptions(values: Values): PageOptions {
  const images: BootSettings["images"] = {};
  for (const [slot, name] of Object.entries(IMAGE_PARAMETERS) as [ImageSlot, ParameterName][]) {
    const url = values[name];
    if (typeof url === "string" && url) images[slot] = emptyDisk(url) ?? { kind: "url", url };
  }
  return {
    settings: {
      tpm: values.tpm ?? DEFAULT_SETTINGS.tpm,
      firmware: values.firmware ?? DEFAULT_SETTINGS.firmware,
      kernel: values.kernel ?? DEFAULT_SETTINGS.kernel,
      ...(values.cmdline === undefined ? {} : { cmdline: values.cmdline }),
      memory: values.memory ?? DEFAULT_SETTINGS.memory,
      bootMenu: values.menu ?? DEFAULT_SETTINGS.bootMenu,
      measured: values.measured ?? DEFAULT_SETTINGS.measured,
      interface: values.interface ?? DEFAULT_SETTINGS.interface,
      interrupt: values.irq ?? DEFAULT_SETTINGS.interrupt,
      signature: values.signature ?? DEFAULT_SETTINGS.signature,
      placement: values.placement ?? DEFAULT_SETTINGS.placement,
      backend: values.backend ?? DEFAULT_SETTINGS.backend,
      start: values.start ?? DEFAULT_SETTINGS.start,
      images,
    },
    machine: values.machine,
    boot: values.boot ?? false,
    pane: values.pane,
    theme: values.theme ?? "auto",
    bridge: values.bridge,
  };
}

/**
 * The address of the page with these settings: only what differs from the defaults, so that links stay short. Files
 * that the user picked have no address and are left out.
 * @param kept other parameters to carry over (`pane`, `theme`, `bridge`).
 */
export function toParameters(
  settings: BootSettings,
  kept: Partial<Record<ParameterName, string>>,
): URLSearchParams {
  const parameters = new URLSearchParams();
  const put = (name: ParameterName, value: string | undefined, standard: string | undefined) => {
    if (value !== undefined && value !== standard) parameters.set(name, value);
  };
  put("tpm", settings.tpm, DEFAULT_SETTINGS.tpm);
  put("firmware", settings.firmware, DEFAULT_SETTINGS.firmware);
  put("kernel", settings.kernel, DEFAULT_SETTINGS.kernel);
  put("cmdline", settings.cmdline, undefined);
  put("memory", String(settings.memory), String(DEFAULT_SETTINGS.memory));
  put("menu", settings.bootMenu ? "1" : "0", "0");
  put("measured", settings.measured ? "1" : "0", "1");
  put("interface", settings.interface.toLowerCase(), DEFAULT_SETTINGS.interface.toLowerCase());
  put("signature", settings.signature, DEFAULT_SETTINGS.signature);
  put("irq", settings.interrupt ? "1" : "0", "0");
  put("placement", settings.placement, DEFAULT_SETTINGS.placement);
  put("backend", settings.backend, DEFAULT_SETTINGS.backend);
  put("start", settings.start, DEFAULT_SETTINGS.start);
  for (const [slot, name] of Object.entries(IMAGE_PARAMETERS) as [ImageSlot, ParameterName][]) {
    const image = settings.images[slot];
    if (image?.kind === "url") put(name, image.url, undefined);
    if (image?.kind === "empty") put(name, emptyDiskText(image.size), undefined);
  }
  for (const [name, value] of Object.entries(kept) as [ParameterName, string][]) put(name, value, undefined);
  return parameters;
}

/** What the settings and the bridge say, by name, without what the page does anyway. */
export function parametersOf(
  settings: BootSettings,
  bridge?: string,
): Partial<Readonly<Record<ParameterName, string>>> {
  return Object.fromEntries(toParameters(settings, bridge === undefined ? {} : { bridge }));
}

const shorten = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
