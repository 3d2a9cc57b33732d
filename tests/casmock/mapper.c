// SPDX-License-Identifier: BSD-2-Clause
/* The endpoint mapper: tells who asks for an interface at which port it is (C706, appendices L, O).
 */
#include <string.h>

#include "tests/casmock/service.h"

enum {
	FLOOR_UUID = 0x0d,
	FLOOR_RPC = 0x0b,
	FLOOR_TCP = 0x07,
	FLOOR_IP = 0x09,
	TOWER = 75,
	ENDPOINTS = 16,
	ANNOTATION_MAX = 64,
};

static const uint32_t status_not_registered = 0x16c9a0d6;

/* --- who is registered --------------------------------------------------------------------------
 */

struct endpoint {
	const struct interface *interface;
	uint16_t port;
};

static size_t add(struct endpoint *endpoint, size_t count, const struct service *service)
{
	if (service->fault == FAULT_UNREGISTERED ||
	    service == &service->cas->service[SERVICE_MAPPER])
		return count;
	for (const struct interface *const *i = service->interface; *i && count < ENDPOINTS; i++)
		if (*i != &interface_management) /* everybody has it, nobody registers it */
			endpoint[count++] = (struct endpoint){ *i, service->port };
	return count;
}

static size_t registered(struct endpoint endpoint[ENDPOINTS], const struct cas *cas)
{
	size_t count = 0;

	for (size_t i = 0; i < SERVICES; i++)
		count = add(endpoint, count, &cas->service[i]);
	return count;
}

/* --- towers -------------------------------------------------------------------------------------
 */

/* A floor: its protocol's number, what else is left of it, and what is right of it. */
static uint8_t read_floor(struct reader *tower, struct reader *left, struct reader *right)
{
	*left = read_part(tower, read16(tower));
	*right = read_part(tower, read16(tower));
	return read8(left);
}

/* The interface that is asked for, if it is asked for over TCP. */
static bool read_tower(struct reader *tower, struct syntax *wanted)
{
	struct reader left, right;
	const uint8_t *uuid;

	memset(wanted, 0, sizeof(*wanted));
	if (read16(tower) < 4 || read_floor(tower, &left, &right) != FLOOR_UUID)
		return false;
	uuid = read_bytes(&left, sizeof(wanted->uuid));
	wanted->major = read16(&left);
	if (left.cut)
		return false;
	memcpy(wanted->uuid, uuid, sizeof(wanted->uuid));
	read_floor(tower, &left, &right); /* transfer syntax */
	return read_floor(tower, &left, &right) == FLOOR_RPC &&
	       read_floor(tower, &left, &right) == FLOOR_TCP && !tower->cut;
}

static void write_uuid_floor(struct writer *w, const struct syntax *syntax)
{
	write16(w, 19);
	write8(w, FLOOR_UUID);
	write_bytes(w, syntax->uuid, sizeof(syntax->uuid));
	write16(w, syntax->major);
	write16(w, 2);
	write16(w, syntax->minor);
}

static void write_floor(struct writer *w, uint8_t protocol, const void *right, uint16_t bytes)
{
	write16(w, 1);
	write8(w, protocol);
	write16(w, bytes);
	write_bytes(w, right, bytes);
}

/* twr_t: its length twice, for it is an array of that length. */
static void write_tower(struct writer *w, const struct endpoint *endpoint, const uint8_t address[4])
{
	write_align(w, 4);
	write32(w, TOWER);
	write32(w, TOWER);
	write16(w, 5);
	write_uuid_floor(w, &endpoint->interface->syntax);
	write_uuid_floor(w, &syntax_ndr32);
	write_floor(w, FLOOR_RPC, (const uint8_t[]){ 0, 0 }, 2);
	write_floor(w, FLOOR_TCP,
		    (const uint8_t[]){ (uint8_t)(endpoint->port >> 8), (uint8_t)endpoint->port },
		    2);
	write_floor(w, FLOOR_IP, address, 4);
}

/* --- operations ---------------------------------------------------------------------------------
 */

static uint32_t map(struct call *call)
{
	struct endpoint all[ENDPOINTS], hit[ENDPOINTS];
	size_t known = registered(all, call->service->cas), hits = 0;
	struct syntax wanted = { 0 };
	struct reader tower;
	uint32_t most;

	if (read32(&call->in)) /* an object: one is as good as another */
		read_bytes(&call->in, 16);
	read32(&call->in); /* pointer to the tower */
	read32(&call->in); /* its room */
	tower = read_part(&call->in, read32(&call->in));
	read_align(&call->in, 4);
	read_bytes(&call->in, HANDLE_BYTES);
	most = read32(&call->in);
	if (call->in.cut)
		return fault_bad_stub;
	if (read_tower(&tower, &wanted))
		for (size_t i = 0; i < known && hits < most; i++)
			if (syntax_same(&all[i].interface->syntax, &wanted))
				hit[hits++] = all[i];
	write_zeros(call->out, HANDLE_BYTES); /* that was all */
	write32(call->out, (uint32_t)hits);
	write32(call->out, most);
	write32(call->out, 0);
	write32(call->out, (uint32_t)hits);
	for (size_t i = 0; i < hits; i++)
		write32(call->out, (uint32_t)i + 1); /* pointers */
	for (size_t i = 0; i < hits; i++)
		write_tower(call->out, &hit[i], call->address);
	write_align(call->out, 4);
	write32(call->out, hits ? 0 : status_not_registered);
	return 0;
}

/* All there are, whatever the inquiry, and in one answer. */
static uint32_t lookup(struct call *call)
{
	struct endpoint all[ENDPOINTS];
	size_t count = registered(all, call->service->cas);
	uint32_t most;

	read32(&call->in); /* kind of inquiry */
	if (read32(&call->in))
		read_bytes(&call->in, 16);
	if (read32(&call->in))
		read_bytes(&call->in, 20);
	read32(&call->in); /* which versions */
	read_bytes(&call->in, HANDLE_BYTES);
	most = read32(&call->in);
	if (call->in.cut)
		return fault_bad_stub;
	count = count < most ? count : most;
	write_zeros(call->out, HANDLE_BYTES);
	write32(call->out, (uint32_t)count);
	write32(call->out, most);
	write32(call->out, 0);
	write32(call->out, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		const char *name = all[i].interface->name;

		write_align(call->out, 4);
		write_zeros(call->out, 16); /* object */
		write32(call->out, (uint32_t)i + 1);
		write32(call->out, 0); /* annotation: offset, length, text */
		write32(call->out, (uint32_t)strlen(name) + 1);
		write_bytes(call->out, name, strlen(name) + 1);
	}
	for (size_t i = 0; i < count; i++)
		write_tower(call->out, &all[i], call->address);
	write_align(call->out, 4);
	write32(call->out, count ? 0 : status_not_registered);
	return 0;
}

/* No handle was given out that could be freed. */
static uint32_t handle_free(struct call *call)
{
	write_zeros(call->out, HANDLE_BYTES);
	write32(call->out, 0);
	return 0;
}

static handler *const operations[] = { NULL, NULL, lookup, map, handle_free };

const struct interface interface_mapper = { "endpoint mapper",
					    { { 0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11,
						0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa },
					      3,
					      0 },
					    operations,
					    sizeof(operations) / sizeof(operations[0]) };
