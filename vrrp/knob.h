/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings of the kernel (/proc/sys/net) that are others' while we run, and are put back after. */
#ifndef CASPAIR_KNOB_H
#define CASPAIR_KNOB_H

#include <stddef.h>

enum { KNOB_MAX = 64, KNOB_PATH = 96 };

struct knob {
	char path[KNOB_PATH]; /* below /proc/sys/net */
	int before;
};

struct knobs {
	struct knob knob[KNOB_MAX];
	size_t count;
	char store[108]; /* file that outlives a crash; empty: none */
};

/* Reads what an earlier run has left in that file, so that its values count as those of before. */
void knob_open(struct knobs *knobs, const char *store);

/* "ipv4", "eth0", "arp_ignore": sets it, and with a file remembers what it was the first time.  0
 * or -errno, logged. */
int knob_set(struct knobs *knobs, const char *family, const char *ifname, const char *name,
	     int value);
/* Puts all back that still are there, and forgets them. */
void knob_restore(struct knobs *knobs);

#endif
