/** The words of this field, each in a sentence or two, and where the specification has it. */

/** Where a word comes from, in the names of those who made it. */
const LIBRARY = "TPM 2.0 Library, Part 1";
const PLATFORM = "PC Client Platform TPM Profile (PTP)";
const FIRMWARE = "PC Client Platform Firmware Profile";

export interface Term {
  /** As the glossary lists it, and as texts write it. */
  word: string;
  /** Other ways in which texts write it. */
  also?: readonly string[];
  text: string;
  /** Document and chapter. */
  spec: string;
}

/** In the order of the alphabet. */
export const GLOSSARY: readonly Term[] = [
  {
    word: "attestation",
    text: "A TPM states what its PCRs hold, signed with a key that never leaves it, so that somebody far away can judge how a machine was started.",
    spec: `${LIBRARY}, “Attestation”`,
  },
  {
    word: "attestation key",
    also: ["AK"],
    text: "A key of the TPM that signs only what the TPM itself has made, quotes for one: nobody can have it sign a forged one.",
    spec: `${LIBRARY}, “Attestation”`,
  },
  {
    word: "bank",
    also: ["banks"],
    text: "The PCRs once for each hash algorithm. A TPM with SHA-1 and SHA-256 has two banks, and each extend goes to both.",
    spec: `${LIBRARY}, “PCR Operations”`,
  },
  {
    word: "CRB",
    text: "Command Response Buffer: the newer of two register interfaces. A driver puts the whole command into a buffer and sets one bit.",
    spec: `${PLATFORM}, “Command Response Buffer Interface”`,
  },
  {
    word: "digest",
    also: ["digests"],
    text: "What a hash makes of any data: a fingerprint of fixed length. Another file with the same one cannot be found.",
    spec: `${LIBRARY}, “Cryptographic Functions”`,
  },
  {
    word: "dynamic launch",
    also: ["DRTM"],
    text: "A running machine begins anew with code that the processor itself measures, into PCR 17 and above; what ran before need not be trusted.",
    spec: `${LIBRARY}, “Hardware Core Root of Trust Measurement (H-CRTM) Event Sequence”`,
  },
  {
    word: "endorsement key",
    also: ["EK"],
    text: "The key that a TPM is known by. Its maker certifies it, and so says that it lies in a real TPM.",
    spec: `${LIBRARY}, “Credential Protection”; TCG EK Credential Profile`,
  },
  {
    word: "event log",
    text: "The list of what was measured, in order, kept in ordinary memory. Replayed it has to give the values of the PCRs, and is believed only then.",
    spec: `${FIRMWARE}, “Event Logging”`,
  },
  {
    word: "extend",
    also: ["extends", "extended"],
    text: "The only way to change most PCRs: the new value is the hash of the old value and the measurement together. There is no way back.",
    spec: `${LIBRARY}, “PCR Operations”`,
  },
  {
    word: "IMA",
    text: "Integrity Measurement Architecture: the running Linux measures files before it uses them, into PCR 10, and keeps a list of its own.",
    spec: "Linux, security/integrity/ima",
  },
  {
    word: "locality",
    also: ["localities"],
    text: "Who speaks to the TPM, by the page of registers in use: 0 is firmware and operating system, 4 the processor. Some PCRs can be reset from certain localities alone.",
    spec: `${LIBRARY}, “Locality”; ${PLATFORM}, “Locality-Controlled Functions”`,
  },
  {
    word: "lockout",
    text: "After too many wrong passwords a TPM refuses further attempts for a while, also right ones.",
    spec: `${LIBRARY}, “Dictionary Attack Protection”`,
  },
  {
    word: "measured boot",
    text: "Each part of a boot takes a digest of the next one and extends a PCR with it, before it runs it. Nothing is refused, but nothing can be denied later.",
    spec: `${FIRMWARE}, “Integrity Collection and Reporting”`,
  },
  {
    word: "measurement",
    also: ["measurements"],
    text: "A digest of code or data, taken before it is used.",
    spec: `${LIBRARY}, “Roots of Trust”`,
  },
  {
    word: "nonce",
    text: "A number used once. A verifier sends a new one with each question, so that an old answer is known for what it is.",
    spec: `${LIBRARY}, “Attestation”`,
  },
  {
    word: "NV",
    also: ["NV index"],
    text: "The TPM's own memory that lasts: small, with rules for who may read and write each index in it.",
    spec: `${LIBRARY}, “NV Memory”`,
  },
  {
    word: "PCR",
    also: ["PCRs"],
    text: "Platform Configuration Register: it can be extended, not written. After a boot the PCRs say what was started, and in which order.",
    spec: `${LIBRARY}, “PCR Operations”`,
  },
  {
    word: "physical presence",
    text: "Proof that somebody stands before the machine: what the firmware asks about at the next start, e.g. before it clears the TPM.",
    spec: "TCG PC Client Platform Physical Presence Interface",
  },
  {
    word: "policy",
    also: ["policies"],
    text: "A condition for the use of a key or secret, as a digest that the TPM computes anew when it is used: these PCR values, this password, a signature.",
    spec: `${LIBRARY}, “Enhanced Authorization”`,
  },
  {
    word: "quote",
    also: ["quotes"],
    text: "PCR values with a nonce, signed by the TPM.",
    spec: `${LIBRARY}, “Attestation”`,
  },
  {
    word: "seal",
    also: ["sealed", "sealing", "unseal"],
    text: "To put a secret into the TPM's care such that it comes out only while its policy holds, e.g. after the same boot as today's.",
    spec: `${LIBRARY}, “Protected Storage”`,
  },
  {
    word: "Secure Boot",
    text: "UEFI firmware starts only what is signed with a key that its owner has let in. It refuses, where a measured boot takes notes; PCR 7 says how it was set.",
    spec: "UEFI Specification, “Secure Boot and Driver Signing”",
  },
  {
    word: "session",
    also: ["sessions"],
    text: "A conversation with the TPM over several commands: it carries authorizations, a policy, or encryption.",
    spec: `${LIBRARY}, “Authorizations and Acknowledgments”`,
  },
  {
    word: "TIS",
    also: ["FIFO"],
    text: "TPM Interface Specification, today the FIFO interface: the older of two register interfaces. A driver writes a command byte by byte and watches status bits.",
    spec: `${PLATFORM}, “FIFO Interface”`,
  },
  {
    word: "TPM",
    text: "Trusted Platform Module: a small computer beside the processor that notes how a machine was started, and keeps keys and secrets.",
    spec: `${LIBRARY}, “TPM Architecture”`,
  },
];

