#!/bin/bash
# A walk through tpm2-tools: every tool that talks to a TPM, with the objects that it needs. Runs in a directory of
# its own; TPM2TOOLS_TCTI names the TPM. A command that must fail is written `fails command`. Stops at the first surprise.
set -eE
trap 'echo "scenario.sh line $LINENO: $BASH_COMMAND" >&2' ERR
exec >/dev/null

fails() { if "$@" 2>&-; then echo "did not fail: $*" >&2; return 1; fi; flush; }
# The TPM has room for three objects and no resource manager: forget those that a tool leaves behind.
flush() { command tpm2_flushcontext -t; }
for path in /usr/bin/tpm2_*; do
  tool=${path##*/}
  case $tool in tpm2_startup | tpm2_shutdown | tpm2_flushcontext) continue ;; esac
  eval "$tool() { command $tool \"\$@\" && flush; }"
done
session() { tpm2_startauthsession -S session.ctx "$@"; }
unsession() { tpm2_flushcontext session.ctx; }
echo "hello, tpm" >data.txt
openssl genrsa -out private.pem 2048 2>&-
openssl rsa -in private.pem -pubout -out public.pem 2>&-
openssl ecparam -name prime256v1 -genkey -noout -out private.ecc.pem

# Start, self-test, capabilities, clock, random numbers
tpm2_startup -c
tpm2_selftest
tpm2_selftest --fulltest
tpm2_incrementalselftest rsa ecc sha256
tpm2_gettestresult
for cap in algorithms commands pcrs properties-fixed properties-variable ecc-curves handles-transient \
  handles-persistent handles-permanent handles-pcr handles-nv-index handles-loaded-session \
  handles-saved-session; do
  tpm2_getcap $cap >cap.$cap
done
tpm2_readclock >clock.yaml
tpm2_setclock 20000000
tpm2_clockrateadjust s
tpm2_getrandom --hex 16
tpm2_stirrandom data.txt
for parms in rsa2048:aes128cfb ecc256 aes128cfb hmac ecc384:ecdsa-sha384; do tpm2_testparms $parms; done
fails tpm2_testparms rsa1024:aes192cbc
tpm2_geteccparameters ecc256 -o curve.bin

# PCRs
tpm2_pcrread >pcrs.yaml
tpm2_pcrextend "8:sha1=$(printf '%040d' 1),sha256=$(printf '%064d' 2)"
tpm2_pcrevent 9 data.txt
tpm2_pcrreset 16 23
fails tpm2_pcrreset 0
tpm2_pcrallocate sha1:all+sha256:all+sha384:all+sha512:all

# Keys of all kinds, plain and from outside
tpm2_createprimary -C o -g sha256 -G ecc -c primary.ctx
tpm2_createprimary -C e -G rsa -c primary-e.ctx --outside-info=data.txt -l sha256:0,1,2
tpm2_create -C primary.ctx -G rsa2048 -u rsa.pub -r rsa.priv -c rsa.ctx -p keypass
tpm2_create -C primary.ctx -G ecc -u ecc.pub -r ecc.priv --creation-data ecc.creation -d ecc.digest -t ecc.ticket
tpm2_load -C primary.ctx -u ecc.pub -r ecc.priv -c ecc.ctx -n ecc.name
tpm2_readpublic -c ecc.ctx -o ecc.read.pub >ecc.public.yaml
tpm2_create -C primary.ctx -G aes128cfb -u aes.pub -r aes.priv -c aes.ctx
tpm2_create -C primary.ctx -G hmac -u hmac.pub -r hmac.priv -c hmac.ctx
tpm2_loadexternal -C n -G rsa -u public.pem -c external.ctx
tpm2_loadexternal -G ecc -r private.ecc.pem -c external-ecc.ctx
openssl rand 16 >sym.key
tpm2_import -C primary.ctx -G aes -i sym.key -u imported.pub -r imported.priv
tpm2_import -C primary.ctx -G rsa -i private.pem -u imported-rsa.pub -r imported-rsa.priv
tpm2_load -C primary.ctx -u imported-rsa.pub -r imported-rsa.priv -c imported-rsa.ctx
tpm2_evictcontrol -C o -c ecc.ctx 0x81000005
tpm2_getcap handles-persistent
tpm2_readpublic -c 0x81000005 >persistent.yaml
tpm2_evictcontrol -C o -c 0x81000005
tpm2_changeauth -c rsa.ctx -p keypass -C primary.ctx -r rsa.new.priv newpass

