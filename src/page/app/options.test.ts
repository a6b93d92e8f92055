import { describe, expect, it } from "vitest";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { parseOptions, toParameters } from "./options.ts";

const parse = (query: string) => parseOptions(new URLSearchParams(query));

describe("parseOptions", () => {
  it("gives the defaults for a bare address", () => {
    expect(parse("")).toEqual({
      options: {
        settings: DEFAULT_SETTINGS,
        boot: false,
        pane: undefined,
        theme: "auto",
        bridge: undefined,
      },
      problems: [],
    });
  });

  it("reads every setting", () => {
    const { options, problems } = parse(
      "tpm=1.2&firmware=uefi&kernel=stock&cmdline=quiet+ima%3Doff&memory=256&menu=1&measured=0&signature=signed&irq=1&placement=local&backend=hidden&start=prepared&cdrom=disk.iso&boot=1&theme=dark",
    );
    expect(problems).toEqual([]);
    expect(options.settings).toEqual({
      tpm: "1.2",
      firmware: "uefi",
      kernel: "stock",
      cmdline: "quiet ima=off",
      memory: 256,
      bootMenu: true,
      measured: false,
      signature: "signed",
      interface: "TIS",
      interrupt: true,
      placement: "local",
      backend: "hidden",
      start: "prepared",
      images: { cdrom: { kind: "url", url: "disk.iso" } },
    });
    expect(options.boot).toBe(true);
    expect(options.theme).toBe("dark");
  });

  it("says what is wrong and keeps the default", () => {
    const { options, problems } = parse("tpm=3&memory=64&hda=file:///etc/passwd&colour=red");
    expect(options.settings).toEqual(DEFAULT_SETTINGS);
    expect(problems).toEqual([
      'The address says tpm="3", but tpm must be "2.0" or "1.2". The default is used.',
      'The address says memory="64", but memory must be at least 128 (MiB). The default is used.',
      'The address says hda="file:///etc/passwd", but hda must be an address that begins with http:// or https://, or an empty disk, e.g. "empty:4GiB", of at most 127 GiB. The default is used.',
      'The address has a parameter "colour", which this page does not know.',
    ]);
  });

  it("takes the CRB interface for a TPM 2.0, and refuses it in words for a TPM 1.2", () => {
    const { options, problems } = parse("interface=crb");
    expect([options.settings.interface, problems]).toEqual(["CRB", []]);
    expect(toParameters(options.settings, {}).toString()).toBe("interface=crb");
    const old = parse("interface=crb&tpm=1.2");
    expect([old.options.settings.interface, old.options.settings.tpm]).toEqual(["TIS", "1.2"]);
    expect(old.problems).toEqual([
      "The CRB interface is for a TPM 2.0; a TPM 1.2 has the TIS (FIFO) interface. The default is used.",
    ]);
  });

  it("takes several bridges", () => {
    const { options, problems } = parse("bridge=wss://a.example/tpm+https://b.example/tpm");
    expect(problems).toEqual([]);
    expect(options.bridge).toBe("wss://a.example/tpm https://b.example/tpm");
    expect(parse("bridge=https://a.example+file:///b").problems).toHaveLength(1);
  });

  it("takes an empty disk by its size, as it writes it, and no other", () => {
    const { options, problems } = parse("hda=empty:4GiB");
    expect([options.settings.images.hda, problems]).toEqual([{ kind: "empty", size: 2 ** 32 }, []]);
    expect(toParameters(options.settings, {}).get("hda")).toBe("empty:4GiB");
    for (const none of ["empty:0MiB", "empty:128GiB", "empty:4", "empty:-1GiB"])
      expect(parse(`hda=${none}`).problems).toHaveLength(1);
  });

  it("takes an empty command line for one", () => {
    expect(parse("cmdline=").options.settings.cmdline).toBe("");
  });
});

describe("toParameters", () => {
  it("leaves defaults out", () => {
    expect(toParameters(DEFAULT_SETTINGS, {}).toString()).toBe("");
  });

  it("is undone by parseOptions", () => {
    const settings = {
      ...DEFAULT_SETTINGS,
      tpm: "1.2" as const,
      cmdline: "a=1 b&c",
      bootMenu: true,
      images: { kernel: { kind: "url" as const, url: "https://x.example/bzImage" } },
    };
    const { options, problems } = parseOptions(toParameters(settings, { theme: "light", pane: "commands" }));
    expect(problems).toEqual([]);
    expect(options.settings).toEqual(settings);
    expect(options.theme).toBe("light");
    expect(options.pane).toBe("commands");
  });
});