/** The entry of a word, as texts write it. */
const byWord = new Map(
  GLOSSARY.flatMap((term) => [term.word, ...(term.also ?? [])].map((word) => [word, term])),
);

export const termOf = (word: string): Term | undefined => byWord.get(word) ?? byWord.get(word.toLowerCase());

const escaped = (word: string) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
/** Any of the words; a longer one before one that it begins with. Ordinary words may begin a sentence. */
const ANY = new RegExp(
  `(?<![\\w-])(${Array.from(byWord.keys())
    .sort((a, b) => b.length - a.length)
    .map((word) =>
      /^[a-z]/.test(word) ? `[${word[0]}${word[0]?.toUpperCase()}]${escaped(word.slice(1))}` : escaped(word),
    )
    .join("|")})(?![\\w-])`,
);

/** A text in pieces: as it is, and words of the glossary, each at its first place only. @param seen words that had theirs */
export function glossed(text: string, seen: Set<Term>): (string | { word: string; term: Term })[] {
  const pieces: (string | { word: string; term: Term })[] = [];
  let plain = "";
  for (const [i, part] of text.split(ANY).entries()) {
    const term = i % 2 ? termOf(part) : undefined;
    if (!term || seen.has(term)) {
      plain += part;
      continue;
    }
    seen.add(term);
    pieces.push(plain, { word: part, term });
    plain = "";
  }
  return [...pieces, plain].filter((piece) => piece !== "");
}
