/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be wrong with a service: one thing at a time. */
#ifndef CASMOCK_FAULT_H
#define CASMOCK_FAULT_H

#include <stdbool.h>

enum fault {
	FAULT_NONE,
	FAULT_REFUSE,       /* nobody listens; who is connected gets no answer */
	FAULT_DEAF,         /* nor does the kernel: connections time out */
	FAULT_HANG,         /* the kernel accepts, nobody answers, as after SIGSTOP */
	FAULT_DIE,          /* nobody listens, and all connections are reset */
	FAULT_UNREGISTERED, /* serves, but the mapper does not know it */
	FAULT_WRONG,        /* another service has the port */
	FAULT_CONGESTED,    /* binds: "temporary congestion" */
	FAULT_LIMIT,        /* binds: "local limit exceeded" */
	FAULT_FULL,         /* contexts: "local limit exceeded" */
	FAULT_BUSY,         /* calls: "server too busy" */
	FAULT_DENIED,       /* calls without credentials: "access denied" */
	FAULT_GARBAGE,      /* answers in another protocol */
	FAULTS
};

const char *fault_name(enum fault fault);
/* FAULTS when there is no such word. */
enum fault fault_named(const char *word);

static inline bool fault_listens(enum fault fault)
{
	return fault != FAULT_REFUSE && fault != FAULT_DIE;
}

/* Whether the service reads what comes. */
static inline bool fault_answers(enum fault fault)
{
	return fault_listens(fault) && fault != FAULT_DEAF && fault != FAULT_HANG;
}

#endif
