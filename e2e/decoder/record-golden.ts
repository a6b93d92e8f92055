/**
 * Records the golden messages of the unit tests anew: `npx tsx e2e/decoder/record-golden.ts`. TPM 2.0: one exchange
 * of each kind from the walk through tpm2-tools; TPM 1.2: what firmware and Linux send, composed from the tables.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../src/protocol/bytes/hex.ts";
import type { TraceEntry } from "../../src/protocol/export/trace.ts";
import { encodeCommand12 } from "../../src/protocol/tpm2/encode.ts";
import { commandCode, familyOf, responseCode } from "../../src/protocol/tpm2/parse.ts";
import { summary } from "../../src/protocol/tpm2/summary.ts";
import type { OrdinalName } from "../../src/protocol/tpm2/tpm12/ordinals.ts";
import { RecordingTpm } from "./recorder.ts";

const OUT = join(import.meta.dirname, "../../src/protocol/tpm2/testdata");
/** Larger exchanges are left out where a smaller one of the kind is there. */
const LARGE = 3000;
const NONCE = "000102030405060708090a0b0c0d0e0f10111213";
const NV_AREA = {
  tag: 0x18,
  nvIndex: 0x10001,
  pcrInfoRead: { pcrSelection: "none", localityAtRelease: 0x1f },
  pcrInfoWrite: { pcrSelection: "none", localityAtRelease: 0x1f },
  permissionTag: 0x17,
  permission: "PPWRITE|PPREAD",
  dataSize: 16,
};
const COMMANDS_12: readonly [OrdinalName, Parameters<typeof encodeCommand12>[1]?][] = [
  ["GetTicks"],
  ["Startup", { startupType: "CLEAR" }],
  ["Startup", { startupType: "CLEAR" }],
  ["SelfTestFull"],
  ["ContinueSelfTest"],
  ["GetTestResult"],
  ["TSC_PhysicalPresence", { physicalPresence: "CMD_ENABLE" }],
  ["TSC_PhysicalPresence", { physicalPresence: "PRESENT" }],
  ["PhysicalEnable"],
  ["PhysicalSetDeactivated", { state: "FALSE" }],
  ["GetCapability", { capArea: "FLAG", subCap: "PERMANENT" }],
  ["GetCapability", { capArea: "FLAG", subCap: "VOLATILE" }],
  ["GetCapability", { capArea: "PROPERTY", subCap: "MANUFACTURER" }],
  ["GetCapability", { capArea: "PROPERTY", subCap: "PCR" }],
  ["GetCapability", { capArea: "PROPERTY", subCap: "TIS_TIMEOUT" }],
  ["GetCapability", { capArea: "PROPERTY", subCap: "DURATION" }],
  ["GetCapability", { capArea: "PROPERTY", subCap: "OWNER" }],
  ["GetCapability", { capArea: "ORD", subCap: "TPM_ORD_PCRRead" }],
  ["GetCapability", { capArea: "VERSION" }],
  ["GetCapability", { capArea: "VERSION_VAL" }],
  ["Extend", { pcrNum: 4, inDigest: NONCE }],
  ["PCRRead", { pcrIndex: 4 }],
  ["PCRRead", { pcrIndex: 99 }],
  ["PCR_Reset", { pcrSelection: "16" }],
  ["GetRandom", { bytesRequested: 16 }],
  ["StirRandom", { inData: '"entropy"' }],
  ["SHA1Start"],
  ["SHA1Update", { hashData: "00".repeat(64) }],
  ["SHA1CompleteExtend", { pcrNum: 5, hashData: '"the rest"' }],
  ["ReadPubek", { antiReplay: NONCE }],
  [
    "CreateEndorsementKeyPair",
    {
      antiReplay: NONCE,
      keyInfo: {
        algorithmID: "RSA",
        encScheme: "TPM_ES_RSAESOAEP_SHA1_MGF1",
        sigScheme: 1,
        parms: { keyLength: 2048, numPrimes: 2 },
      },
    },
  ],
  ["ReadPubek", { antiReplay: NONCE }],
  ["OIAP"],
  ["OSAP", { entityType: "OWNER", nonceOddOSAP: NONCE }],
  ["FlushSpecific", { handle: 0x02000000, resourceType: "AUTH" }],
  ["NV_DefineSpace", { pubInfo: NV_AREA }],
  ["NV_WriteValue", { nvIndex: 0x10001, data: '"some data"' }],
  ["NV_ReadValue", { nvIndex: 0x10001, dataSize: 9 }],
  ["GetCapability", { capArea: "NV_INDEX", subCap: 0x10001 }],
  ["GetCapability", { capArea: "NV_LIST" }],
  ["GetTicks"],
  ["SaveState"],
  ["TSC_ResetEstablishmentBit"],
];

/** One exchange for each command and outcome, with different beginnings of the summary told apart. */
function oneOfEachKind(entries: readonly TraceEntry[]): TraceEntry[] {
  const kinds = new Map<string, TraceEntry>();
  for (const entry of [...entries].sort((a, b) => bulk(a) - bulk(b))) {
    const { request, response } = entry;
    if (!response) continue;
    const words = summary(request, response).replace(/0x[0-9a-f]+|[0-9a-f]{6}…|\d+/g, "N");
    const kind = `${commandCode(request)} ${responseCode(response)} ${response[1]} ${request[1]} ${words}`;
    if (!kinds.has(kind)) kinds.set(kind, entry);
  }
  return entries.filter((entry) => [...kinds.values()].includes(entry) && bulk(entry) < LARGE);
}

const bulk = ({ request, response }: TraceEntry) => request.length + (response?.length ?? 0);

function write(file: string, origin: string, entries: readonly TraceEntry[]): void {
  const lines = entries.map(
    ({ request, response }) => `${summary(request, response)}\n> ${toHex(request)}\n< ${toHex(response!)}\n`,
  );
  mkdirSync(OUT, { recursive: true });
  writeFileSync(join(OUT, file), `# ${origin}\n\n${lines.join("\n")}`);
  console.log(`${file}: ${entries.length} exchanges, TPM ${familyOf(entries[0]!.request)}`);
}

async function record(
  version: "2.0" | "1.2",
  use: (tpm: RecordingTpm) => Promise<void>,
): Promise<TraceEntry[]> {
  const tpm = await RecordingTpm.start({ version });
  try {
    await use(tpm);
  } finally {
    await tpm.stop();
  }
  return tpm.entries;
}

async function main(): Promise<void> {
  const tools = await record("2.0", async (tpm) => {
    await tpm.tool("bash", [join(import.meta.dirname, "scenario.sh")]);
  });
  write("tpm20.txt", "tpm2-tools 5.4 with swtpm 0.7.1 (libtpms 0.9.2)", oneOfEachKind(tools));
  const old = await record("1.2", async (tpm) => {
    for (const [name, parameters] of COMMANDS_12) await tpm.send(encodeCommand12(name, parameters));
  });
  write("tpm12.txt", "swtpm 0.7.1 (libtpms 0.9.2), TPM 1.2", old);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
