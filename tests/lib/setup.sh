#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs what a bare Debian 12 lacks for building, testing and the demo.  Quiet when all is there.

build=(gcc clang-14 make pkg-config libc6-dev libbpf-dev libelf-dev zlib1g-dev bpftool
	libnl-3-dev libnl-route-3-dev libev-dev libsodium-dev protobuf-c-compiler
	libprotobuf-c-dev libcap-ng-dev uthash-dev libcmocka-dev)
lab=(iproute2 ethtool nftables procps util-linux python3 python3-impacket python3-tdb
	samba-common-bin)

lacking() {
	local package
	for package in "${build[@]}" "${lab[@]}"; do
		[[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == "install ok installed" ]] ||
			printf '%s\n' "$package"
	done
}

mapfile -t packages < <(lacking)
((${#packages[@]})) || exit 0
if ! command -v apt-get >/dev/null; then
	echo "setup: this is no Debian; please install: ${packages[*]}" >&2
	exit 1
fi
if ((EUID != 0)); then
	echo "setup: missing ${packages[*]}; run with sudo, or: apt-get install ${packages[*]}" >&2
	exit 1
fi
echo "setup: installing ${packages[*]}"
log=$(mktemp)
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
	--no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
	tail -20 "$log" >&2
	rm -f "$log"
	echo "setup: apt-get failed" >&2
	exit 1
fi
rm -f "$log"
