/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel knows of neighbours, asked by a thread of its own.  Each question may have to
 * wait for the kernel's one lock of network devices (rtnl), which a driver that resets its card
 * holds for seconds: no advert may wait with it.  The thread and the rest of the process have
 * nothing in common but two ends of a socket.
 */
#ifndef CASPAIR_INQUIRY_H
#define CASPAIR_INQUIRY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/addr.h"

struct nl_sock;

enum {
	INQUIRY_MAX = 16,
	INQUIRY_SILENT_MS = 1500, /* longer than three rounds: then an answer is old */
};

struct inquiry_question {
	bool again; /* a probe that runs begins anew; not for ever, for it would never end */
	size_t count;
	struct addr addr[INQUIRY_MAX];
};

/* Of an address, or of the router before it. */
struct inquiry_finding {
	struct addr addr;
	int ifindex;      /* where it was looked for; 0: there is no route to it */
	uint64_t seen_ns; /* CLOCK_BOOTTIME of its last answer; 0: none lately */
	bool reachable;   /* it has answered this question */
};

struct inquiry_answer {
	size_t count;
	struct inquiry_finding finding[INQUIRY_MAX];
};

struct inquiry {
	int fd;               /* readable: there is an answer */
	int theirs;           /* the thread's end */
	struct nl_sock *sock; /* the thread's */
	pthread_t thread;
};

/*
 * Starts the thread with the rights and in the class that the caller has by then; in a real-time
 * class it gives way to the caller.  0 or -errno, logged.
 */
int inquiry_open(struct inquiry *inquiry);
/* Waits for the thread, which may be waiting for the kernel. */
void inquiry_close(struct inquiry *inquiry);

/*
 * Has all of them asked.  The answer comes a tenth of a second later, or when the kernel can; until
 * then nothing else is asked.  False: it cannot be asked now.
 */
bool inquiry_ask(struct inquiry *inquiry, const struct inquiry_question *question);
/* Takes it; false: there is none. */
bool inquiry_take(struct inquiry *inquiry, struct inquiry_answer *answer);

#endif
