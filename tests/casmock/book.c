// SPDX-License-Identifier: BSD-2-Clause
/*
 * The address book: NSPI, and RFR that refers clients to it.  The server's GUID is its name, padded
 * with zeros: so a client knows who answers.
 */
#include <string.h>

#include "tests/casmock/service.h"

enum { GUID = 16, STAT = 36, DN_MAX = 512 };

/* MS-NSPI 3.1.4.1: NspiBind */
static uint32_t nspi_bind(struct call *call)
{
	const char *name = call->service->cas->name;
	uint8_t guid[GUID] = { 0 };
	const uint8_t *handle;
	bool wants_guid;

	read32(&call->in); /* flags */
	read_bytes(&call->in, STAT);
	wants_guid = read32(&call->in);
	if (wants_guid)
		read_bytes(&call->in, GUID);
	if (call->in.cut)
		return fault_bad_stub;
	handle = association_open(call->association, HANDLE_BOOK);
	if (!handle)
		return fault_busy;
	memcpy(guid, name, strnlen(name, sizeof(guid)));
	write32(call->out, wants_guid);
	write_bytes(call->out, guid, wants_guid ? sizeof(guid) : 0);
	write_bytes(call->out, handle, HANDLE_BYTES);
	write32(call->out, 0);
	return 0;
}

static const uint8_t *read_handle(struct call *call)
{
	const uint8_t *wire = read_bytes(&call->in, HANDLE_BYTES);

	return wire && association_knows(call->association, HANDLE_BOOK, wire) ? wire : NULL;
}

/* 3.1.4.2: NspiUnbind; 1 is success. */
static uint32_t nspi_unbind(struct call *call)
{
	const uint8_t *handle = read_handle(call);

	if (!handle)
		return fault_context;
	association_close(call->association, handle);
	write_zeros(call->out, HANDLE_BYTES);
	write32(call->out, 1);
	return 0;
}

/* 3.1.4.4: NspiUpdateStat; nothing has changed. */
static uint32_t nspi_update_stat(struct call *call)
{
	const uint8_t *stat;
	bool wants_delta;

	if (!read_handle(call))
		return fault_context;
	read32(&call->in); /* reserved */
	stat = read_bytes(&call->in, STAT);
	wants_delta = read32(&call->in);
	if (call->in.cut)
		return fault_bad_stub;
	write_bytes(call->out, stat, STAT);
	write32(call->out, wants_delta);
	if (wants_delta)
		write32(call->out, 0);
	write32(call->out, 0);
	return 0;
}

/* MS-OXABREF 3.1.4.1: RfrGetNewDSA, [in, out, unique, string] unsigned char ** for the server. */
static uint32_t get_new_dsa(struct call *call)
{
	char user[DN_MAX];

	read32(&call->in); /* flags */
	read_string(&call->in, user, sizeof(user));
	if (call->in.cut)
		return fault_bad_stub;
	write32(call->out, 0); /* the unused name */
	write32(call->out, 1);
	write32(call->out, 2);
	write_string(call->out, call->service->cas->name);
	write_align(call->out, 4);
	write32(call->out, 0);
	return 0;
}

/* 3.1.4.2: RfrGetFQDNFromServerDN */
static uint32_t get_fqdn(struct call *call)
{
	char server[DN_MAX];

	read32(&call->in); /* flags */
	read32(&call->in); /* bytes of the name */
	read_string(&call->in, server, sizeof(server));
	if (call->in.cut)
		return fault_bad_stub;
	write32(call->out, 1);
	write_string(call->out, call->service->cas->name);
	write_align(call->out, 4);
	write32(call->out, 0);
	return 0;
}

static handler *const book_operations[] = { nspi_bind, nspi_unbind, nspi_update_stat };
static handler *const referral_operations[] = { get_new_dsa, get_fqdn };

const struct interface interface_book = { "nspi", &syntax_book, book_operations,
					  sizeof(book_operations) / sizeof(book_operations[0]) };
const struct interface interface_referral = { "rfr", &syntax_referral, referral_operations,
					      sizeof(referral_operations) /
						      sizeof(referral_operations[0]) };
