#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The checks of HTTPS, IMAPS, POP3S and ping against real servers, good ones and nasty ones: each
# verdict for its own reason, and a TCP check beside them that nobody delays.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

NAME=outlook.example.com

# service PORT NAME CHECK...: a pool of its own.
service() {
	local port=$1 name=$2
	shift 2
	printf '    service %s { ports %s; check %s; interval 1s; timeout 800ms; fall 2 } }\\\n' \
		"$name" "$port" "$*"
}

# What is asked on the left, and on the right what answers there.
places=(60001=web 60002=web+tls 60003=web+tls1 60004=imap+tls 60005=pop3+tls 60006=busy+tls 60007=mute
	60008=mute+tls 60009=dribble 60010=flood 60011=reset)
web_config() {
	local services
	lab_config
	services=$(
		service 60001 http "http { path /200, /401, /302"
		service 60101 http503 "http { port 60001; path /200, /503"
		service 60102 http-status "http { port 60001; path /404; status 404"
		service 60103 http-stop "http { port 60001; path /stop"
		service 60002 https "https { path /200; ca-file $LAB/cert.pem"
		service 60104 https-system "https { port 60002"
		service 60105 https-name "https { port 60002; host other.example.com; ca-file $LAB/cert.pem"
		service 60106 https-any "https { port 60002; host other.example.com; verify-tls no"
		service 60107 https-no-file "https { port 60002; ca-file /nowhere"
		service 60108 https-plain "https { port 60001; verify-tls no"
		service 60003 https-old "https { verify-tls no"
		service 60004 imaps "imaps { ca-file $LAB/cert.pem"
		service 60005 pop3s "pop3s { verify-tls no"
		service 60006 imaps-busy "imaps { verify-tls no"
		service 60109 imaps-name "imaps { port 60004; host other.example.com; ca-file $LAB/cert.pem"
		service 60007 mute "https { verify-tls no"
		service 60008 mute-tls "imaps { verify-tls no"
		service 60009 dribble "https { verify-tls no"
		service 60010 flood "http { path /"
		service 60011 reset "https { verify-tls no"
		service 60110 deaf "https { port 9; verify-tls no"
		service 60111 ping "ping { rise 1"
	)
	sed -i "/^    member m1/i\\
${services%\\}
s/^    vip /    fqdn $NAME; vip /" "$LAB/pair.conf"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
}

# members_say FILE: "POOL VERDICT CHECK" of m1, a line each.
members_say() {
	pairctl 1 -j members 2>/dev/null | /usr/bin/python3 -c '
import json, sys
for member in json.load(sys.stdin).get("members", []):
    if member["name"] == "m1":
        for pool in member["pool"]:
            print(pool["pool"], pool.get("check", ""))' >"$1"
}
says() {
	members_say "$LAB/said"
	[[ $(sed -n "s/^$1 //p" "$LAB/said") == $2 ]]
}
await() {
	local start=$SECONDS
	until says "$1" "$2"; do
		((SECONDS - start <= 30)) ||
			fail "pool $1 is \"$(sed -n "s/^$1 //p" "$LAB/said")\", not \"$2\""
		sleep 0.1
	done
}

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$LAB/key.pem" -out "$LAB/cert.pem" -days 2 \
	-subj "/CN=$NAME" -addext "subjectAltName=DNS:$NAME" 2>"$LAB/log/openssl.log" ||
	fail "openssl makes no certificate"
chmod 644 "$LAB/cert.pem"
lab_wires
lab_members
spawn web m1 "$LAB_TOP/tests/lib/webserver.py" 10.30.0.21 "$LAB/cert.pem" "$LAB/key.pem" "${places[@]}"
wait_for 10 "the web server" test -s "$LAB/log/web.out"
on lb1 sysctl -qw net.ipv4.ping_group_range="0 2147483647"
web_config
node_start 1

await http 'http 60001 * ms: connect *, answer *'
await http503 'http 60001 bad-status 503 (/503)'
await http-status 'http 60001 * ms: *'
await http-stop 'http 60001 hung (/stop) in answer after [0-9]* ms'
await https 'https 60002 * ms: connect *, tls *, answer *'
await https-system 'https 60002 bad-certificate'
await https-name 'https 60002 bad-certificate'
await https-any 'https 60002 * ms: *'
await https-no-file 'https 60002 cannot probe*'
await https-plain 'https 60001 tls-failed'
await https-old 'https 60003 * ms: *'
await imaps 'imaps 60004 * ms: connect *, tls *, answer *'
await pop3s 'pop3s 60005 * ms: connect *, tls *, answer *'
await imaps-busy 'imaps 60006 unwilling'
await imaps-name 'imaps 60004 bad-certificate'
await mute 'https 60007 hung in tls after [0-9]* ms'
await mute-tls 'imaps 60008 hung in answer after [0-9]* ms'
await dribble 'https 60009 tls-failed'
await flood 'http 60010 no-http*'
await reset 'https 60011 refused'
await deaf 'https 9 refused'
await ping 'ping * ms'
await chat 'tcp 7000 * ms'
grep -q 'check of .*/nowhere' "$LAB/log/lb1-lbd.log" || fail "nobody says which file is missing"

# The child has not been replaced, and it holds no more than it needs.
! grep -E 'check child (died|left|says nothing)' "$LAB/log/lb1-lbd.log" || fail "the check child died"
child=$(pgrep -x lbd-check) || fail "there is no check child"
fds=$(find "/proc/$child/fd" -mindepth 1 | wc -l)
work 3000
((fds < 60 && $(find "/proc/$child/fd" -mindepth 1 | wc -l) < 60)) ||
	fail "the check child has $fds descriptors open"
[[ $(sed -n 's/^CapEff:\t//p' "/proc/$child/status") == 0000000000000000 ]] ||
	fail "the check child has rights"
! grep -q libcurl "/proc/$(pid_of lb1-lbd)/maps" || fail "libcurl is in the privileged daemon"
sed 's/^/    /' "$LAB/said"
