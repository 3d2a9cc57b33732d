/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data plane on its interfaces, by the same hook on all of them (a redirect from native into
 * generic XDP does not work).  Unless the configuration says otherwise: native XDP where all are
 * real devices whose drivers have it; else tc, which takes the large packets of virtual devices
 * as they are.  Generic XDP only on demand.
 */
#ifndef CASPAIR_ATTACH_H
#define CASPAIR_ATTACH_H

#include <stdbool.h>
#include <stddef.h>

#include <net/if.h>

#include "conf/conf.h"
#include "lbd/dataplane.h"
#include "lbd/hook.h"

enum { ATTACH_MAX = 16, ATTACH_TEXT = 96 };

struct attach_port {
	char name[IF_NAMESIZE];
	struct hook hook;
	bool pinned;  /* was there before: not to be undone when this fails */
	bool carried; /* from the set before this one */
};

struct attach {
	const char *dir;         /* of the pins; borrowed */
	struct dataplane *plane; /* likewise */
	Conf__Forwarding__Xdp xdp;
	Conf__Forwarding__Place__Hook place;
	enum hook_kind kind; /* of all ports */
	char why[ATTACH_TEXT];
	struct attach_port port[ATTACH_MAX];
	size_t count;
};

void attach_init(struct attach *attach, const char *dir, struct dataplane *plane);

/* What the configuration calls for. */
struct attach_wish {
	const char *const *names; /* NULL-terminated */
	Conf__Forwarding__Xdp xdp;
	Conf__Forwarding__Place__Hook place;
	bool family[FLOW_FAMILIES]; /* that some array has a VIP of */
};

/*
 * Makes the wished ones the interfaces: those of a former run get the new program without
 * a packet lost, others are made, those no longer named are given up at the very end.  0, or a
 * negative errno with the reason and the remedy logged and everything as it was before.
 */
int attach_set(struct attach *attach, const struct attach_wish *wish);

/*
 * To be called after link events: an interface that came back gets its program again.  True when
 * all are attached; else `why` names one that is not.
 */
bool attach_refresh(struct attach *attach, char why[ATTACH_TEXT]);

/* Whether an interface is up and has a carrier. */
bool attach_running(const struct attach_port *port);

/* Closes the descriptors; what is pinned goes on forwarding. */
void attach_close(struct attach *attach);

#endif
