#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/bench/health.sh BUILD-DIR
#
# What health checks cost: the processor time of the check child, and of lbd which hears of them, for
# 500 TCP checks each 2 s, and for single checks of HTTPS (a full handshake each time) and of RPC
# (mapper and service, against Samba).  Checks are counted by the connections that were opened.
# Writes BUILD-DIR/bench/health.json and prints the figures.  SECS is the time for each.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

SECS=${SECS:-20}
SAMR=12345778-1234-abcd-ef00-0123456789ac/1.0

# An array whose members are all addresses of m1: config SERVICES PORTS-FROM MEMBERS CHECK
# Checks that ask the same are made once, so @ in the check is another number for each service.
config() {
	local i
	rm -rf "$LAB/lb1/state" "$LAB/bpf/lb1" && mkdir -p "$LAB/lb1/state" "$LAB/bpf/lb1"
	{
		sed '/^array/,$d' "$LAB/lab.conf"
		echo "array bench { vip $LAB_VIP; gateway $LAB_GATEWAY; fqdn outlook.example.com"
		for ((i = 0; i < $1; i++)); do
			echo "service s$i { ports $(($2 + i)); check ${4/@/$((i + 1))} }"
		done
		for ((i = 0; i < $3; i++)); do
			echo "member m$i { address 10.30.0.$((21 + i)) }"
		done
		echo "}"
	} >"$LAB/pair.conf"
}

cpu_of() { awk '{ sum += $1 } END { printf "%.0f", sum }' /proc/"$1"/task/*/schedstat; }
opened() { nsenter --net=/run/netns/lb1 awk '/^Tcp: [0-9]/ { print $6 }' /proc/net/snmp; }

# measure NAME OPENS: after the first probes of all, for SECS; OPENS connections make one check.
measure() {
	local child lbd before
	daemon_start 1 lbd
	await_daemon 1 lbd
	lbd=$(pid_of lb1-lbd)
	wait_for 20 "lbd to be ready" grep -q 'lbd info: ready' "$LAB/log/lb1-lbd.log"
	wait_for 20 "the check child" pgrep -P "$lbd" -x lbd-check
	child=$(pgrep -P "$lbd" -x lbd-check)
	work 5000
	before=("$(ms)" "$(cpu_of "$child")" "$(cpu_of "$lbd")" "$(opened)")
	work $((SECS * 1000))
	awk -v name="$1" -v opens="$2" -v ms=$(($(ms) - before[0])) \
		-v child=$(($(cpu_of "$child") - before[1])) -v lbd=$(($(cpu_of "$lbd") - before[2])) \
		-v opened=$(($(opened) - before[3])) 'BEGIN {
		checks = opened / opens
		if (checks < 1) exit 1
		printf "%s_checks_per_second %.1f\n", name, checks * 1000 / ms
		printf "%s_child_us_per_check %.1f\n", name, child / 1000 / checks
		printf "%s_child_percent_of_a_core %.2f\n", name, child / ms / 10000
		printf "%s_lbd_percent_of_a_core %.2f\n", name, lbd / ms / 10000
	}' >>"$LAB/figures" || fail "$1: nothing was checked"
	daemon_kill 1 lbd
	: >"$LAB/log/lb1-lbd.log"
}

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$LAB/key.pem" -out "$LAB/cert.pem" -days 2 \
	-subj /CN=outlook.example.com -addext subjectAltName=DNS:outlook.example.com \
	2>"$LAB/log/openssl.log" || fail "openssl makes no certificate"
chmod 644 "$LAB/cert.pem"
lab_wires
for i in 2 3 4 5 6 7 8 9; do
	ip -n m1 addr add "10.30.0.$((22 + i))/24" dev eth0
done
lab_members samba
spawn web m1 "$LAB_TOP/tests/lib/webserver.py" 0.0.0.0 "$LAB/cert.pem" "$LAB/key.pem" 60443=web+tls
spawn accept m1 /usr/bin/python3 -c '
import selectors, socket
poll = selectors.DefaultSelector()
for port in range(20000, 20050):
    poll.register(socket.create_server(("", port), backlog=512), selectors.EVENT_READ)
print("r", end="", flush=True)
while True:
    for key, _ in poll.select():
        key.fileobj.accept()[0].close()'
wait_for 20 "the servers" test -s "$LAB/log/accept.out" -a -s "$LAB/log/web.out"
ip -n m2 addr del 10.30.0.22/24 dev eth0
ip -n m3 addr del 10.30.0.23/24 dev eth0
ip -n m1 addr add 10.30.0.22/24 dev eth0
ip -n m1 addr add 10.30.0.23/24 dev eth0

lab_config
mv "$LAB/pair.conf" "$LAB/lab.conf"
config 50 20000 10 "tcp { interval 2s }"
measure tcp_500 1
config 20 30000 1 "https { port 60443; path /200; ca-file $LAB/cert.pem; interval 1s; fall @ }"
measure https 1
config 20 30000 1 "rpc-epm { interface $SAMR; interval 1s; fall @ }"
measure rpc 2

mkdir -p "$LAB_BUILD/bench"
awk -v cpus="$(nproc)" -v kernel="$(uname -r)" -v secs="$SECS" '
	{ printf "%s\"%s\": %s", (NR > 1) ? ",\n  " : "{\"figures\": {\n  ", $1, $2 }
	END {
		printf "\n}, \"environment\": {\"cpus\": %d, \"kernel\": \"%s\", \"seconds\": %d}}\n",
			cpus, kernel, secs
	}' "$LAB/figures" >"$LAB_BUILD/bench/health.json"
column -t "$LAB/figures"
