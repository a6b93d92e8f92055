/** What is done with both TPMs through swtpm_ioctl and with bytes on the data channel: for TPM 2.0, and for 1.2. */
import type { Step } from "./steps.ts";

export const ioctl = (args: string): Step => ({ run: `swtpm_ioctl --tcp 127.0.0.1:$CONTROL_PORT ${args}` });
const refused = (args: string): Step => ({ ...ioctl(args), refused: true });
const send = (hex: string, count: number): Step => ({ run: `send ${hex.replaceAll(" ", "")} ${count}` });

const hex = (value: number, bytes: number) => value.toString(16).padStart(2 * bytes, "0");
/** TPM2_GetRandom with so much after it that the whole has this length: TPM_RC_SIZE. */
const padded = (length: number) => `8001${hex(length, 4)}0000017b0008${"00".repeat(length - 12)}`;
/** A command behind the header that carries its locality. */
const framed = (locality: number, command: string) =>
  `00000008${hex(locality, 1)}${hex(command.length / 2, 4)}${command}`;
/** TPM2_PCR_Reset of PCR 20, which only locality 2 may. */
const RESET_20 = "8002 0000001b 0000013d 00000014 00000009 40000009 0000 00 0000";

/** A command and its header are longer than a page from 4088 bytes on. */
const LONG = [4086, 4087, 4088, 4095, 4096];

/** A TPM 1.2 takes longer over its keys than swtpm_ioctl waits. */
export const powerOn = (version: "2.0" | "1.2"): Step =>
  version === "2.0" ? ioctl("-i") : { run: "power_on" };

const STARTUP = { "2.0": "8001 0000000c 00000144 0000", "1.2": "00c1 0000000c 00000099 0001" };
const BLOBS = ["permanent", "volatile"];

const common = (version: "2.0" | "1.2"): Step[] => [
  ioctl("-c"),
  ioctl("-g"),
  refused("-e"),
  send(STARTUP[version], 10),
  ioctl("-b 3100"),
  powerOn(version),
  send(STARTUP[version], 10),
  send(STARTUP[version], 10),
  refused("-b 4096"),
  ioctl("-e"),
  ioctl("-h measured"),
  ioctl("-e"),
  refused("-r 0"),
  ioctl("-r 3"),
  ioctl("-e"),
  ...[1, 2, 3, 4, 0].map((locality) => ioctl(`-l ${locality}`)),
  refused("-l 5"),
  // A TPM 1.2 says that there is nothing to cancel.
  version === "2.0" ? ioctl("-C") : refused("-C"),
  ioctl("--info 3"),
  ioctl("-v"),
  ...BLOBS.map((name) => ({ run: `${ioctl(`--save ${name} ${name}.blob`).run} && stat -c %s ${name}.blob` })),
  refused("--load permanent permanent.blob"),
  ioctl("--stop"),
  ...BLOBS.map((name) => ioctl(`--load ${name} ${name}.blob`)),
  powerOn(version),
];

export const IOCTL_STEPS: Record<"2.0" | "1.2", Step[]> = {
  "2.0": [
    ...common("2.0"),
    { run: "tpm2_pcrread" },
    ...[0, 2].flatMap((locality) => [
      ...LONG.flatMap((length) => [send(framed(locality, padded(length)), 18), send(padded(length), 10)]),
      // The locality of the last header goes on.
      send(framed(locality, padded(4096)), 18),
      send(RESET_20, 10),
    ]),
    { run: "head -c 2048 /dev/zero >zeros; tpm2_hash -C o -g sha256 zeros --hex" },
    ioctl("-s"),
  ],
  "1.2": [
    ...common("1.2"),
    // TPM_PCRRead of PCR 17, which the measurement changed.
    send("00c1 0000000e 00000015 00000011", 30),
    // TPM_Extend of PCR 20 at each locality.
    ...[0, 2].flatMap((locality) => [
      ioctl(`-l ${locality}`),
      send(`00c1 00000022 00000014 00000014 ${"11".repeat(20)}`, 10),
    ]),
    send("00c1 0000000e 00000015 00000014", 30),
    ioctl("-s"),
  ],
};
