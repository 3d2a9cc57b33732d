// SPDX-License-Identifier: BSD-2-Clause
#include "conf/ctl_conn.h"

#include <stdlib.h>

/* A full frame of honest answers takes about a quarter; one of empty submessages grows thirtyfold.
 */
enum { MAX_UNPACKED = 1 << 20 };

static void *budget_alloc(void *data, size_t size)
{
	size_t *left = data;

	if (size > *left)
		return NULL;
	*left -= size;
	return malloc(size);
}

static void budget_free(void *data, void *pointer)
{
	(void)data;
	free(pointer);
}

Cas__Message *ctl_conn_unpack(const uint8_t *payload, size_t length)
{
	size_t left = MAX_UNPACKED;
	ProtobufCAllocator allocator = { budget_alloc, budget_free, &left };

	return cas__message__unpack(&allocator, length, payload);
}

void ctl_conn_discard(Cas__Message *message)
{
	cas__message__free_unpacked(message, NULL);
}
