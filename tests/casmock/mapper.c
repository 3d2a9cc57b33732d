// SPDX-License-Identifier: BSD-2-Clause
/* The endpoint mapper: tells who asks for an interface at which port it is (C706, appendices L, O).
 */
#include <string.h>

#include "tests/casmock/service.h"
#include "tests/casmock/tower.h"

enum { ENDPOINTS = 16 };

static const uint32_t status_not_registered = 0x16c9a0d6;

/* --- who is registered -------------------------------------------------------------------- */

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

/* twr_t: its length twice, for it is an array of that length. */
static void put_tower(struct call *call, const struct endpoint *endpoint)
{
	struct tower tower = { .interface = *endpoint->interface->syntax, .port = endpoint->port };

	memcpy(tower.address, call->address, sizeof(tower.address));
	write_align(call->out, 4);
	write32(call->out, TOWER_BYTES);
	write32(call->out, TOWER_BYTES);
	tower_write(call->out, &tower);
}

/* --- operations --------------------------------------------------------------------------- */

static uint32_t map(struct call *call)
{
	struct endpoint all[ENDPOINTS], hit[ENDPOINTS];
	size_t known = registered(all, call->service->cas), hits = 0;
	struct reader bytes;
	struct tower wanted;
	uint32_t most;

	if (read32(&call->in)) /* an object: one is as good as another */
		read_bytes(&call->in, 16);
	read32(&call->in); /* pointer to the tower */
	read32(&call->in); /* its room */
	bytes = read_part(&call->in, read32(&call->in));
	read_align(&call->in, 4);
	read_bytes(&call->in, HANDLE_BYTES);
	most = read32(&call->in);
	if (call->in.cut)
		return fault_bad_stub;
	if (tower_read(&bytes, &wanted))
		for (size_t i = 0; i < known && hits < most; i++)
			if (syntax_same(all[i].interface->syntax, &wanted.interface))
				hit[hits++] = all[i];
	write_zeros(call->out, HANDLE_BYTES); /* that was all */
	write32(call->out, (uint32_t)hits);
	write32(call->out, most);
	write32(call->out, 0);
	write32(call->out, (uint32_t)hits);
	for (size_t i = 0; i < hits; i++)
		write32(call->out, (uint32_t)i + 1); /* pointers */
	for (size_t i = 0; i < hits; i++)
		put_tower(call, &hit[i]);
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
		put_tower(call, &all[i]);
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

const struct interface interface_mapper = { "endpoint mapper", &syntax_mapper, operations,
					    sizeof(operations) / sizeof(operations[0]) };
