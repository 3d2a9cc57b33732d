/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data plane on its interfaces: one pinned link each, native XDP where all drivers have it,
 * else generic on all of them (a redirect from native into generic XDP does not work).
 */
#ifndef CASPAIR_ATTACH_H
#define CASPAIR_ATTACH_H

#include <stdbool.h>
#include <stddef.h>

#include <net/if.h>

#include "conf/conf.h"
#include "lbd/dataplane.h"

enum { ATTACH_MAX = 16, ATTACH_TEXT = 96 };

struct attach_port {
	char name[IF_NAMESIZE];
	int ifindex;
	int link;     /* descriptor, -1: not attached at present */
	bool pinned;  /* was there before: not to be undone when this fails */
	bool carried; /* from the set before this one */
};

struct attach {
	const char *dir; /* of the pins; borrowed */
	int program;
	Conf__Forwarding__Xdp wanted;
	enum dataplane_xdp mode;
	struct attach_port port[ATTACH_MAX];
	size_t count;
};

void attach_init(struct attach *attach, const char *dir, int program);

/* What the configuration calls for. */
struct attach_wish {
	const char *const *names; /* NULL-terminated */
	Conf__Forwarding__Xdp xdp;
	bool family[FLOW_FAMILIES]; /* that some array has a VIP of */
};

/*
 * Makes the wished ones the interfaces: links of a former run get the new program without
 * a packet lost, others are made, those no longer named are given up at the very end.  0, or a
 * negative errno with the reason and the remedy logged and everything as it was before.
 */
int attach_set(struct attach *attach, const struct attach_wish *wish);

/*
 * To be called after link events: an interface that came back gets its link again.  True when all
 * are attached; else `why` names one that is not.
 */
bool attach_refresh(struct attach *attach, char why[ATTACH_TEXT]);

/* Whether an interface is up and has a carrier. */
bool attach_running(const struct attach_port *port);

/* Closes the descriptors; the links stay pinned and forwarding. */
void attach_close(struct attach *attach);

#endif
