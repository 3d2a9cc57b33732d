/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The LAN: one raw socket for adverts, multicast or to the peer alone.  Counts what it refuses and
 * says so, at most once in ten seconds for each reason.  Adverts of other VRIDs are not refused but
 * filtered by the kernel, and so not counted.
 */
#ifndef CASPAIR_LINK_H
#define CASPAIR_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/advert.h"

struct link_config {
	char ifname[IFNAMSIZ];
	int ifindex;
	uint32_t own, peer; /* network order */
	uint8_t vrid;
	bool unicast; /* to the peer's address, and from there only */
};

struct link {
	struct link_config config;
	int fd;                       /* -1: closed */
	enum advert_checksum dialect; /* last heard from a valid sender */
	bool dialect_heard;
	uint64_t sent, received, send_errors;
	uint64_t rejected[ADVERT_VERDICTS];
	uint64_t logged[ADVERT_VERDICTS]; /* when; 0: since then a good packet came */
	uint64_t send_logged, news_logged;
	uint32_t last_source;
};

/* What an advert of ours says. */
struct link_advert {
	uint8_t priority;
	uint64_t interval_ns;
	const uint32_t *addresses; /* network order */
	size_t count;              /* at most ADVERT_MAX_ADDRESSES */
};

/* Opens the socket; may be called again with another config for an interface made anew.
 * 0 or -errno, logged. */
int link_open(struct link *link, const struct link_config *config);
void link_close(struct link *link);

/* 0 or -errno; counted, and logged now and then.  `now` only paces the log. */
int link_send(struct link *link, const struct link_advert *what, uint64_t now);

/* The next valid advert in the socket: 1; 0 when it is empty or enough was read for one go. */
int link_receive(struct link *link, struct advert *advert, uint64_t now);

#endif