# Hashing, signing, encryption, key agreement
tpm2_hash -C e -g sha256 -o hash.bin -t hash.ticket data.txt
head -c 3000 /dev/urandom >big.bin
tpm2_hash -C o -g sha1 -o hash.big big.bin
tpm2_hmac -c hmac.ctx data.txt -o hmac.bin
tpm2_hmac -c hmac.ctx big.bin -o hmac.big
tpm2_sign -c ecc.ctx -g sha256 -o ecc.sig data.txt
tpm2_verifysignature -c ecc.ctx -g sha256 -m data.txt -s ecc.sig
tpm2_sign -c rsa.ctx -p keypass -g sha256 -s rsapss -o rsa.sig data.txt
tpm2_verifysignature -c rsa.ctx -g sha256 -m data.txt -s rsa.sig
tpm2_rsaencrypt -c rsa.ctx -o rsa.enc data.txt
tpm2_rsadecrypt -c rsa.ctx -p keypass -o rsa.dec rsa.enc
cmp rsa.dec data.txt
tpm2_rsaencrypt -c rsa.ctx -s oaep -l label -o rsa.enc data.txt
tpm2_rsadecrypt -c rsa.ctx -p keypass -s oaep -l label -o rsa.dec rsa.enc
fails tpm2_rsadecrypt -c rsa.ctx -p wrong -o rsa.dec rsa.enc
tpm2_encryptdecrypt -c aes.ctx -o aes.enc data.txt
tpm2_encryptdecrypt -d -c aes.ctx -o aes.dec aes.enc
tpm2_create -C primary.ctx -G ecc256:ecdh -u ecdh.pub -r ecdh.priv -c ecdh.ctx
tpm2_ecdhkeygen -u ecdh.point -o ecdh.z -c ecdh.ctx
tpm2_ecdhzgen -u ecdh.point -o ecdh.z2 -c ecdh.ctx
tpm2_ecephemeral -u ecc.q -t ecc.ctr ecc256
tpm2_zgen2phase -c ecdh.ctx --static-public ecdh.point --ephemeral-public ecc.q -t 0 --output-Z1 z1 --output-Z2 z2
tpm2_create -C primary.ctx -G ecc256:ecdaa -u ecdaa.pub -r ecdaa.priv -c ecdaa.ctx
tpm2_commit -c ecdaa.ctx -t count.er --eccpoint-K K.bin --eccpoint-L L.bin -u E.bin

# Attestation
tpm2_flushcontext -l
tpm2_createek -c ek.ctx -G ecc -u ek.pub
tpm2_createak -C ek.ctx -c ak.ctx -G ecc -g sha256 -s ecdsa -u ak.pub -r ak.priv -n ak.name
tpm2_quote -c ak.ctx -l sha1:0,1,2+sha256:7,8,9 -q abcdef -m quote.msg -s quote.sig -o quote.pcrs
tpm2_certify -C ak.ctx -c ecc.ctx -g sha256 -o certify.attest -s certify.sig
tpm2_certifycreation -C ak.ctx -c ecc.ctx -d ecc.digest -t ecc.ticket -g sha256 -o creation.sig --attestation creation.attest
tpm2_gettime -c ak.ctx -q abcd --attestation time.attest -o time.sig
tpm2_nvdefine -C o -s 16 -a "ownerread|ownerwrite|authread|authwrite" 0x01500020
tpm2_nvwrite -C o -i data.txt 0x01500020
tpm2_nvcertify -C ak.ctx -g sha256 -o nv.sig --attestation nv.attest --size 8 -c o 0x01500020
tpm2_createprimary -C e -c primary-sign.ctx
tpm2_create -C primary-sign.ctx -c sign.ctx -u sign.pub -r sign.priv
session --audit-session
tpm2_getrandom 8 -S session.ctx
tpm2_getsessionauditdigest -c sign.ctx -m audit.data -s audit.sig -S session.ctx
unsession
tpm2_setcommandauditstatus TPM2_CC_GetRandom
tpm2_getrandom 4
tpm2_getcommandauditdigest -c sign.ctx -m audit.data -s audit.sig
tpm2_getcap properties-variable
tpm2_setcommandauditstatus TPM2_CC_GetRandom -c
openssl rand -out credential.txt 16
tpm2_makecredential -T none -u ek.pub -s credential.txt -n $(xxd -p -c 100 ak.name) -o cred.none
tpm2_makecredential -e ek.pub -s credential.txt -n $(xxd -p -c 100 ak.name) -o cred.blob
session --policy-session
tpm2_policysecret -S session.ctx -c e
tpm2_activatecredential -c ak.ctx -C ek.ctx -i cred.blob -o cred.out -P "session:session.ctx"
cmp cred.out credential.txt
unsession

