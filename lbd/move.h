/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of another size or of a former layout are moved to new ones while the packets go on.
 *
 *	1. move_fill: the new maps are made as `next-NAME` and filled, by the old program's packets
 *	   nothing changes.  Whoever is stopped here has done nothing.
 *	2. move_commit: what has changed meanwhile is copied again, and next-commit is pinned.  Then
 *	   the interfaces get the new program, each in one step.  Whoever is stopped from here on is
 *	   followed by one that goes on here.
 *	3. move_finish: the old tables rest.  What the last copy has missed comes after, and the new
 *	   maps take the old ones' names.
 *
 * Packets that meet a table without their record between 2 and 3 go where pins and Maglev say.
 * `flows` with its buckets and form, `pins`, `reverse` and the maps that count them move together;
 * the other maps one by one.
 */
#ifndef CASPAIR_MOVE_H
#define CASPAIR_MOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct convert_layout;
struct dataplane;

enum { MOVE_MAPS = 48, MOVE_NAME = 16 };

struct move {
	struct {
		char name[MOVE_NAME];
	} map[MOVE_MAPS]; /* that move */
	size_t maps;
	const char *dir;                   /* of the pins; borrowed */
	const struct convert_layout *from; /* NULL: of today's layout */
	bool on;                           /* maps are being moved */
	bool state;                        /* flows and pins among them */
	bool again;                        /* somebody before has committed */
	uint32_t since;                    /* ticks: what is older was copied before the commit */
};

/* Whether a map moves with the flows. */
bool move_is_state(const char *name);

/*
 * Whether what is held fits into the new tables, and those into memory beside the old ones.  0,
 * -ENOSPC or -ENOMEM, the reason logged.
 */
int move_room(const struct dataplane *plane);

/*
 * Copies the maps of a former layout other than those of the state: what user space writes
 * (`config`), or what packets do.  0 or a negative errno, the reason logged.
 */
int move_copy(const struct dataplane *plane, bool config);

/*
 * Fills the maps that were made for old ones.  0, -ENOSPC when the entries do not fit, or another
 * negative errno, the reason logged.
 */
int move_fill(struct dataplane *plane);

/* To be called when the new tables are ready for packets, before any interface uses them. */
int move_commit(struct dataplane *plane);

/* To be called when no interface uses the old tables any more. */
int move_finish(struct dataplane *plane);

#endif
