#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What impacket and Samba, who know nothing of each other nor of us, make of casmock's answers.

    referee.py ADDRESS NAME MAPI-PORT BOOK-PORT

Each finding is an exception; the last line counts what was found right.
"""
import struct
import sys

from impacket.dcerpc.v5 import epm, mgmt, nspi, oxabref, rpcrt, transport
from impacket.dcerpc.v5.dtypes import NULL
from impacket.uuid import uuidtup_to_bin

EMSMDB = uuidtup_to_bin(('a4f1db00-ca47-1067-b31f-00dd010662da', '0.81'))
ASYNC = uuidtup_to_bin(('5261574a-4572-206e-b268-6b199213b4e4', '0.1'))
SAMR = uuidtup_to_bin(('12345778-1234-abcd-ef00-0123456789ac', '1.0'))
LEVELS = (rpcrt.RPC_C_AUTHN_LEVEL_CONNECT, rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY)

groups = {'ask': 0, 'got': 0}


class GroupBind(rpcrt.MSRPCBind):
    """impacket always asks for a new association group; we say which."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self['assoc_group'] = groups['ask']


class GroupAck(rpcrt.MSRPCBindAck):
    def __init__(self, data=None):
        super().__init__(data)
        if data is not None:
            groups['got'] = self['assoc_group']


rpcrt.MSRPCBind, rpcrt.MSRPCBindAck = GroupBind, GroupAck
right = 0


def check(truth, what):
    global right
    if not truth:
        raise AssertionError(what)
    right += 1


def connect(address, port, interface=None, group=0):
    dce = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[%d]' % (address, port)).get_dce_rpc()
    dce.connect()
    groups['ask'] = group
    if interface:
        dce.bind(interface)
    return dce


def refused(action, text, what):
    try:
        action()
    except rpcrt.DCERPCException as fault:
        check(text in str(fault), '%s: %s' % (what, fault))
        return
    raise AssertionError('%s was accepted' % what)


def mapper(address, mapi, book):
    for interface, port in ((EMSMDB, mapi), (ASYNC, mapi), (nspi.MSRPC_UUID_NSPI, book),
                            (oxabref.MSRPC_UUID_OXABREF, book)):
        where = epm.hept_map(address, interface, protocol='ncacn_ip_tcp')
        check(where == 'ncacn_ip_tcp:%s[%d]' % (address, port), where)
    refused(lambda: epm.hept_map(address, SAMR, protocol='ncacn_ip_tcp'), 'ept_s_not_registered',
            'a service that is not there')
    entries = epm.hept_lookup(address)
    check(len(entries) == 4, entries)
    check({epm.PrintStringBinding(entry['tower']['Floors']) for entry in entries} ==
          {'ncacn_ip_tcp:%s[%d]' % (address, port) for port in (mapi, book)}, 'the towers')


def management(address, port, interfaces):
    dce = connect(address, port, mgmt.MSRPC_UUID_MGMT)
    check(mgmt.his_server_listening(dce)['status'] == 0, 'the server listens')
    known = mgmt.hinq_if_ids(dce)['if_id_vector']
    check(known['count'] == interfaces, known)


def dn(text):
    text = text.encode() + b'\0'
    return struct.pack('<LLL', len(text), 0, len(text)) + text + bytes(-len(text) % 4)


def answer(dce, operation, stub):
    dce.call(operation, stub)
    return dce.recv()


def logon(dce):
    """EcDoConnectEx by hand: impacket has no EMSMDB.  The handle, and the server's name."""
    out = answer(dce, 10, dn('/o=lab/cn=user') + bytes(7 * 4 + 4 * 2) + struct.pack('<LLLL', 7, 0, 0, 0))
    handle, rest = out[:20], out[20 + 3 * 4 + 2 + 2:]
    for _ in range(2):      # szDNPrefix, szDisplayName
        referent, room, offset, count = struct.unpack('<LLLL', rest[:16])
        check(referent and room == count and not offset, 'a string of EcDoConnectEx')
        name = rest[16:16 + count - 1].decode()
        rest = rest[16 + count + -count % 4:]
    check(struct.unpack('<LLLLLL', rest[12:]) == (7, 0, 0, 0, 0, 0), 'the end of EcDoConnectEx')
    return handle, name


