import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asksNothing, type Parameters, plain, REACH, wishesToAsk } from "./link-wishes.ts";
import { type ParameterName, parametersOf, parseOptions } from "./options.ts";

const BASE = "https://page.example/webtpm/";
const FOREIGN = "https://other.example";

/** What an address says, as the page reads it. */
const said = (query: string): Parameters => {
  const { options, problems } = parseOptions(new URLSearchParams(query));
  expect(problems).toEqual([]);
  return parametersOf(options.settings, options.bridge);
};
const asked = (query: string, kept?: Record<string, string>) =>
  wishesToAsk(said(query), said(query), { base: BASE, kept });

/** A value of each parameter that is not the default: of the page's own origin where it names one. */
const OWN: Record<ParameterName, string> = {
  tpm: "1.2",
  firmware: "uefi",
  kernel: "stock",
  cmdline: "init=/bin/sh",
  memory: "256",
  menu: "1",
  measured: "0",
  signature: "signed",
  interface: "crb",
  irq: "1",
  placement: "local",
  backend: "hidden",
  start: "prepared",
  hda: "disk.img",
  cdrom: "/disk.iso",
  fda: `${BASE}floppy.img`,
  bzimage: "vmlinuz",
  initrd: "initrd.gz",
  machine: "Work",
  boot: "1",
  pane: "pcrs",
  theme: "dark",
  bridge: "/other/tpm",
};
const NAMES = Object.keys(OWN) as ParameterName[];
const ADDRESSED = NAMES.filter((name) => REACH[name] === "image" || REACH[name] === "bridge");
const BOOTS = NAMES.filter((name) => REACH[name] === "boots" || ADDRESSED.includes(name));

describe("what an address is asked about", () => {
  it.each(NAMES)("%s: nothing where no TPM is kept and the origin is the page's own", (name) => {
    expect(asked(`${name}=${encodeURIComponent(OWN[name])}`)).toBeUndefined();
  });

  it.each(NAMES)("%s: for a kept TPM, whatever boots another thing or moves it", (name) => {
    const wishes = asked(`${name}=${encodeURIComponent(OWN[name])}`, {});
    if (BOOTS.includes(name)) expect(wishes).toEqual([{ name, value: OWN[name], instead: "" }]);
    else expect(wishes).toBeUndefined();
  });

  it.each(BOOTS.filter((name) => name !== "bridge"))(
    "%s: not what the kept machine boots already",
    (name) => {
      const query = `${name}=${encodeURIComponent(OWN[name])}`;
      expect(asked(query, { [name]: OWN[name] })).toBeUndefined();
      expect(asked(query, { [name]: "something else" })).toMatchObject([{ instead: "something else" }]);
    },
  );

  it.each(ADDRESSED)("%s: another origin, kept or not, however it is written", (name) => {
    const forms = [
      `${FOREIGN}/x`,
      "//other.example/x",
      "/\\other.example/x",
      "https:\\\\other.example/x",
      "https://page.example@other.example/x",
      "https://page.example:8443/x",
      "http://page.example/x",
      "https://page.example.other.example/x",
      "\thttps://other.example/x",
    ];
    for (const form of forms) {
      const wishes = asked(`${name}=${encodeURIComponent(form)}`);
      expect(wishes, form).toHaveLength(1);
      expect(wishes![0]!.origin, form).toBe(new URL(form, BASE).origin);
      // The owner may have let it boot once; who asks for it now is not known.
      expect(asked(`${name}=${encodeURIComponent(form)}`, { [name]: form }), form).toHaveLength(1);
    }
  });

  it("takes WebSockets of the page's own host for its own origin", () => {
    expect(asked("bridge=wss://page.example/tpm")).toBeUndefined();
    expect(asked("bridge=wss://page.example/tpm", {})).toBeUndefined();
    expect(asked("bridge=wss://page.example/webtpm/tpm", {})).toMatchObject([{ instead: "" }]);
    expect(asked("bridge=ws://page.example/tpm")).toMatchObject([{ origin: "http://page.example" }]);
    expect(asked("bridge=/tpm", {})).toBeUndefined();
  });

  it("looks at each of several bridges", () => {
    expect(asked(`bridge=${encodeURIComponent(`/tpm ${FOREIGN}/tpm`)}`)).toEqual([
      { name: "bridge", value: "/tpm" },
      { name: "bridge", value: `${FOREIGN}/tpm`, origin: FOREIGN },
    ]);
  });

  it("shows all that boots once it asks, the bridge first", () => {
    const query = `cmdline=quiet&hda=disk.img&bridge=${FOREIGN}/tpm&memory=256`;
    expect(asked(query)?.map(({ name }) => name)).toEqual(["bridge", "hda", "cmdline"]);
  });

  it("leaves out what the owner has set to something else since", () => {
    const link = said(`cmdline=quiet&hda=${FOREIGN}/disk.img`);
    expect(wishesToAsk(link, said("cmdline=loud"), { base: BASE, kept: {} })).toBeUndefined();
    expect(wishesToAsk(link, said("cmdline=quiet"), { base: BASE, kept: {} })).toMatchObject([
      { name: "cmdline" },
    ]);
  });

  it("does not take names from a prototype for settings", () => {
    const kept = Object.create({ cmdline: "quiet" }) as Record<string, string>;
    expect(asked("cmdline=quiet", kept)).toMatchObject([{ name: "cmdline", instead: "" }]);
  });
});