# NV
tpm2_nvdefine -C o -s 32 -a "ownerread|ownerwrite|authread|authwrite|write_stclear|read_stclear" -p indexpass 0x01500001
tpm2_nvwrite -C 0x01500001 -P indexpass -i data.txt 0x01500001
tpm2_nvread -C 0x01500001 -P indexpass -s 10 0x01500001
tpm2_nvreadpublic 0x01500001 >nvpublic.yaml
fails tpm2_nvread -C 0x01500001 -P wrong 0x01500001
tpm2_nvreadlock -C o 0x01500001
fails tpm2_nvread -C o 0x01500001
tpm2_nvwritelock -C o 0x01500001
fails tpm2_nvwrite -C o -i data.txt 0x01500001
tpm2_nvdefine -C o -s 8 -a "ownerread|ownerwrite|nt=counter" 0x01500002
tpm2_nvincrement -C o 0x01500002
tpm2_nvread -C o 0x01500002
tpm2_nvdefine -C o -a "ownerread|ownerwrite|nt=bits" 0x01500003
tpm2_nvsetbits -C o -i 0x0123 0x01500003
tpm2_nvdefine -C o -a "ownerread|ownerwrite|nt=extend" 0x01500004
tpm2_nvextend -C o -i data.txt 0x01500004
tpm2_nvdefine -C o -s 4 -a "ownerread|ownerwrite|globallock" 0x01500005
tpm2_nvwritelock -C o --global
tpm2_getcap handles-nv-index
for index in 1 2 3 4 5; do tpm2_nvundefine -C o 0x0150000$index; done
session
tpm2_policyauthvalue -S session.ctx
tpm2_policycommandcode -S session.ctx -L undefine.policy TPM2_CC_NV_UndefineSpaceSpecial
unsession
tpm2_nvdefine -C p -s 32 -a "ppread|ppwrite|authread|authwrite|platformcreate|policydelete|write_stclear" \
  -L undefine.policy 0x01500006
session --policy-session
tpm2_policyauthvalue -S session.ctx
tpm2_policycommandcode -S session.ctx TPM2_CC_NV_UndefineSpaceSpecial
tpm2_nvundefine -S session.ctx 0x01500006

