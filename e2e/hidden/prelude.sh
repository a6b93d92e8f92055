# Read before each step: every tool forgets the objects that it leaves in the TPM, which has room for three.
for path in /usr/bin/tpm2_*; do
  tool=${path##*/}
  case $tool in tpm2_startup | tpm2_shutdown | tpm2_flushcontext) continue ;; esac
  eval "$tool() { command $tool \"\$@\"; local code=\$?; command tpm2_flushcontext -t; return \$code; }"
done
unset path tool

# exchange PORT HEX COUNT: sends bytes as they are, and prints the first COUNT bytes of the answer.
exchange() {
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  xxd -r -p <<<"$2" >&3
  head -c "$3" <&3 | xxd -p -c 4096
  exec 3>&-
}
# send HEX COUNT: the same on the data channel.
send() { exchange "$DATA_PORT" "$@"; }
# CMD_INIT, for a TPM that takes longer over it than swtpm_ioctl waits.
power_on() { [ "$(exchange "$CONTROL_PORT" 0000000200000000 4)" = 00000000 ]; }
# Forgets all objects in the TPM but the first.
flush_others() {
  for handle in $(command tpm2_getcap handles-transient | sed 's/^- //'); do
    [ "$((handle))" = "$((0x80000000))" ] || command tpm2_flushcontext "$handle"
  done
}
