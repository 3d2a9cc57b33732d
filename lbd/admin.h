/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operators want of members: drained, in maintenance, or nothing in particular.  Pure.  A
 * member is known here by its names, so a wish outlives restarts and changes of the configuration.
 *
 * Times are of two clocks.  A deadline counts on the monotonic clock, so that nobody loses his
 * sessions because the date was set; on disk it is a date, for a machine that boots again has no
 * other; in the log it is the time that is left, for the peer's date may differ.
 */
#ifndef CASPAIR_ADMIN_H
#define CASPAIR_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lbd/plan.h"
#include "request.pb-c.h"

enum { ADMIN_NAME = 64, ADMIN_OWNER = 33, ADMIN_REASON = 121 };

/* One member that is not simply up. */
struct admin_wish {
	char array[ADMIN_NAME], member[ADMIN_NAME];
	Cas__AdminState__Word word;
	char owner[ADMIN_OWNER], reason[ADMIN_REASON];
	uint32_t uid;
	uint64_t since_ms;              /* Unix time */
	bool ends;                      /* its sessions, */
	int64_t deadline_ns, spread_ns; /* from then on, over so long */
};

struct admin {
	struct admin_wish *wish;
	size_t count;
};

/* The two clocks at one moment. */
struct admin_time {
	uint64_t now_ns;  /* monotonic */
	uint64_t unix_ms; /* date */
};

void admin_free(struct admin *admin);

/* The wish about a member; NULL: it is up. */
const struct admin_wish *admin_find(const struct admin *admin, const char *array,
				    const char *member);

/* Puts a wish in place of the last one about the same member; one for UP removes it.  0, -ENOMEM.
 */
int admin_put(struct admin *admin, const struct admin_wish *wish);

/*
 * The same wish from what the peer or the disk says; false: it has no meaning.  Names and texts
 * that are too long are refused and cut.
 */
bool admin_read(struct admin_wish *wish, const Cas__AdminState *state,
		const struct admin_time *time);

/*
 * A wish as a message that borrows its strings.  `on_disk` says which clock its deadline is told
 * by.
 */
void admin_write(Cas__AdminState *state, const struct admin_wish *wish,
		 const struct admin_time *time, bool on_disk);

/* Whether two wishes want the same, however their time left was rounded on its way. */
bool admin_same(const struct admin_wish *one, const struct admin_wish *other);

/* What follows for a member, now.  NULL is no wish. */
enum plan_duty admin_duty(const struct admin_wish *wish, uint64_t now_ns);

/* The share of its clients whose sessions are to be ended by now: UINT32_MAX is all, 0 none. */
uint32_t admin_share(const struct admin_wish *wish, uint64_t now_ns);

#endif
