/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gratuitous ARP and unsolicited neighbour advertisements: tells the neighbours where an address
 * has moved, and keeps telling them.  And asks them whether one of them has it too.  Frames and
 * schedule are pure; the sender is a packet socket that receives nothing.
 */
#ifndef CASPAIR_ANNOUNCE_H
#define CASPAIR_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/addr.h"

enum {
	ANNOUNCE_ARP = 42, /* bytes of a frame */
	ANNOUNCE_ND = 86,
	ANNOUNCE_ASK_ND = 78,
	ANNOUNCE_SLICE = 32, /* addresses at a time: switches limit what they learn from at once */
};

enum announce_form { ANNOUNCE_REQUEST = 1, ANNOUNCE_REPLY = 2 };

/* Ethernet and ARP for an IPv4 address at `mac`, to everybody.  Some hosts learn from one form
 * only, so both are sent. */
void announce_arp(uint8_t frame[ANNOUNCE_ARP], const uint8_t mac[6], const struct addr *addr,
		  enum announce_form form);
/* Ethernet, IPv6 and a neighbour advertisement to all nodes that overrides what they know (RFC
 * 4861, 7.2.6; RFC 9568, 6.4.2).  `router`: as the kernel says of itself when it is asked. */
void announce_nd(uint8_t frame[ANNOUNCE_ND], const uint8_t mac[6], const struct addr *addr,
		 bool router);

/*
 * Who has this address?  Asked by somebody who has none, so that nobody learns where it is from the
 * question: a probe (RFC 5227, 1.1), and a solicitation of duplicate address detection (RFC 4862,
 * 5.4.2).  Whoever uses the address answers these, and by RFC 4862 to everybody.
 */
void announce_ask_arp(uint8_t frame[ANNOUNCE_ARP], const uint8_t mac[6], const struct addr *addr);
void announce_ask_nd(uint8_t frame[ANNOUNCE_ASK_ND], const uint8_t mac[6], const struct addr *addr);

/* Seconds between two rounds, in the long run.  A split that heals one way first leaves hosts with
 * the wrong station until somebody speaks; and who answers hosts alone is heard when he is asked.
 */
enum { ANNOUNCE_EVERY = 60, ANNOUNCE_ASK_EVERY = 10 };

/* Rounds: at once, after 1 s, 5 s, then each `every` seconds for ever.  One of many addresses is
 * told in slices. */
struct announce_schedule {
	uint64_t started; /* 0: silent */
	uint64_t every;   /* ns */
	uint64_t last, next;
	unsigned int round;
	size_t told;   /* addresses, in a round under way */
	uint64_t plan; /* the round after the one under way */
};

void announce_start(struct announce_schedule *schedule, uint64_t now, unsigned int every);
void announce_stop(struct announce_schedule *schedule);
/* A rival was heard: a round soon, but not more than one a second. */
void announce_again(struct announce_schedule *schedule, uint64_t now);
/* True when a round, or the rest of one, is due: the addresses from `told` on. */
bool announce_due(struct announce_schedule *schedule, uint64_t now);
/* So many have been told of so many. */
void announce_told(struct announce_schedule *schedule, uint64_t now, size_t told, size_t count);

/* Descriptor of the sender, or -errno. */
int announce_open(void);
/* Tells of one address, from the present MAC of the interface.  0 or -errno. */
int announce_send(int fd, int ifindex, const struct addr *addr);
/* Asks whether somebody else has an address.  0 or -errno. */
int announce_ask(int fd, int ifindex, const struct addr *addr);
/* Tells of an address that is at `mac` of another node.  The frame's sender is this one: a
 * switch must not learn the other node here. */
int announce_other(int fd, int ifindex, const struct addr *addr, const uint8_t mac[6]);
/* Announcements on that interface tell this MAC. */
bool announce_is_own(int fd, int ifindex, const uint8_t mac[6]);

#endif
