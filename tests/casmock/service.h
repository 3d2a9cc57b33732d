/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A service of the stand-in: a port, the interfaces that are served there, and the connections of
 * its clients.  Three of them make a CAS.
 */
#ifndef CASMOCK_SERVICE_H
#define CASMOCK_SERVICE_H

#include <stdint.h>
#include <sys/queue.h>

#include <ev.h>

#include "tests/casmock/fault.h"
#include "tests/casmock/interface.h"

enum { SERVICE_MAPPER, SERVICE_MAPI, SERVICE_BOOK, SERVICES };

struct connection;

struct service {
	const char *name;                         /* that the switches call it by */
	const struct interface *const *interface; /* NULL after the last */
	struct cas *cas;
	uint16_t first, last; /* ports to choose from */

	uint16_t port; /* that was chosen */
	enum fault fault;
	int fd; /* -1: nobody listens */
	struct ev_io accept;
	struct associations associations;
	LIST_HEAD(, connection) connections;
};

struct cas {
	const char *name;
	struct ev_loop *loop;
	struct service service[SERVICES];
	unsigned int wait_ms; /* how long a client waits for news that never come */
};

/* Names the three services; ports are the caller's to choose. */
void cas_init(struct cas *cas, const char *name, struct ev_loop *loop);

/* Chooses a port and listens; 0 or a negative errno. */
int service_start(struct service *service);
/* Ends all that was begun, as a process does that ends. */
void service_stop(struct service *service);
/* Makes that wrong with it, and nothing else.  0 or a negative errno. */
int service_fail(struct service *service, enum fault fault);

#endif