# Sealing and policies
session --policy-session
tpm2_policypcr -S session.ctx -l sha256:0,1,2,3 -L pcr.policy
unsession
tpm2_create -C primary.ctx -i data.txt -L pcr.policy -u seal.pub -r seal.priv -c seal.ctx
session --policy-session
tpm2_policypcr -S session.ctx -l sha256:0,1,2,3
tpm2_unseal -c seal.ctx -p session:session.ctx -o unsealed
cmp unsealed data.txt
unsession
session --policy-session
tpm2_policypcr -S session.ctx -l sha256:0,1,2,3
tpm2_pcrextend "0:sha256=$(printf '%064d' 3)"
fails tpm2_unseal -c seal.ctx -p session:session.ctx
unsession
session
tpm2_policypassword -S session.ctx -L password.policy
tpm2_policyrestart -S session.ctx
tpm2_policylocality -S session.ctx three
tpm2_policyrestart -S session.ctx
tpm2_policycountertimer -S session.ctx --ult clock=10000000000000
tpm2_policyrestart -S session.ctx
tpm2_policynvwritten -S session.ctx s
tpm2_policyrestart -S session.ctx
tpm2_getrandom 8 --cphash cp.hash
tpm2_policycphash -S session.ctx --cphash=cp.hash
tpm2_policyrestart -S session.ctx
tpm2_policynamehash -S session.ctx -n hash.bin
tpm2_policyrestart -S session.ctx
tpm2_policytemplate -S session.ctx --template-hash hash.bin
tpm2_policyrestart -S session.ctx
tpm2_policyduplicationselect -S session.ctx -n ecc.name -N ak.name
tpm2_policyrestart -S session.ctx
tpm2_policyor -S session.ctx -l sha256:password.policy,pcr.policy -L or.policy
tpm2_policyrestart -S session.ctx
tpm2_policynv -S session.ctx -C o -i- 0x01500020 eq <data.txt || true
tpm2_getpolicydigest -S session.ctx -o digest.policy
unsession
tpm2_nvdefine -C o -s 34 -a "authread|authwrite" -p nvpass 0x01500007
(printf '\0\x0b'; cat password.policy) | tpm2_nvwrite -C 0x01500007 -P nvpass -i- 0x01500007
session
tpm2_policyauthorizenv -S session.ctx -C 0x01500007 -P nvpass -L authorizenv.policy 0x01500007
unsession
tpm2_loadexternal -C o -G rsa -u public.pem -c signer.ctx -n signer.name
session --policy-session
tpm2_policysigned -S session.ctx -g sha256 -x -t -500 -c signer.ctx --raw-data to-sign
openssl dgst -sha256 -sign private.pem -out signature.dat to-sign
tpm2_policysigned -S session.ctx -g sha256 -s signature.dat -f rsassa -c signer.ctx -x -t -500 \
  --ticket tic.ket --timeout time.out
unsession
session --policy-session
tpm2_policyticket -S session.ctx -n signer.name --ticket tic.ket --timeout time.out
unsession
tpm2_loadexternal -C o -G rsa -u public.pem -c signer.ctx -n signer.name
openssl dgst -sha256 -sign private.pem -out approved.sig password.policy
tpm2_verifysignature -c signer.ctx -g sha256 -m password.policy -s approved.sig -f rsassa -t verified.ticket
session --policy-session
tpm2_policypassword -S session.ctx
tpm2_policyauthorize -S session.ctx -i password.policy -n signer.name -t verified.ticket -L authorize.policy
unsession

# Duplication to a new parent and back in
session
tpm2_policycommandcode -S session.ctx -L dup.policy TPM2_CC_Duplicate
unsession
tpm2_create -C primary.ctx -G rsa -u dup.pub -r dup.priv -c dup.ctx -L dup.policy -a "sensitivedataorigin|userwithauth|decrypt|sign"
tpm2_createprimary -C o -G rsa -c newparent.ctx
session --policy-session
tpm2_policycommandcode -S session.ctx TPM2_CC_Duplicate
tpm2_duplicate -C newparent.ctx -c dup.ctx -G null -p session:session.ctx -r dup.out -s dup.seed
unsession
tpm2_import -C newparent.ctx -u dup.pub -i dup.out -r dup.imported -s dup.seed

# Sessions that encrypt parameters
session --hmac-session -c primary-e.ctx
tpm2_sessionconfig session.ctx --enable-decrypt --enable-encrypt
tpm2_getrandom 8 -S session.ctx
tpm2_create -C primary.ctx -P session:session.ctx -G ecc -u enc.pub -r enc.priv -p secret

# Hierarchies, lockout, clear
tpm2_changeauth -c o ownerpass
tpm2_changeauth -c o -p ownerpass
tpm2_setprimarypolicy -C o -L pcr.policy -g sha256
tpm2_dictionarylockout -s -n 5 -t 600 -l 100
tpm2_dictionarylockout -c
tpm2_hierarchycontrol -C p shEnable clear
fails tpm2_createprimary -C o -c none.ctx
tpm2_hierarchycontrol -C p shEnable set
tpm2_clearcontrol -C p s
fails tpm2_clear -c l
tpm2_clearcontrol -C p c
tpm2_clear -c p
tpm2_changeeps
tpm2_changepps
tpm2_shutdown -c
