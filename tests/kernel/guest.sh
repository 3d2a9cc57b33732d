#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	guest.sh TOP BUILD-DIR CACHE KERNEL-PACKAGE [PATTERN]	started by init in the guest
#
# One line a check and a verdict at the end, on the second serial line.  What is written here stays
# in the guest's memory.

top=$1 build=$2 cache=$3 package=$4 wanted=${5:-*}
exec 3>/dev/ttyS1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
shopt -s extglob
passed=0 failed=0

set_up() {
	mount -t tmpfs run /run
	mount -t bpf bpf /sys/fs/bpf
	ln -sfn /proc/self/fd /dev/fd
	# The kernel asks for its modules by itself: veth, bridge, clsact.
	mkdir -p /lib/modules
	ln -sfn "$cache/$package/lib/modules/$(uname -r)" "/lib/modules/$(uname -r)"
	ln -sf "$cache/busybox-static/bin/busybox" /sbin/modprobe
	ip link set lo up
}

# check NAME SECONDS COMMAND...: its output goes to the console, its last line to the result.
check() {
	local name=$1 limit=$2 start=$SECONDS status word=ok
	shift 2
	# shellcheck disable=SC2053 # a pattern
	[[ $name == @($wanted) ]] || return
	printf '=== %s\n' "$name"
	timeout -k 5 "$limit" "$@" 2>&1 </dev/null | tee /tmp/check.log
	status=${PIPESTATUS[0]}
	if ((status == 0)); then
		passed=$((passed + 1))
		sed -n 's/^.*instructions walked.*$/check          &/p' /tmp/check.log >&3
	else
		failed=$((failed + 1)) word=FAILED
		tail -n 40 /tmp/check.log | sed 's/^/check     /' >&3
	fi
	printf 'check %-8s %-20s %4d s  %s\n' "$word" "$name" $((SECONDS - start)) \
		"$(grep -v '^logs of this run' /tmp/check.log | tail -n 1)" >&3
}

# The pair tests let lbd choose: on a veth it must be native XDP.
native_xdp() {
	local log=$build/log/basic/lb1-lbd.log
	grep -h 'attached to eth[01], native XDP' "$log" | sed 's/^[^ ]* //' | sort -u
	(($(grep -c 'attached to eth[01], native XDP' "$log") == 2))
}
export build
export -f native_xdp

set_up
check kernel 10 uname -r
for test in "$build"/tests/bpf/test_*; do
	check "bpf-${test##*/test_}" 120 "$test"
done
rm -rf "$build/log"
export LOGS=1
for name in basic kill_daemons failover errors flows_100k; do
	check "pair-$name" 300 "$top/tests/pair/$name.sh" "$build"
done
[[ ! -d $build/log/basic ]] || check pair-native 10 bash -c native_xdp
if ((failed == 0 && passed > 0)); then
	printf 'verdict passed, %d checks\n' "$passed" >&3
else
	printf 'verdict %d of %d checks failed\n' "$failed" $((passed + failed)) >&3
fi
echo o >/proc/sysrq-trigger
sleep 60
