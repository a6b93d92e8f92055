#!/bin/bash
# For tpm2-tools' "cmd" TCTI: carries commands to port $1 as they are. The "swtpm" TCTI sets locality 0 before each.
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
cat <&3 &
cat >&3
kill $!