/** Any address that the page understands, of any of its parameters. */
const link = fc
  .record(
    Object.fromEntries(
      NAMES.map((name) => {
        const foreign = fc
          .constantFrom(FOREIGN, "//other.example", "http://127.0.0.1:9")
          .map((o) => `${o}/x`);
        const value = ADDRESSED.includes(name)
          ? fc.oneof(fc.constant(OWN[name]), foreign)
          : fc.constant(OWN[name]);
        return [name, value];
      }),
    ) as Record<ParameterName, fc.Arbitrary<string>>,
    { requiredKeys: [] },
  )
  // A TPM 1.2 has no CRB interface: such an address is not understood.
  .map(({ interface: registers, ...others }) =>
    registers === undefined || others.tpm === OWN.tpm ? others : { ...others, interface: registers },
  );

describe("any address", () => {
  const parsed = (values: Record<string, string>) => said(new URLSearchParams(values).toString());

  it("is asked about as soon as one value names another origin, with that origin", () => {
    fc.assert(
      fc.property(link, fc.option(fc.constant({})), (values, kept) => {
        const now = parsed(values);
        const wishes = wishesToAsk(now, now, { base: BASE, kept: kept ?? undefined }) ?? [];
        for (const name of ADDRESSED) {
          const value = (values as Parameters)[name];
          if (value === undefined || new URL(value, BASE).origin === new URL(BASE).origin) continue;
          expect(wishes).toContainEqual(
            expect.objectContaining({ name, origin: new URL(value, BASE).origin }),
          );
        }
      }),
    );
  });

  it("never changes what a kept machine boots without a question", () => {
    fc.assert(
      fc.property(link, link, (values, stored) => {
        const now = parsed(values);
        const kept = parsed({ ...stored, bridge: "/tpm" }) as Record<string, string>;
        const wishes = wishesToAsk(now, now, { base: BASE, kept });
        const differs = BOOTS.some((name) => {
          const value = now[name];
          return value !== undefined && value !== (name === "bridge" ? "/tpm" : kept[name]);
        });
        if (differs) expect(wishes).toBeDefined();
        if (asksNothing(now)) expect(wishes).toBeUndefined();
      }),
    );
  });
});

describe("plain", () => {
  it("shows what cannot be seen, and keeps the reading from being turned round", () => {
    expect(plain("a\u202eb\u200bc\nd\u2028")).toBe("a\\u{202e}b\\u{200b}c\\u{a}d\\u{2028}");
    expect(plain("init=/bin/sh ä 漢")).toBe("init=/bin/sh ä 漢");
  });
});
