/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of clients, each with its sessions and the members that have them: who takes how much of an
 * array, of a service, of an affinity group.  Pure.
 */
#ifndef CASPAIR_CLIENT_SET_H
#define CASPAIR_CLIENT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_ip.h"

enum {
	CLIENT_SET_LISTED = 256,  /* in one list */
	CLIENT_SET_ROOM = 500000, /* clients of all sets that share a room: about 50 MB */
};

/* What sets share: the key of their hash, which clients must not know, and their memory. */
struct client_room {
	uint64_t key;
	uint32_t left;   /* clients that may still be added */
	uint64_t missed; /* sessions of clients that found no room, or no memory */
};

struct client_use {
	struct flow_ip client;
	uint32_t sessions;
	uint16_t member; /* slot of the first session seen */
	uint16_t other;  /* of one that is at another member; FLOW_NO_MEMBER: there is none */
};

struct client_entry;

/* Zeroed: empty. */
struct client_set {
	struct client_entry *entries;
	uint64_t sessions; /* without the missed ones */
	uint32_t clients;
};

void client_set_free(struct client_set *set);

/* One more session of a client. */
void client_set_add(struct client_set *set, struct client_room *room, const struct flow_ip *client,
		    uint16_t member);

/* Those with most sessions, the first one with the most. */
struct client_list {
	struct client_use use[CLIENT_SET_LISTED];
	size_t count;
	uint64_t found; /* which were to be listed, though only so many could */
	uint64_t held;  /* sessions of those that are listed */
};

/*
 * Of the clients with at least `least` sessions, or, with `split`, of those with sessions at more
 * than one member, the `most` (at most CLIENT_SET_LISTED) with the most sessions.
 */
struct client_wanted {
	uint32_t least;
	bool split;
	size_t most;
};
void client_set_list(const struct client_set *set, const struct client_wanted *wanted,
		     struct client_list *list);

#endif
