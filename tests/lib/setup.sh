#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs what a bare Debian 12 lacks for building, testing and the demo, and with the argument
# `emulator` also what boots another kernel.  Quiet when all is there.

build=(gcc clang-14 make pkg-config libc6-dev libbpf-dev libelf-dev zlib1g-dev bpftool
	libnl-3-dev libnl-route-3-dev libev-dev libsodium-dev protobuf-c-compiler
	libprotobuf-c-dev libcap-ng-dev libcurl4-openssl-dev libc-ares-dev uthash-dev libcmocka-dev patch)
lab=(iproute2 iputils-ping ethtool nftables procps util-linux libfaketime python3 python3-impacket python3-tdb
	samba-common-bin curl openssl ca-certificates dnsmasq-base)
# To be tested against.  Their tests are skipped where they cannot be had.
foreign=(keepalived frr haproxy conntrackd conntrack nginx-light)
[[ $1 != emulator ]] || foreign+=(qemu-system-x86)

# lacking PACKAGE...
lacking() {
	local package
	for package; do
		[[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == "install ok installed" ]] ||
			printf '%s\n' "$package"
	done
}

# install PACKAGE...: leaves the output in $log.
install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >"$log" 2>&1
}

# No service of theirs starts, now or at boot.
install_foreign() {
	local policy=/usr/sbin/policy-rc.d own='' status
	if [[ ! -e $policy ]]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && own=1
	fi
	install "$@"
	status=$?
	[[ -z $own ]] || rm -f "$policy"
	systemctl --quiet disable "${@%-light}" 2>/dev/null # its service is called nginx
	return "$status"
}

mapfile -t packages < <(lacking "${build[@]}" "${lab[@]}")
mapfile -t others < <(lacking "${foreign[@]}")
((${#packages[@]} + ${#others[@]})) || exit 0
if ! command -v apt-get >/dev/null; then
	((${#packages[@]})) || exit 0
	echo "setup: this is no Debian; please install: ${packages[*]}" >&2
	exit 1
fi
if ((EUID != 0)); then
	((${#packages[@]})) || exit 0
	echo "setup: missing ${packages[*]}; run with sudo, or: apt-get install ${packages[*]}" >&2
	exit 1
fi
echo "setup: installing ${packages[*]} ${others[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! apt-get update >"$log" 2>&1 || { ((${#packages[@]})) && ! install "${packages[@]}"; }; then
	tail -20 "$log" >&2
	echo "setup: apt-get failed" >&2
	((${#packages[@]} == 0)) || exit 1
fi
for other in "${others[@]}"; do
	install_foreign "$other" || echo "setup: no $other; what needs it will be skipped" >&2
done
exit 0
