/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel says of interfaces and addresses, as it happens. */
#ifndef CASPAIR_WATCH_H
#define CASPAIR_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

struct addr;
struct nl_sock;

struct watch_ops {
	/* An interface's state may have changed: its name, its index, 0 when it has gone. */
	void (*link)(void *arg, const char *ifname, int ifindex, bool up);
	/* An address, of either family, has come or gone. */
	void (*address)(void *arg, const struct addr *addr, int ifindex, bool gone);
	/* News were lost: look at everything again, with watch_up(). */
	void (*lost)(void *arg);
};

struct watch {
	struct nl_sock *sock;
	ev_io io;
	struct ev_loop *loop;
	const struct watch_ops *ops;
	void *arg;
};

/* 0 or -errno, logged. */
int watch_open(struct watch *watch, struct ev_loop *loop, const struct watch_ops *ops, void *arg);
void watch_close(struct watch *watch);

/* Administratively up and with carrier, asked now. */
bool watch_up(const char *ifname);

#endif
