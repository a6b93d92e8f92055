#!/bin/busybox sh
# The machine's root is the host's tree, to be read only; what is written goes to a folder in memory.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for module in $($b cat /modules/order); do
  $b insmod "/modules/$module.ko" || echo "$module is not loaded"
done
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,ro,cache=loose host /host || echo "no root"
$b mount --move /proc /host/proc
$b mount --move /sys /host/sys
$b mount --move /dev /host/dev
$b mount -t tmpfs run /host/run
$b mkdir -p /host/run/tmp
$b cp /work.sh /host/run/work.sh
$b ifconfig lo 127.0.0.1 up
$b ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
exec $b chroot /host /bin/sh /run/work.sh
