# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# An array for each mode, with one member each, and files over TLS through them: nginx on the
# members, curl as the client, SHA-256 of what came.  A test sources this after pair.sh.
#
#	nat	m1, whose gateway is the pair; also by itself with a source, for the client `beside`
#	dsr	m2, with the VIP on lo and a link of its own to the clients
#	snat	m3, which knows no way but to its link

LAB_SPACES+=(beside)
MODES_BESIDE=10.30.0.50
declare -A MODES_VIP=([nat]=10.20.0.10 [auto]=10.20.0.10 [dsr]=10.20.0.13 [snat]=10.20.0.14)
declare -A MODES_VIP6=([nat]=2001:db8:20::10 [auto]=2001:db8:20::10 [dsr]=2001:db8:20::13
	[snat]=2001:db8:20::14)
declare -A MODES_MEMBER=([nat]=m1 [auto]=m1 [dsr]=m2 [snat]=m3)

# modes_need: for the first lines of a test, which cannot be run without these.
modes_need() {
	local tool
	for tool in nginx curl openssl; do
		command -v "$tool" >/dev/null || { say "skipped, no $tool: run tests/lib/setup.sh"; exit 77; }
	done
}

# modes_array NAME VIPS MEMBER ADDRESSES WORDS: of the configuration.
modes_array() {
	cat <<-END
		array $1 {
		    vip $2
		    $5
		    service web {
		        ports 443; affinity-group cas; affinity-timeout 2h
		        check tcp { interval 500ms; timeout 400ms }
		    }
		    service rpc {
		        ports 135, 6005-59530; affinity-group cas; idle-timeout 24h; follow web
		    }
		    member $3 { address $4 }
		}
	END
}

# modes_config: that of the lab, with these arrays in place of its own.
modes_config() {
	lab_config "$@"
	sed -i '/^array lab {/,$d' "$LAB/pair.conf"
	{
		modes_array nat "${MODES_VIP[nat]}, ${MODES_VIP6[nat]}" m1 \
			"10.30.0.21, 2001:db8:30::21" "gateway $LAB_GATEWAY, $LAB_GATEWAY6"
		modes_array dsr "${MODES_VIP[dsr]}, ${MODES_VIP6[dsr]}" m2 \
			"10.30.0.22, 2001:db8:30::22" "mode dsr"
		modes_array snat "${MODES_VIP[snat]}, ${MODES_VIP6[snat]}" m3 \
			"${MODES_SNAT_MEMBER:-10.30.0.23, 2001:db8:30::23}" \
			"mode snat; snat-pool 10.30.0.200, 2001:db8:30::200"
	} >>"$LAB/pair.conf"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
}

# member_answers_directly MEMBER NUMBER VIP VIP6: by eth1, for the VIP alone.
member_answers_directly() {
	port "$1" eth1 br-out
	on "$1" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0 \
		net.ipv4.conf.eth1.rp_filter=0 net.ipv6.conf.lo.disable_ipv6=0
	wire_v6 "$1" eth1 "2001:db8:20::$2"
	pp ip -n "$1" -6 route del 2001:db8:20::/64 dev eth1
	pp ip -n "$1" addr add "10.20.0.$2/32" dev eth1
	pp ip -n "$1" addr add "$3/32" dev lo
	pp ip -n "$1" addr add "$4/128" dev lo nodad
	pp ip -n "$1" rule add from "$3" lookup 100
	pp ip -n "$1" -6 rule add from "$4" lookup 100
	pp ip -n "$1" route add 10.20.0.0/24 dev eth1 table 100
	pp ip -n "$1" -6 route add 2001:db8:20::/64 dev eth1 table 100
}

modes_wires() {
	local member
	lab_wires
	member_answers_directly m2 22 "${MODES_VIP[dsr]}" "${MODES_VIP6[dsr]}"
	for member in m2 m3; do
		pp ip -n "$member" route del default
		pp ip -n "$member" -6 route del default
	done
	port beside eth0 br-in
	pp ip -n beside addr add "$MODES_BESIDE/24" dev eth0
	pp ip -n beside route add default via "$LAB_GATEWAY"
	wire_v6 beside eth0 2001:db8:30::50
	pp ip -n beside -6 route add default via "$LAB_GATEWAY6"
}

# --- files over TLS ---------------------------------------------------------------------------

# web_files BYTES: what is sent to and fro, and the servers' certificate.
web_files() {
	mkdir -p "$LAB/web"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj /CN=lab.test -addext subjectAltName=DNS:lab.test -keyout "$LAB/web/key" \
		-out "$LAB/web/crt" >"$LAB/log/openssl.log" 2>&1 || fail "openssl made no certificate"
	openssl enc -aes-128-ctr -K 0 -iv 0 </dev/zero 2>/dev/null | head -c "$1" >"$LAB/web/file"
	WEB_SUM=$(sha256sum <"$LAB/web/file")
}

# web_serve MEMBER: GET /file, and PUT below /up/.
web_serve() {
	local dir=$LAB/web/$1 path
	mkdir -p "$dir/up"
	ln -s ../file "$dir/file"
	{
		echo "daemon off; user root; worker_processes 1; pid $dir/pid; error_log stderr;"
		echo "events {} http { access_log off; sendfile on; client_max_body_size 0;"
		for path in client_body proxy fastcgi scgi uwsgi; do
			echo "${path}_temp_path $dir/$path;"
		done
		echo "ssl_certificate $LAB/web/crt; ssl_certificate_key $LAB/web/key;"
		echo "server { listen 443 ssl; listen [::]:443 ssl; root $dir;"
		echo "location /up/ { dav_methods PUT; } } }"
	} >"$dir/conf"
	spawn "web-$1" "$1" nginx -p "$dir" -e stderr -c "$dir/conf"
	wait_for 10 "nginx on $1" on "$1" sh -c 'ss -Hltn sport = 443 | grep -q .'
}

# web SPACE ADDRESS CURL-OPTION...: one request; what it had to say is in the log.
web() {
	local space=$1 address=$2
	shift 2
	[[ $address != *:* ]] || address="[$address]"
	on "$space" curl -sS --fail --cacert "$LAB/web/crt" --resolve "lab.test:443:$address" \
		--connect-timeout 10 "$@" 2>>"$LAB/log/curl.log"
}

# web_get SPACE ADDRESS [CURL-OPTION...]: whether the file came, and whole.
web_get() {
	local sum
	sum=$(web "$1" "$2" "${@:3}" https://lab.test/file | sha256sum)
	[[ $sum == "$WEB_SUM" ]]
}

# web_put SPACE ADDRESS MEMBER [CURL-OPTION...]: the same for the way there.
web_put() {
	local name=$BASHPID-$SRANDOM sum
	web "$1" "$2" "${@:4}" -o /dev/null -T "$LAB/web/file" "https://lab.test/up/$name" || return 1
	sum=$(sha256sum <"$LAB/web/$3/up/$name")
	rm -f "$LAB/web/$3/up/$name"
	[[ $sum == "$WEB_SUM" ]]
}
