#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Who encrypts RPC: impacket binds to Samba through the VIP, at level 2 and at level 6, from two
# addresses, and the report tells them apart.  Where encryption is required, the one is reset.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

# bind_from ADDRESS LEVEL: asks the mapper, binds to SAMR with NTLM.
bind_from() {
	on client timeout 30 /usr/bin/python3 - "$LAB_VIP" "$1" "$2" <<-'END'
		import socket, sys
		from impacket.dcerpc.v5 import epm, rpcrt, samr, transport
		vip, source, level = sys.argv[1], sys.argv[2], int(sys.argv[3])
		connect = socket.socket.connect
		def from_source(sock, address):
		    sock.bind((source, 0))
		    return connect(sock, address)
		socket.socket.connect = from_source
		where = epm.hept_map(vip, samr.MSRPC_UUID_SAMR, protocol='ncacn_ip_tcp')
		carrier = transport.DCERPCTransportFactory(where)
		carrier.set_credentials('daemon', 'caspair')
		dce = carrier.get_dce_rpc()
		dce.set_auth_type(rpcrt.RPC_C_AUTHN_WINNT)
		dce.set_auth_level(level)
		dce.connect()
		dce.bind(samr.MSRPC_UUID_SAMR)
	END
}

report() { pairctl 1 -j report encryption >"$LAB/report" 2>&1; }

lab_wires
lab_members samba
lab_config
sed -i 's/^ *ports \(135\|6005\)/inspect rpc; &/' "$LAB/pair.conf"
"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
	{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
node_start 1
LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active
report || fail "a report before anybody came: $(<"$LAB/report")"
bind_from 10.20.0.100 2 || fail "no bind at level 2"
bind_from 10.20.0.101 6 || fail "no bind at level 6"
report && fail "the report finds nobody"
/usr/bin/python3 - "$LAB/report" <<-'END' || fail "the report is wrong: $(<"$LAB/report")"
	import json, sys
	answer = json.load(open(sys.argv[1]))['answer']
	source, = answer['source']
	assert (source['client'], source['level'], source['authentication'], source['binds']) == \
	       ('10.20.0.100', 'connect', 'NTLM', 1), source
	assert 0 <= source['age_ms'] < 30000, source
	array, = answer['array']
	levels = {level['name']: level['value'] for level in array['level']}
	assert levels['connect'] == levels['privacy'] == 1 and sum(levels.values()) == 2, levels
END

# The same service now wants encryption: level 2 is ended, level 6 is not.
counted() { [[ $(pairctl 1 -j status | python3 -c '
import json, sys
print(*(one["value"] for one in json.load(sys.stdin)["lbd"]["counter"] if one["name"] == "reset_open_binds"))') == "$1" ]]; }
counted 0 || fail "binds are refused though encryption is not required"
sed -i 's/inspect rpc; *ports 6005/require-encryption yes; &/' "$LAB/pair.conf"
digest=$(field 1 lbd.config_digest)
signal -HUP lb1-lbd
changed() { [[ $(field 1 lbd.config_digest) != "$digest" ]]; }
LAB_POLL=0.1 wait_for 10 "lbd to follow" changed
bind_from 10.20.0.100 2 >"$LAB/log/refused.log" 2>&1
wait_for 10 "the bind at level 2 to be reset" counted 1
bind_from 10.20.0.101 6 || fail "no bind at level 6 where encryption is required"
counted 1 || fail "a bind at level 6 was reset"
say "level 2 of 10.20.0.100 and level 6 of 10.20.0.101 are told apart, and one is reset where encryption is required"
