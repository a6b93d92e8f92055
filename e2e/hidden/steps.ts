/**
 * What is done with both TPMs, step by step: shell commands, in groups that build on one another. `DATA_PORT`
 * and `CONTROL_PORT` say where the TPM is; all files of a group are in one directory. A step that has to fail says so.
 */

export interface Step {
  /** For bash. */
  run: string;
  /** The command is refused, by both TPMs alike. */
  refused?: true;
  /** Files that the step writes and whose contents do not depend on chance: compared byte by byte. */
  same?: string[];
}

export interface Group {
  name: string;
  steps: (string | Step)[];
}

const refused = (run: string): Step => ({ run, refused: true });
export const same = (run: string, ...files: string[]): Step => ({ run, same: files });

const locality = (n: number) => `swtpm_ioctl --tcp 127.0.0.1:$CONTROL_PORT -l ${n}`;
const digest = (n: number) => String(n).padStart(64, "0");

const CAPABILITIES = [
  ...["algorithms", "commands", "pcrs", "properties-fixed", "properties-variable", "ecc-curves"],
  ...["handles-transient", "handles-persistent", "handles-permanent", "handles-pcr", "handles-nv-index"],
  ...["handles-loaded-session", "handles-saved-session"],
];

/** Commands as they are, so that they run at the locality that was set. */
const raw = (run: string) => `TPM2TOOLS_TCTI="cmd:bash $RELAY $DATA_PORT" ${run}`;

/** PCRs that behave differently by locality: debug, dynamic root of trust, and the ones after it. */
const LOCALITY_PCRS = [0, 16, 17, 20, 22, 23];

