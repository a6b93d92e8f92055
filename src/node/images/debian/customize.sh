#!/bin/sh
# Makes a system on a disk of what mmdebstrap has unpacked at $1: who it is, how one logs in, what it boots. Nothing here
# is for this project's machine: the kernel gets the options that Debian's installer gives it.
set -e
root=$1
root_uuid=$2

echo debian >"$root/etc/hostname"
printf '127.0.0.1 localhost debian\n' >"$root/etc/hosts"
echo "UUID=$root_uuid / ext4 errors=remount-ro 0 1" >"$root/etc/fstab"

# Root logs in without a password, at the screen and at the serial port.
chroot "$root" passwd -d root
chroot "$root" systemctl enable serial-getty@ttyS0.service
# The daemon of TPM 1.2's tools, which fails where there is none: it is started by whoever has one.
chroot "$root" systemctl disable trousers.service
# They ask the network, which the machine need not have.
chroot "$root" systemctl disable systemd-timesyncd.service 2>/dev/null || true
rm -f "$root/etc/resolv.conf"
: >"$root/etc/machine-id"

# What grub-install does, but for the first sectors of a disk that is not there yet.
boot="$root/boot/grub"
mkdir -p "$boot/i386-pc"
cp "$root"/usr/lib/grub/i386-pc/*.mod "$root"/usr/lib/grub/i386-pc/*.lst "$root/usr/lib/grub/i386-pc/boot.img" "$boot/i386-pc/"
chroot "$root" grub-mkimage -O i386-pc -o /boot/grub/i386-pc/core.img -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2

# update-grub writes such a file inside the system; from outside it finds no disk to ask.
cat >"$boot/grub.cfg" <<END
set default=0
set timeout=5
insmod part_msdos
insmod ext2
search --no-floppy --fs-uuid --set=root $root_uuid
menuentry 'Debian GNU/Linux' {
	echo 'Loading Linux ...'
	linux /vmlinuz root=UUID=$root_uuid ro quiet
	echo 'Loading initial ramdisk ...'
	initrd /initrd.img
}
END

chroot "$root" apt-get clean
rm -rf "$root"/var/lib/apt/lists/*
