/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a pool's base may follow its table, one of these a pool.  Pure.
 *
 *	SETTLED -- changed, or promoted in between --> OPEN
 *	OPEN -- quiet for a second --> TOLD
 *	TOLD -- acknowledged --> SETTLED, or OPEN when it was changed once more
 *
 * OPEN: new clients go by the new table, and what the base would not yield is recorded at its SYN.
 * A connection that was begun before has a second to complete and so to come into the log.  TOLD:
 * the GEN record is in the log behind all of these; once the standby has acknowledged it, both
 * nodes derive from the new base.  Without a standby nobody is waited for.  When the time is up
 * without that, the new base is taken all the same: given up, and counted.
 *
 * A node that was promoted keeps the base that it found for a minute, standby or not, whether a
 * switch was open then or is opened meanwhile: sessions of which its predecessor had no time to
 * tell are derived from it when they speak.
 */
#ifndef CASPAIR_BARRIER_H
#define CASPAIR_BARRIER_H

#include <stdbool.h>
#include <stdint.h>

#define BARRIER_QUIET_NS    1000000000ull
#define BARRIER_PATIENCE_NS 3000000000ull
#define BARRIER_TAKEOVER_NS 60000000000ull
#define BARRIER_HEIR_NS     10000000000ull

enum barrier_phase { BARRIER_SETTLED, BARRIER_OPEN, BARRIER_TOLD };

struct barrier {
	enum barrier_phase phase;
	bool inherited;      /* opened by a promotion, or soon after one */
	bool late;           /* told though it was not quiet */
	bool again, passed;  /* TOLD, and changed since; and acknowledged */
	uint32_t generation; /* of the last GEN record: set by whoever writes it */
	uint64_t opened_ns;
	uint64_t quiet_ns; /* by then it is quiet */
	uint64_t until_ns; /* patience ends */
	uint64_t kept;     /* as of the last look */
};

/* What the outside is like when a step is taken. */
struct barrier_sight {
	uint64_t now_ns;
	bool standby;     /* one is attached */
	uint64_t heir_ns; /* until then the base is what the predecessor has left; may be past */
	uint64_t kept;    /* SYNs ever that were sent by the base for want of room */
};

enum barrier_step {
	BARRIER_WAIT,
	BARRIER_TELL,    /* the standings of now become the base's, and are logged */
	BARRIER_SETTLE,  /* the base goes by them */
	BARRIER_GIVE_UP, /* the same, but nobody has promised anything */
};

/* The standings are not the base's any more, or others than these. */
void barrier_changed(struct barrier *barrier, const struct barrier_sight *sight);

/* This node has become active, and its standings are not those of its base. */
void barrier_inherited(struct barrier *barrier, const struct barrier_sight *sight);

/* The standby has acknowledged the record of this generation, and so switched. */
void barrier_passed(struct barrier *barrier, uint32_t generation);

/* What is to be done now; ask again at once unless it says BARRIER_WAIT. */
enum barrier_step barrier_step(struct barrier *barrier, const struct barrier_sight *sight);

/* This node does not lead any more, or has another configuration.  True: a switch was under way. */
bool barrier_reset(struct barrier *barrier);

#endif
