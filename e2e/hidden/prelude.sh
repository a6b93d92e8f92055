# Read before each step: every tool forgets the objects that it leaves in the TPM, which has room for three.
for path in /usr/bin/tpm2_*; do
  tool=${path##*/}
  case $tool in tpm2_startup | tpm2_shutdown | tpm2_flushcontext) continue ;; esac
  eval "$tool() { command $tool \"\$@\"; local code=\$?; command tpm2_flushcontext -t; return \$code; }"
done
unset path tool

# send HEX COUNT: sends bytes to the TPM as they are, and prints the first COUNT bytes of what it answers.
send() {
  exec 3<>"/dev/tcp/127.0.0.1/$DATA_PORT"
  xxd -r -p <<<"$1" >&3
  head -c "$2" <&3 | xxd -p -c 4096
  exec 3>&-
}
