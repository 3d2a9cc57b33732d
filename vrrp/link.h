/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The LAN: adverts of each family in use, multicast or to the peer alone.  Counts what it refuses
 * and says so, at most once in ten seconds for each reason.  Adverts of other VRIDs are not refused
 * but filtered by the kernel, and so not counted.
 */
#ifndef CASPAIR_LINK_H
#define CASPAIR_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/advert.h"
#include "vrrp/port.h"

enum link_family { LINK_V4, LINK_V6, LINK_FAMILIES };

/* Which form of the checksum adverts of version 3 over IPv4 get. */
enum link_checksum { LINK_CHECKSUM_AUTO, LINK_CHECKSUM_RFC5798, LINK_CHECKSUM_RFC9568 };

struct link_config {
	char ifname[IFNAMSIZ];
	int ifindex;
	bool speaks[LINK_FAMILIES];
	/* Sources of adverts.  Of family 0: not known; nothing is sent until it is. */
	struct addr own[LINK_FAMILIES], peer[LINK_FAMILIES];
	uint8_t version; /* of the protocol: 2 or 3 */
	uint8_t vrid;
	bool unicast;       /* to the peer's address, and from there only */
	uint8_t ttl_min;    /* the least that is accepted; 255 unless unicast */
	uint16_t advert_cs; /* version 2: the interval of all */
	bool virtual_mac;   /* adverts to the group come from it */
	enum link_checksum checksum;
};

struct link {
	struct link_config config;
	struct link *twin; /* after link_change(): the other of the two, open or not; else NULL */
	struct port port[LINK_FAMILIES];
	unsigned int turn;            /* the port that is read next */
	enum advert_checksum dialect; /* last heard from a valid sender */
	bool dialect_heard;
	uint64_t sent, received, send_errors;
	uint64_t rejected[ADVERT_VERDICTS];
	uint64_t logged[ADVERT_VERDICTS]; /* when; 0: since then the peer was heard */
	uint64_t send_logged, news_logged, relented;
	struct addr last_source[LINK_FAMILIES];
	uint64_t heard_at[LINK_FAMILIES]; /* by the clock of link_receive(); 0: never */
};

/* What an advert of ours says: of the addresses those of its family. */
struct link_advert {
	uint8_t priority;
	uint64_t interval_ns;
	const struct addr *addresses;
	size_t count; /* at most ADVERT_MAX_ADDRESSES of a family */
};

struct link_heard {
	struct advert advert;
	uint64_t at; /* CLOCK_BOOTTIME: when the kernel had it */
};

/* A link without sockets. */
void link_init(struct link *link);
/* Opens a socket for each family that is spoken; may be called again with another config, and keeps
 * the sockets when it needs no others.  0, or -errno with nothing changed, logged. */
int link_open(struct link *link, const struct link_config *config);
/*
 * As link_open().  Where a peer that has not followed yet would not be heard any more, nor hear,
 * what was open goes on as `former`, which is a link of its own: to be used besides, until the peer
 * is known to have followed, and then closed.
 */
int link_change(struct link *link, struct link *former, const struct link_config *config);
bool link_is_open(const struct link *link);
void link_close(struct link *link);

/*
 * An advert in each family that is spoken and has an address to tell.  0 when all went out, else
 * -errno of the last that did not; counted, and logged now and then.  `now` only paces the log.
 */
int link_send(struct link *link, const struct link_advert *what, uint64_t now);
/* The peer or the group. */
struct addr link_destination(const struct link *link, enum link_family family);
/* The form of the checksum that the next advert over IPv4 gets. */
enum advert_checksum link_dialect(const struct link *link);

/* The next valid advert: 1; 0 when the sockets are empty or enough was read for one go.  `now`
 * (CLOCK_BOOTTIME) is remembered as the time of hearing, and paces the log. */
int link_receive(struct link *link, struct link_heard *heard, uint64_t now);

/* Packets that found a socket full. */
uint64_t link_overruns(const struct link *link);

#endif