export const GROUPS: Group[] = [
  {
    name: "startup and self-test",
    steps: [
      refused("tpm2_getrandom --hex 8"),
      "tpm2_startup -c",
      "tpm2_selftest --fulltest",
      "tpm2_gettestresult",
      "tpm2_getrandom --hex 32 | wc -c",
      "tpm2_readclock",
    ],
  },
  { name: "capabilities", steps: CAPABILITIES.map((name) => `tpm2_getcap ${name}`) },
  {
    name: "PCRs at each locality",
    steps: [
      "tpm2_pcrread",
      ...[0, 1, 2, 3, 4].flatMap((n) => [
        locality(n),
        ...LOCALITY_PCRS.flatMap((pcr): Step[] => {
          const may = (allowed: boolean, run: string): Step => (allowed ? { run } : refused(run));
          return [
            may(mayExtend(pcr, n), raw(`tpm2_pcrextend ${pcr}:sha256=${digest(10 * pcr + n)}`)),
            may(mayReset(pcr, n), raw(`tpm2_pcrreset ${pcr}`)),
          ];
        }),
        "tpm2_pcrread",
      ]),
      refused(locality(5)),
      locality(0),
      "echo measured >data; tpm2_pcrevent 9 data",
      "tpm2_pcrread",
    ],
  },
  {
    name: "keys, signatures, files",
    steps: [
      "echo 'hello, tpm' >data",
      "tpm2_createprimary -C o -G ecc -c primary.ctx",
      "tpm2_create -C primary.ctx -G ecc -u ecc.pub -r ecc.priv",
      "tpm2_load -C primary.ctx -u ecc.pub -r ecc.priv -c ecc.ctx -n ecc.name",
      "tpm2_readpublic -c ecc.ctx -f pem -o ecc.pem",
      "tpm2_sign -c ecc.ctx -g sha256 -f plain -o ecc.sig data",
      "openssl dgst -sha256 -verify ecc.pem -signature ecc.sig data",
      "tpm2_verifysignature -c ecc.ctx -g sha256 -f ecdsa -m data -s ecc.sig",
      refused("echo other >other; tpm2_verifysignature -c ecc.ctx -g sha256 -f ecdsa -m other -s ecc.sig"),
      "tpm2_create -C primary.ctx -G rsa2048 -p keypass -u rsa.pub -r rsa.priv",
      "tpm2_load -C primary.ctx -u rsa.pub -r rsa.priv -c rsa.ctx",
      "tpm2_readpublic -c rsa.ctx -f pem -o rsa.pem",
      "tpm2_sign -c rsa.ctx -p keypass -g sha256 -s rsassa -f plain -o rsa.sig data",
      "openssl dgst -sha256 -verify rsa.pem -signature rsa.sig data",
      refused("tpm2_sign -c rsa.ctx -p wrong -g sha256 -o none.sig data"),
      "tpm2_rsaencrypt -c rsa.ctx -o rsa.enc data",
      same("tpm2_rsadecrypt -c rsa.ctx -p keypass -o rsa.dec rsa.enc", "rsa.dec"),
      "tpm2_create -C primary.ctx -G aes128cfb -u aes.pub -r aes.priv -c aes.ctx",
      "tpm2_encryptdecrypt -c aes.ctx -o aes.enc data",
      same("tpm2_encryptdecrypt -d -c aes.ctx -o aes.dec aes.enc", "aes.dec"),
      same("tpm2_hash -C o -g sha256 -o hash -t ticket data", "hash"),
      "head -c 3000 /dev/zero >big",
      same("tpm2_hash -C o -g sha384 -o hash.big big", "hash.big"),
    ],
  },
  {
    name: "sealed data under a PCR policy",
    steps: [
      "echo secret >data",
      "tpm2_createprimary -C o -G ecc -c primary.ctx",
      "tpm2_startauthsession -S session.ctx",
      same("tpm2_policypcr -S session.ctx -l sha256:1,2,3 -L pcr.policy", "pcr.policy"),
      "tpm2_flushcontext session.ctx",
      "tpm2_create -C primary.ctx -i data -L pcr.policy -u seal.pub -r seal.priv -c seal.ctx",
      same("tpm2_unseal -c seal.ctx -p pcr:sha256:1,2,3 -o unsealed", "unsealed"),
      `tpm2_pcrextend 3:sha256=${digest(3)}`,
      refused("tpm2_unseal -c seal.ctx -p pcr:sha256:1,2,3"),
    ],
  },
  {
    name: "NV",
    steps: [
      "printf '0123456789abcdef' >data",
      "tpm2_nvdefine -C o -s 16 -a 'ownerread|ownerwrite|authread|authwrite' -p indexpass 0x01500001",
      "tpm2_nvwrite -C 0x01500001 -P indexpass -i data 0x01500001",
      same("tpm2_nvread -C o -o read 0x01500001", "read"),
      refused("tpm2_nvread -C 0x01500001 -P wrong 0x01500001"),
      refused("tpm2_nvdefine -C o -s 16 0x01500001"),
      "tpm2_nvreadpublic 0x01500001",
      "tpm2_nvdefine -C o -s 8 -a 'ownerread|ownerwrite|nt=counter' 0x01500002",
      refused("tpm2_nvread -C o 0x01500002"),
      "tpm2_nvincrement -C o 0x01500002",
      same("tpm2_nvread -C o 0x01500002 -o count.1", "count.1"),
      "tpm2_nvincrement -C o 0x01500002",
      same("tpm2_nvread -C o 0x01500002 -o count.2", "count.2"),
      "tpm2_nvdefine -C o -a 'ownerread|ownerwrite|nt=bits' 0x01500003",
      "tpm2_nvsetbits -C o -i 0x0123 0x01500003",
      same("tpm2_nvread -C o 0x01500003 -o bits", "bits"),
      "tpm2_nvdefine -C o -a 'ownerread|ownerwrite|nt=extend' 0x01500004",
      "tpm2_nvextend -C o -i data 0x01500004",
      same("tpm2_nvread -C o 0x01500004 -o extended", "extended"),
      "tpm2_getcap handles-nv-index",
      "tpm2_nvundefine -C o 0x01500001",
      refused("tpm2_nvread -C o 0x01500001"),
      // Where a page of the machine's port ends.
      "head -c 2048 /dev/zero >large; tpm2_nvdefine -C o -s 2048 -a 'ownerread|ownerwrite' 0x01500005",
      "tpm2_nvwrite -C o -i large 0x01500005",
      same("tpm2_nvread -C o -o large.read 0x01500005", "large.read"),
    ],
  },
  {
    name: "quotes",
    steps: [
      "tpm2_createek -c ek.ctx -G ecc -u ek.pub",
      "tpm2_createak -C ek.ctx -c ak.ctx -G ecc -g sha256 -s ecdsa -u ak.pem -f pem -n ak.name",
      "tpm2_quote -c ak.ctx -l sha256:0,1,2,3,9 -q abcdef -m quote.msg -s quote.sig -o quote.pcrs -g sha256",
      "tpm2_checkquote -u ak.pem -m quote.msg -s quote.sig -f quote.pcrs -g sha256 -q abcdef",
      refused("tpm2_checkquote -u ak.pem -m quote.msg -s quote.sig -f quote.pcrs -g sha256 -q 012345"),
      "tpm2_certify -C ak.ctx -c ak.ctx -g sha256 -o attest -s certify.sig",
      "tpm2_gettime -c ak.ctx -q abcd --attestation time.attest -o time.sig",
    ],
  },
  {
    name: "import of keys from outside",
    steps: [
      "openssl ecparam -name prime256v1 -genkey -noout -out private.pem 2>&-",
      "openssl genrsa -out private.rsa.pem 2048 2>&-; openssl rsa -in private.rsa.pem -pubout -out public.rsa.pem 2>&-",
      "echo message >data; openssl dgst -sha256 -sign private.rsa.pem -out outside.sig data",
      "tpm2_createprimary -C o -G ecc -c primary.ctx",
      "tpm2_import -C primary.ctx -G ecc -i private.pem -u imported.pub -r imported.priv",
      "tpm2_load -C primary.ctx -u imported.pub -r imported.priv -c imported.ctx",
      "tpm2_sign -c imported.ctx -g sha256 -f plain -o imported.sig data",
      "openssl ec -in private.pem -pubout -out public.pem 2>&-; openssl dgst -sha256 -verify public.pem -signature imported.sig data",
      "tpm2_loadexternal -C n -G rsa -u public.rsa.pem -c external.ctx",
      "tpm2_verifysignature -c external.ctx -g sha256 -f rsassa -m data -s outside.sig",
      "printf '0123456789abcdef' >sym.key; tpm2_import -C primary.ctx -G aes -i sym.key -u sym.pub -r sym.priv",
    ],
  },
  {
    name: "credentials",
    steps: [
      "printf 'credential value' >credential",
      "tpm2_createek -c ek.ctx -G rsa -u ek.pub",
      "tpm2_createak -C ek.ctx -c ak.ctx -G ecc -g sha256 -s ecdsa -u ak.pub -n ak.name",
      "tpm2_makecredential -e ek.pub -s credential -n $(xxd -p -c 100 ak.name) -o blob",
      "tpm2_startauthsession --policy-session -S session.ctx",
      "tpm2_policysecret -S session.ctx -c e",
      same("tpm2_activatecredential -c ak.ctx -C ek.ctx -i blob -o out -P session:session.ctx", "out"),
      "tpm2_flushcontext session.ctx",
      // A credential for another key's name.
      "tpm2_makecredential -e ek.pub -s credential -n 000b$(printf '%064d' 7) -o blob.other",
      "tpm2_startauthsession --policy-session -S session.ctx",
      "tpm2_policysecret -S session.ctx -c e",
      refused("tpm2_activatecredential -c ak.ctx -C ek.ctx -i blob.other -o none -P session:session.ctx"),
      "tpm2_flushcontext session.ctx",
    ],
  },
  {
    name: "persistent keys",
    steps: [
      "tpm2_createprimary -C o -G ecc -c primary.ctx",
      "tpm2_evictcontrol -C o -c primary.ctx 0x81000001",
      "tpm2_getcap handles-persistent",
      "tpm2_readpublic -c 0x81000001",
      refused("tpm2_evictcontrol -C o -c primary.ctx 0x81000001"),
      "tpm2_evictcontrol -C o -c 0x81000001",
      refused("tpm2_readpublic -c 0x81000001"),
      "tpm2_getcap handles-persistent",
    ],
  },
  {
    name: "dictionary lockout",
    steps: [
      "tpm2_dictionarylockout -s -n 3 -t 1000 -l 1000",
      "tpm2_createprimary -C o -G ecc -c primary.ctx",
      "echo data >data; tpm2_create -C primary.ctx -i data -p right -u seal.pub -r seal.priv -c seal.ctx",
      ...[1, 2, 3].map(() => refused("tpm2_unseal -c seal.ctx -p wrong")),
      // Locked out: the right password does not help either.
      refused("tpm2_unseal -c seal.ctx -p right"),
      "tpm2_getcap properties-variable",
      "tpm2_dictionarylockout -c",
      "tpm2_unseal -c seal.ctx -p right",
    ],
  },
  {
    name: "clear",
    steps: [
      "tpm2_changeauth -c o ownerpass",
      refused("tpm2_nvdefine -C o -s 8 0x01500008"),
      "tpm2_nvdefine -C o -P ownerpass -s 8 0x01500008",
      "tpm2_clearcontrol -C p s",
      refused("tpm2_clear -c l"),
      "tpm2_clearcontrol -C p c",
      "tpm2_clear -c p",
      "tpm2_getcap handles-nv-index",
      "tpm2_nvdefine -C o -s 8 0x01500008",
      "tpm2_shutdown -c",
    ],
  },
];

/** PC Client Platform TPM Profile 1.05, table of PCR attributes: PCR 17 to 22 belong to the dynamic launch. */
function mayExtend(pcr: number, locality: number): boolean {
  if (pcr === 17) return locality >= 2;
  if (pcr === 20) return [1, 2, 3].includes(locality);
  if (pcr === 22) return locality === 2;
  return true;
}

/** Of locality 4, which is the processor's, libtpms takes no reset by command. */
function mayReset(pcr: number, locality: number): boolean {
  if (locality === 4) return false;
  if (pcr === 16 || pcr === 23) return true;
  return (pcr === 20 || pcr === 22) && locality === 2;
}
