// SPDX-License-Identifier: BSD-2-Clause
/*
 * The mailbox: EMSMDB and its asynchronous companion.  A session is a context handle; what is done
 * with it comes back as it was sent, so that a client can tell an answer that is late from one that
 * is lost.
 */
#include <string.h>

#include "tests/casmock/service.h"

enum { DN_MAX = 512, ROPS_MAX = 2048 };

static const uint8_t *read_handle(struct call *call, enum handle_kind kind)
{
	const uint8_t *wire = read_bytes(&call->in, HANDLE_BYTES);

	return wire && association_knows(call->association, kind, wire) ? wire : NULL;
}

/* MS-OXCRPC 3.1.4.3: EcDoDisconnect */
static uint32_t disconnect(struct call *call)
{
	const uint8_t *handle = read_handle(call, HANDLE_MAIL);

	if (!handle)
		return fault_context;
	association_close(call->association, handle);
	write_zeros(call->out, HANDLE_BYTES);
	write32(call->out, 0);
	return 0;
}

/* 3.1.4.6: EcDummyRpc */
static uint32_t dummy(struct call *call)
{
	write32(call->out, 0);
	return 0;
}

/* [out, string] unsigned char ** */
static void write_text(struct writer *w, const char *text)
{
	write_align(w, 4);
	write32(w, 1);
	write_string(w, text);
}

static void write_version(struct writer *w)
{
	write16(w, 14);     /* Exchange 2010 */
	write16(w, 0x8001); /* the next is a build of its own */
	write16(w, 218);
}

/* No auxiliary bytes: room, offset, count, and the count once more. */
static void write_no_auxiliary(struct writer *w)
{
	write_align(w, 4);
	write_zeros(w, 16);
}

/* 3.1.4.1: EcDoConnectEx */
static uint32_t connect_ex(struct call *call)
{
	const uint8_t *handle;
	char user[DN_MAX];
	uint32_t stamp;

	read_string(&call->in, user, sizeof(user));
	read_align(&call->in, 4);
	read_bytes(&call->in, 7 * 4); /* flags, mode, limit, code page, locales, session link */
	read_bytes(&call->in, 4 * 2); /* code pages; client's version */
	stamp = read32(&call->in);
	if (call->in.cut)
		return fault_bad_stub;
	handle = association_open(call->association, HANDLE_MAIL);
	if (!handle)
		return fault_busy;
	write_bytes(call->out, handle, HANDLE_BYTES);
	write32(call->out, 60000); /* ms between polls */
	write32(call->out, 6);     /* attempts */
	write32(call->out, 10000); /* ms between them */
	write16(call->out, 1);     /* number of the session */
	write_text(call->out, "");
	write_text(call->out, call->service->cas->name);
	write_align(call->out, 2);
	write_version(call->out);
	write_version(call->out);
	write_align(call->out, 4);
	write32(call->out, stamp);
	write_no_auxiliary(call->out);
	write32(call->out, 0);
	return 0;
}

/* 3.1.4.2: EcDoRpcExt2 */
static uint32_t rpc_ext2(struct call *call)
{
	const uint8_t *handle = read_handle(call, HANDLE_MAIL), *rops;
	uint32_t flags, count;

	if (!handle)
		return fault_context;
	flags = read32(&call->in);
	count = read32(&call->in);
	rops = read_bytes(&call->in, count);
	if (!rops || count > ROPS_MAX)
		return fault_bad_stub;
	write_bytes(call->out, handle, HANDLE_BYTES);
	write32(call->out, flags);
	write32(call->out, count);
	write32(call->out, 0);
	write32(call->out, count);
	write_bytes(call->out, rops, count);
	write_align(call->out, 4);
	write32(call->out, count);
	write_no_auxiliary(call->out);
	write32(call->out, 0); /* ms it took */
	write32(call->out, 0);
	return 0;
}

/* 3.1.4.4: EcDoAsyncConnectEx */
static uint32_t async_connect(struct call *call)
{
	const uint8_t *handle;

	if (!read_handle(call, HANDLE_MAIL))
		return fault_context;
	handle = association_open(call->association, HANDLE_MAIL_ASYNC);
	if (!handle)
		return fault_busy;
	write_bytes(call->out, handle, HANDLE_BYTES);
	write32(call->out, 0);
	return 0;
}

/* 3.3.4.1: EcDoAsyncWaitEx, answered when there is news, or after five minutes. */
static uint32_t async_wait(struct call *call)
{
	if (!read_handle(call, HANDLE_MAIL_ASYNC))
		return fault_context;
	call->answer_after_ms = call->service->cas->wait_ms;
	write32(call->out, 0); /* no news */
	write32(call->out, 0);
	return 0;
}

static handler *const operations[] = {
	[1] = disconnect, [6] = dummy, [10] = connect_ex, [11] = rpc_ext2, [14] = async_connect,
};
static handler *const async_operations[] = { async_wait };

const struct interface interface_mail = { "emsmdb", &syntax_mail, operations,
					  sizeof(operations) / sizeof(operations[0]) };
const struct interface interface_mail_async = { "asyncemsmdb", &syntax_mail_async, async_operations,
						sizeof(async_operations) /
							sizeof(async_operations[0]) };
