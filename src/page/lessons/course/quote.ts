/** Lesson: quote and remote attestation. The page is the verifier. */

import { equalBytes, toHex } from "../../../protocol/bytes/hex.ts";
import { own } from "../../../protocol/bytes/own.ts";
import { hash } from "../../../protocol/eventlog/hash.ts";
import { type Finding, type Lesson, met, missing, type Notes } from "../lesson.ts";
import { bytesOf, lastDone, type SeenCommand, selectedPcrs } from "../seen.ts";
import { isSignedBy, publicKey, required, signatureOf } from "../signature.ts";
import { pcrValue, type World } from "../world.ts";

const ATTEST = ["parameters", "quoted", "attestationData"];
const NONCE_SIZE = 16;
const STALE = "00112233445566778899aabbccddeeff";
const ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign";

const GONE =
  "If ak.ctx is missing, the machine was started again since: its files are gone. Begin with step 1.";

const quoteLine = (nonce: string) =>
  `tpm2_quote -Q -c ak.ctx -g sha256 -l sha256:0,1,2,3,4,5,6,7,8,9 -q ${nonce}`;
const ownNonce = (name: string) => (notes: Notes) => {
  const nonce = own(notes, name);
  return nonce === undefined ? undefined : quoteLine(nonce);
};

const quoteOf = (world: World) => lastDone(world, "TPM2_Quote");
const nonceOf = (quote: SeenCommand) => bytesOf(quote.answered(...ATTEST, "extraData", "buffer"));

function none(): Finding {
  return missing("No quote has been seen in this step.");
}

async function signed(world: World): Promise<Finding> {
  const quote = quoteOf(world);
  if (!quote) return none();
  const message = quote.answeredBytes(...ATTEST);
  const signature = signatureOf(quote);
  if (!message || !signature) return missing("The quote is signed in a way that this lesson does not know.");
  if (quote.answered(...ATTEST, "magic")?.text !== "TPM_GENERATED_VALUE")
    return missing("What was signed does not say that a TPM made it.");
  return (await isSignedBy(required(world.notes, "key"), signature, message))
    ? met(`ECDSA over ${message.length} bytes, checked with the public key: good.`)
    : missing("The signature is not that key's.");
}

function fresh(world: World, name: string): Finding {
  const quote = quoteOf(world);
  if (!quote) return none();
  const nonce = toHex(nonceOf(quote) ?? new Uint8Array());
  return nonce === required(world.notes, name)
    ? met(`It carries ${nonce}: made after the page had asked.`)
    : missing(`It carries ${nonce || "no nonce"}, not the page's.`);
}

/** Whether the digest that was signed is that of the values which the event log leads to. */
function explained(world: World): { agrees: boolean; text: string } | undefined {
  const quote = quoteOf(world);
  const values = world.log?.banks.find(({ algorithm }) => algorithm === "sha256")?.values;
  if (!quote || !values) return undefined;
  const pcrs = selectedPcrs(quote.answered(...ATTEST, "attested", "pcrSelect"));
  const wanted = hash("sha256", Uint8Array.from(pcrs.flatMap((pcr) => Array.from(values[pcr] ?? []))));
  const got = bytesOf(quote.answered(...ATTEST, "attested", "pcrDigest", "buffer"));
  const agrees = wanted !== undefined && got !== undefined && equalBytes(wanted, got);
  return {
    agrees,
    text: `PCRs ${pcrs[0]} to ${pcrs.at(-1)}, ${toHex(got ?? new Uint8Array()).slice(0, 16)}…`,
  };
}

export const QUOTE: Lesson = {
  id: "quote",
  title: "Quote: prove it from afar",
  about: "The page asks, the machine answers with a signed quote, and the page checks every part of it.",
  minutes: 6,
  stage: "guest",
  begin: (random) => ({ nonce: random(NONCE_SIZE), second: random(NONCE_SIZE) }),
  steps: [
    {
      id: "key",
      title: "A key that only tells the truth",
      text: [
        "A quote is what a machine proves its state with to somebody far away (remote attestation): the PCRs' values, signed by the TPM. The key for it is restricted: it signs what the TPM itself says, nothing else. (In real life a certificate ties it to the chip; here the page sees it being made.)",
      ],
      offers: [
        {
          kind: "type",
          line: `tpm2_createprimary -Q -C e -g sha256 -G ecc256:ecdsa-sha256:null -a "${ATTRIBUTES}" -c ak.ctx`,
        },
      ],
      goals: [
        {
          text: "a restricted signing key was made",
          check(world) {
            const made = lastDone(world, "TPM2_CreatePrimary");
            if (!made) return missing("No TPM2_CreatePrimary has been seen.");
            const area = ["parameters", "outPublic", "publicArea"];
            const bits = made.answered(...area, "objectAttributes")?.text.split(", ") ?? [];
            const key = publicKey(made);
            if (!key || !bits.includes("restricted") || !bits.includes("sign"))
              return missing("The key that was made is no restricted signing key.");
            return met(`The page has noted its public part, ${key.slice(2, 18)}…`, { key });
          },
        },
      ],
    },
    {
      id: "quote",
      title: "Ask, and check the answer",
      text: [
        "The page asks, with a random number that goes into the quote: the nonce, at the end of the line. Let the TPM quote PCRs 0 to 9. The page takes the answer from the TPM's response and checks three things.",
      ],
      offers: [{ kind: "type", line: ownNonce("nonce") }],
      hint: GONE,
      goals: [
        { text: "the signature is the key's", check: signed },
        { text: "the nonce is the page's", check: (world) => fresh(world, "nonce") },
        {
          text: "the event log explains the PCRs",
          check(world) {
            const found = explained(world);
            if (!found) return none();
            return found.agrees
              ? met(`${found.text} is just what the log leads to.`)
              : missing(
                  "The log leads to other values. Was something extended since the boot? A reset helps.",
                );
          },
        },
      ],
    },
    {
      id: "stale",
      title: "An old answer",
      text: [
        "A liar could keep a quote from better days. Make one with another nonce, as an old one would have: properly signed, and yet turned down.",
      ],
      offers: [{ kind: "type", line: quoteLine(STALE) }],
      hint: GONE,
      goals: [
        { text: "it is signed by the right key", check: signed },
        {
          text: "the page turns it down",
          check(world) {
            const quote = quoteOf(world);
            if (!quote) return none();
            return fresh(world, "nonce").met
              ? missing("This one has the page's nonce.")
              : met("Its nonce is not the page's: who knows when it was made.");
          },
        },
      ],
    },
    {
      id: "astray",
      title: "A machine gone astray",
      text: [
        "Something runs that the log does not tell of: extend PCR 8 with anything, and quote again with a new nonce of the page. The log alone would still look good.",
      ],
      offers: [
        {
          kind: "type",
          line: `tpm2_pcrextend 8:sha256=${"42".repeat(32)}`,
          note: "something the log does not tell of",
        },
        { kind: "type", line: ownNonce("second") },
      ],
      hint: GONE,
      goals: [
        { text: "the signature is the key's", check: signed },
        { text: "the nonce is the page's second", check: (world) => fresh(world, "second") },
        {
          text: "the page finds the log wanting",
          check(world) {
            const found = explained(world);
            if (!found) return none();
            if (found.agrees) return missing("The log explains this quote. Extend first, then quote.");
            const real = toHex(pcrValue(world, "sha256", 8) ?? new Uint8Array()).slice(0, 16);
            return met(
              `${found.text} is not what the log leads to: something is not in it. PCR 8 is now ${real}…`,
            );
          },
        },
      ],
    },
  ],
};
