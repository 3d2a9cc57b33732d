// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/association.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool draw(void *bytes, size_t count)
{
	return getrandom(bytes, count, 0) == (ssize_t)count;
}

static struct association *find(struct associations *all, uint32_t id)
{
	struct association *association;

	LIST_FOREACH (association, all, next)
		if (association->id == id)
			break;
	return association;
}

/* Random numbers, so that no two servers agree by accident. */
static struct association *found(struct associations *all)
{
	struct association *association = calloc(1, sizeof(*association));

	do {
		if (!association || !draw(&association->id, sizeof(association->id))) {
			free(association);
			return NULL;
		}
	} while (!association->id || find(all, association->id));
	LIST_INSERT_HEAD(all, association, next);
	return association;
}

struct association *association_join(struct associations *all, uint32_t id)
{
	struct association *association = id ? find(all, id) : found(all);

	if (association)
		association->connections++;
	return association;
}

void association_leave(struct association *association)
{
	if (--association->connections)
		return;
	LIST_REMOVE(association, next);
	free(association);
}

const uint8_t *association_open(struct association *association, enum handle_kind kind)
{
	for (size_t i = 0; i < HANDLES; i++) {
		struct handle *handle = &association->handle[i];

		if (handle->kind != HANDLE_FREE)
			continue;
		/* Four bytes of attributes, then a UUID of the server's own choice. */
		memset(handle->wire, 0, 4);
		if (!draw(handle->wire + 4, HANDLE_BYTES - 4))
			return NULL;
		handle->kind = kind;
		return handle->wire;
	}
	return NULL;
}

bool association_knows(const struct association *association, enum handle_kind kind,
		       const uint8_t wire[HANDLE_BYTES])
{
	for (size_t i = 0; i < HANDLES; i++)
		if (association->handle[i].kind == kind &&
		    !memcmp(association->handle[i].wire, wire, HANDLE_BYTES))
			return true;
	return false;
}

void association_close(struct association *association, const uint8_t wire[HANDLE_BYTES])
{
	for (size_t i = 0; i < HANDLES; i++)
		if (!memcmp(association->handle[i].wire, wire, HANDLE_BYTES))
			association->handle[i].kind = HANDLE_FREE;
}
