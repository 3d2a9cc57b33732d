/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Learned pinholes: the ports that RPC checks find go into the port tables, onto the disk and, from
 * the active node, into the log, so that a new active forwards at once.
 */
#ifndef CASPAIR_PINHOLE_H
#define CASPAIR_PINHOLE_H

#include "lbd/learned.h"

struct arena;
struct lbd;

struct pinhole {
	struct learned learned;
	uint64_t seen; /* of the judge's news */
};

/* Reads what was known before the restart. */
void pinhole_load(struct pinhole *pinhole, const char *state_dir);
void pinhole_free(struct pinhole *pinhole);

/* Ten times a second: takes what the checks have learned, where this node judges. */
void pinhole_tick(struct lbd *lbd);

/* What the active's lbd has said: a memo of EVENT_LEARNED. */
void pinhole_obey(struct lbd *lbd, const uint8_t *bytes, size_t size);

/* Says everything once more, as roster_announce() does. */
void pinhole_announce(struct lbd *lbd, bool news);

/* Fills in the ports that a member is known to be at, from the arena; false: no room. */
bool pinhole_status(const struct lbd *lbd, struct arena *arena, unsigned int member,
		    Cas__MemberStatus *status);

#endif