def rpc(dce, handle, rops):
    """EcDoRpcExt2; what is echoed."""
    stub = handle + struct.pack('<LL', 0, len(rops)) + rops + bytes(-len(rops) % 4)
    out = answer(dce, 11, stub + struct.pack('<LLLLL', len(rops), 4096, 0, 0, 4096))
    check(out[:20] == handle, 'the handle of EcDoRpcExt2')
    room, offset, count = struct.unpack('<LLL', out[24:36])
    check(room == count and not offset, 'the array of EcDoRpcExt2')
    return out[36:36 + count]


def mailbox(address, name, port):
    dce = connect(address, port, EMSMDB)
    group = groups['got']
    check(group, 'an association group')
    check(struct.unpack('<L', answer(dce, 6, b'')) == (0,), 'EcDummyRpc')
    handle, server = logon(dce)
    check(server == name, server)
    check(rpc(dce, handle, b'twelve bytes') == b'twelve bytes', 'what EcDoRpcExt2 echoes')
    refused(lambda: answer(dce, 13, b''), 'nca_s_op_rng_error', 'an operation that is not there')

    second = connect(address, port, EMSMDB, group)
    check(groups['got'] == group, 'the same group')
    check(rpc(second, handle, b'odd') == b'odd', 'the handle on another connection of the group')
    stranger = connect(address, port, EMSMDB)
    refused(lambda: rpc(stranger, handle, b''), 'nca_s_fault_context_mismatch',
            'the handle of another group')
    refused(lambda: connect(address, port, EMSMDB, group ^ 0x5a5a), 'reason_not_specified',
            'a group that is not there')

    waiting = answer(dce, 14, handle)
    check(struct.unpack('<L', waiting[20:]) == (0,), 'EcDoAsyncConnectEx')
    third = connect(address, port, ASYNC, group)
    check(answer(third, 0, waiting[:20] + bytes(4)) == bytes(8), 'EcDoAsyncWaitEx')
    check(answer(dce, 1, handle) == bytes(24), 'EcDoDisconnect')
    refused(lambda: rpc(dce, handle, b''), 'nca_s_fault_context_mismatch', 'a handle that was closed')


def address_book(address, name, port):
    dce = connect(address, port, nspi.MSRPC_UUID_NSPI)
    handle = nspi.hNspiBind(dce)['contextHandle']
    stat = nspi.STAT()
    stat['CodePage'] = 1252
    check(nspi.hNspiUpdateStat(dce, handle, stat)['pStat']['CodePage'] == 1252, 'NspiUpdateStat')
    check(nspi.hNspiUnbind(dce, handle)['ErrorCode'] == 1, 'NspiUnbind')
    request = nspi.NspiBind()
    request['pStat']['CodePage'] = 1252
    request['pServerGuid'] = bytes(16)
    guid = dce.request(request)['pServerGuid']
    check(bytes(guid).rstrip(b'\0').decode() == name, guid)
    dce = connect(address, port, oxabref.MSRPC_UUID_OXABREF)
    check(oxabref.hRfrGetNewDSA(dce, '/o=lab')['ppszServer'] == name, 'RfrGetNewDSA')
    check(oxabref.hRfrGetFQDNFromServerDN(dce, '/o=lab')['ppszServerFQDN'] == name,
          'RfrGetFQDNFromServerDN')


def not_here(address, mapi, book):
    refused(lambda: connect(address, mapi, nspi.MSRPC_UUID_NSPI), 'abstract_syntax_not_supported',
            'an interface of another port')
    for level in LEVELS:
        dce = connect(address, book)
        dce.set_credentials('daemon', 'caspair')
        dce.set_auth_level(level)
        refused(lambda: dce.bind(nspi.MSRPC_UUID_NSPI), 'Authentication type not recognized',
                'somebody with a password')


def samba(address, mapi, book):
    """Management by Samba's generated code, over its own transport."""
    from samba import param
    from samba.dcerpc import mgmt as management_of_samba
    settings = param.LoadParm()
    settings.load_default()
    for port, interfaces in ((135, 2), (mapi, 3), (book, 3)):
        server = management_of_samba.mgmt('ncacn_ip_tcp:%s[%d]' % (address, port), settings)
        check(server.is_server_listening() == (0, 1), 'the server listens')
        check(server.inq_if_ids().count == interfaces, 'the interfaces of port %d' % port)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    address, name, mapi, book = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    mapper(address, mapi, book)
    for port, interfaces in ((135, 2), (mapi, 3), (book, 3)):
        management(address, port, interfaces)
    mailbox(address, name, mapi)
    address_book(address, name, book)
    not_here(address, mapi, book)
    samba(address, mapi, book)
    print('%d answers are right' % right)


if __name__ == '__main__':
    main()
