/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What binds a client to one server: its association group, which joins its connections, and the
 * context handles that were opened in it (C706, 9.3.1.1 and 6.1.6).  Another server, or another
 * service of the same one, knows neither.
 */
#ifndef CASMOCK_ASSOCIATION_H
#define CASMOCK_ASSOCIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum { HANDLE_BYTES = 20, HANDLES = 16 };

enum handle_kind { HANDLE_FREE, HANDLE_MAIL, HANDLE_MAIL_ASYNC, HANDLE_BOOK };

struct handle {
	enum handle_kind kind;
	uint8_t wire[HANDLE_BYTES];
};

struct association {
	LIST_ENTRY(association) next;
	uint32_t id;
	unsigned int connections;
	struct handle handle[HANDLES];
};
LIST_HEAD(associations, association);

/* Group 0 asks for a new one.  NULL: there is no such group, or no memory. */
struct association *association_join(struct associations *all, uint32_t id);
/* The last one who leaves ends the group and all its handles. */
void association_leave(struct association *association);

/* The new handle, or NULL when there are too many. */
const uint8_t *association_open(struct association *association, enum handle_kind kind);
bool association_knows(const struct association *association, enum handle_kind kind,
		       const uint8_t wire[HANDLE_BYTES]);
void association_close(struct association *association, const uint8_t wire[HANDLE_BYTES]);

#endif
