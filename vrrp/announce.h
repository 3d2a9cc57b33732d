/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gratuitous ARP: tells the neighbours where an address has moved, and keeps telling them.  The
 * schedule is pure; the sender is a packet socket that receives nothing.
 */
#ifndef CASPAIR_ANNOUNCE_H
#define CASPAIR_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

enum { ANNOUNCE_FRAME = 42 };

enum announce_form { ANNOUNCE_REQUEST = 1, ANNOUNCE_REPLY = 2 };

/* Ethernet and ARP for `addr` (network order) at `mac`, to everybody.  Some hosts learn from one
 * form only, so both are sent. */
void announce_frame(uint8_t frame[ANNOUNCE_FRAME], const uint8_t mac[6], uint32_t addr,
		    enum announce_form form);

/* Rounds: at once, after 1 s, 5 s, then each 60 s for ever: a split that heals one way first leaves
 * hosts with the wrong station until somebody speaks. */
struct announce_schedule {
	uint64_t started; /* 0: silent */
	uint64_t last, next;
	unsigned int round;
};

void announce_start(struct announce_schedule *schedule, uint64_t now);
void announce_stop(struct announce_schedule *schedule);
/* A rival was heard: a round soon, but not more than one a second. */
void announce_again(struct announce_schedule *schedule, uint64_t now);
/* True when a round is due; it is then counted as sent. */
bool announce_due(struct announce_schedule *schedule, uint64_t now);

/* Descriptor of the sender, or -errno. */
int announce_open(void);
/* Both forms for one address, from the present MAC of the interface.  0 or -errno. */
int announce_send(int fd, int ifindex, uint32_t addr);

#endif
