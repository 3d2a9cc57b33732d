#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/kernel/run.sh BUILD-DIR	Debian 12's kernel 6.1 in QEMU: the BPF tests and whole pairs there
#
# CHECKS='PATTERN|PATTERN' picks checks, LIMIT=SECONDS bounds the run, V=1 shows the guest's console.
# Exit status 77: cannot be run here, the last line says why.
#
# The guest sees this machine's files, read only.  Kernel and busybox are downloaded once into
# BUILD-DIR/kernel and never installed.  No KVM: the guest's clock counts its instructions, so that
# its timers are as patient as the emulation is slow.

fail() { printf 'kernel-test: %s\n' "$*" >&2; exit 1; }
skip() { printf 'kernel-test: skipped, %s\n' "$*"; exit 77; }

# The newest of them that apt knows.  Not the cloud flavour: it lacks 9p.
newest_kernel() {
	apt-cache search --names-only '^linux-image-6\.1\.0-[0-9]+-amd64$' 2>/dev/null |
		cut -d' ' -f1 | sort -V | tail -n 1
}

# unpacked PACKAGE: its files are in $cache/PACKAGE on return.
unpacked() {
	local package=$1 new=$cache/new
	[[ ! -d $cache/$package ]] || return 0
	rm -rf "$new" && mkdir -p "$new" || fail "cannot write to $cache"
	(cd "$new" && apt-get -qq download "$package" 2>apt.log) ||
		skip "$package cannot be had: $(grep -v '^W: .*unsandboxed' "$new/apt.log" | tail -n 1)"
	dpkg-deb -x "$new/$package"_*.deb "$new" || fail "$package cannot be unpacked"
	rm -f "$new"/*.deb "$new/apt.log"
	mv "$new" "$cache/$package"
}

# modules_of NAME...: files of these modules and of all that they need.
modules_of() {
	local name
	for name; do
		sed -n "s,^\([^:]*/$name\.ko\): *\(.*\),\1 \2,p" "$base/$modules/modules.dep" |
			tr ' ' '\n'
	done | grep . | sort -u
}

make_initramfs() {
	local root=$cache/initramfs file
	rm -rf "$root" && mkdir -p "$root/bin" "$root/$modules" &&
		cp "$busybox" "$root/bin/busybox" && cp "$here/init" "$root/init" ||
		fail "cannot write to $cache"
	for file in $(modules_of virtio_pci 9pnet_virtio 9p overlay); do
		mkdir -p "$root/$modules/${file%/*}" &&
			cp "$base/$modules/$file" "$root/$modules/$file" || fail "no module $file"
	done
	"$busybox" depmod -b "$root" "$version" &&
		(cd "$root" && find . | "$busybox" cpio -o -H newc 2>/dev/null | gzip -1) \
			>"$cache/initramfs.gz" || fail "no initramfs"
	rm -rf "$root"
}

# The guest's first serial line is its console, the second one (on stdout) the results.  It stays in
# this process group, so that who ends the script ends the guest.
boot() {
	local console=$cache/console
	[[ -z $V ]] || console=/dev/stderr
	timeout --foreground -k 5 "$limit" qemu-system-x86_64 -machine q35 -accel tcg -cpu max -m 3072 -smp 1 \
		-icount shift=0,sleep=on -nodefaults -no-user-config -no-reboot -display none \
		-kernel "$base/boot/vmlinuz-$version" -initrd "$cache/initramfs.gz" \
		-append "console=ttyS0 panic=-1 quiet caspair=$top,$build,$cache,$package,$CHECKS" \
		-fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=host,mount_tag=host \
		-chardev file,id=console,path="$console" -serial chardev:console \
		-chardev file,id=results,path=/dev/stdout -serial chardev:results \
		</dev/null 2>"$cache/qemu.log"
}

blame() {
	[[ -n $V ]] || tail -n 60 "$cache/console" | sed 's/^/    /' >&2
	cat "$cache/qemu.log" >&2
	fail "$*"
}

[[ -n $1 && -d $1 ]] || { sed -n 's/^#\t//p' "$0" >&2; exit 2; }
here=$(cd "${0%/*}" && pwd)
top=$(cd "$here/../.." && pwd)
build=$(cd "$1" && pwd)
cache=$build/kernel
limit=${LIMIT:-1200}
[[ $top$build != *[[:space:],]* ]] || skip "no blank and no comma may be in $build"
((EUID == 0)) || skip "it needs root"
[[ $(uname -m) == x86_64 ]] || skip "it needs an x86-64 machine"
for tool in qemu-system-x86_64 apt-get dpkg-deb gzip; do
	command -v "$tool" >/dev/null || skip "$tool is missing; run tests/lib/setup.sh"
done
package=$(newest_kernel)
[[ -n $package ]] || skip "apt knows no kernel 6.1 here"
mkdir -p "$cache" || fail "cannot write to $build"
unpacked busybox-static
unpacked "$package"
busybox=$cache/busybox-static/bin/busybox
base=$cache/$package
version=$(ls "$base/lib/modules")
modules=lib/modules/$version
[[ -s $base/$modules/modules.dep ]] || "$busybox" depmod -b "$base" "$version" ||
	fail "depmod fails on $base"
make_initramfs
: >"$cache/console"
boot | tee "$cache/results" | sed -un 's/\r$//; s/^check //p'
status=${PIPESTATUS[0]}
verdict=$(sed -n 's/\r$//; s/^verdict //p' "$cache/results")
((status != 124 && status != 137)) || blame "no verdict within $limit s"
[[ -n $verdict ]] || blame "the guest ended without a verdict (QEMU's status $status)"
[[ $verdict == passed* ]] || fail "$verdict on $version"
printf '%s: %s\n' "$version" "$verdict"
