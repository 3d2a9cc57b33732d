// SPDX-License-Identifier: BSD-2-Clause
/*
 *	                 +------+  STOP, from every state: let go first
 *	                 | INIT |<-------------------------------------
 *	                 +--+---+
 *	        START, well |  | START, something is missing
 *	          +---------+  +----------+
 *	          v                       v
 *	      +--------+    FAILED    +-------+
 *	      | BACKUP |------------->| FAULT |   With only soft faults it too waits for silence,
 *	      +--------+<-------------+-------+   a little longer than a healthy backup does.
 *	        |    ^    RECOVERED     |   ^
 *	silence |    | outranked        |   | FAILED: let go
 *	  or    |    | fenced           |   | (soft: only to somebody)
 *	 YIELD  |    | HANDOVER         |   |
 *	        v    |                  |   |
 *	      +--------+<---------------+   |
 *	      | ACTIVE |   silence or YIELD |
 *	      +--------+--------------------+
 */
#include "vrrp/fsm.h"

#include <stddef.h>

#include "vrrp/duty.h"

const char *const fsm_state_names[] = { "init", "backup", "active", "fault" };
_Static_assert(sizeof(fsm_state_names) / sizeof(*fsm_state_names) == FSM_STATES, "names");

const char *const fsm_event_names[] = {
	"start",      "failed",       "recovered",   "advert",      "release",
	"down_timer", "advert_timer", "yield_timer", "peer_report", "peer_yield",
	"peer_taken", "reserved",     "handover",    "fenced",      "stop",
};
_Static_assert(sizeof(fsm_event_names) / sizeof(*fsm_event_names) == FSM_EVENTS, "names");

uint64_t fsm_patience(const struct fsm *fsm)
{
	return 3 * fsm->interval_ns + duty_skew(fsm);
}

uint64_t fsm_lease(const struct fsm_config *config)
{
	return config->advert_ns * 5 / 2;
}

enum {
	IN = 1 << FSM_INIT,
	BK = 1 << FSM_BACKUP,
	AC = 1 << FSM_ACTIVE,
	FA = 1 << FSM_FAULT,
	DECIDED = FSM_STATES, /* next: what the action returns */
};

static const struct row {
	unsigned int states;
	enum fsm_kind event;
	enum fsm_state (*act)(struct fsm *fsm, const struct fsm_event *event);
	unsigned int next;
} table[] = {
	{ IN, FSM_START, quiet_start, DECIDED },
	{ IN | BK | FA, FSM_FAILED, quiet_failed, DECIDED },
	{ AC, FSM_FAILED, lead_failed, DECIDED },
	{ IN | BK | AC | FA, FSM_RECOVERED, duty_recovered, DECIDED },
	{ IN | BK | FA, FSM_ADVERT, quiet_advert, DECIDED },
	{ AC, FSM_ADVERT, lead_advert, DECIDED },
	{ IN, FSM_RELEASE, quiet_keep, FSM_INIT },
	{ BK | FA, FSM_RELEASE, quiet_release, DECIDED },
	{ AC, FSM_RELEASE, lead_release, FSM_ACTIVE },
	{ BK | FA, FSM_DOWN_TIMER, quiet_silence, DECIDED },
	{ AC, FSM_ADVERT_TIMER, lead_advertise, FSM_ACTIVE },
	{ IN | BK | FA, FSM_YIELD_TIMER, quiet_yield_again, DECIDED },
	{ IN | BK | FA, FSM_PEER_REPORT, quiet_report, DECIDED },
	{ AC, FSM_PEER_REPORT, lead_report, DECIDED },
	{ IN, FSM_PEER_YIELD, quiet_keep, FSM_INIT },
	{ BK | FA, FSM_PEER_YIELD, quiet_yield, DECIDED },
	{ AC, FSM_PEER_YIELD, lead_yield, FSM_ACTIVE },
	{ IN | BK | FA, FSM_PEER_TAKEN, quiet_taken, DECIDED },
	{ AC, FSM_PEER_TAKEN, lead_taken, DECIDED },
	{ IN | BK | FA, FSM_RESERVED, quiet_reserved, DECIDED },
	{ AC, FSM_RESERVED, lead_reserved, FSM_ACTIVE },
	{ AC, FSM_HANDOVER, lead_handover, DECIDED },
	{ AC, FSM_FENCED, lead_fenced, DECIDED },
	{ IN | BK | FA, FSM_STOP, quiet_stop, FSM_INIT },
	{ AC, FSM_STOP, lead_stop, FSM_INIT },
};

static const struct row *find_row(enum fsm_state state, enum fsm_kind kind)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (table[i].event == kind && table[i].states & 1u << state)
			return &table[i];
	}
	return NULL;
}

bool fsm_expects(enum fsm_state state, enum fsm_kind kind)
{
	return find_row(state, kind);
}

void fsm_init(struct fsm *fsm, const struct fsm_config *config, uint64_t floor)
{
	*fsm = (struct fsm){
		.config = *config,
		.state = FSM_INIT,
		.reason = "starting",
		.floor = floor,
		.reserved = floor,
		.interval_ns = config->advert_ns,
	};
}

unsigned int fsm_step(struct fsm *fsm, const struct fsm_event *event)
{
	const struct row *row = find_row(fsm->state, event->kind);
	enum fsm_state next;

	if (!row) {
		fsm->impossible[fsm->state][event->kind]++;
		return 0;
	}
	fsm->actions = 0;
	next = row->act(fsm, event);
	if (row->next != DECIDED)
		next = (enum fsm_state)row->next;
	if (next != fsm->state) {
		fsm->transitions++;
		fsm->since = event->now;
	}
	fsm->state = next;
	return fsm->actions;
}

enum fsm_kind fsm_due(const struct fsm *fsm, uint64_t now)
{
	if (fsm->yield_at && now >= fsm->yield_at)
		return FSM_YIELD_TIMER;
	if (fsm->down_at && now >= fsm->down_at)
		return FSM_DOWN_TIMER;
	if (fsm->advert_at && now >= fsm->advert_at)
		return FSM_ADVERT_TIMER;
	return FSM_EVENTS;
}

uint64_t fsm_deadline(const struct fsm *fsm)
{
	uint64_t deadline = fsm->yield_at;

	if (fsm->down_at && (!deadline || fsm->down_at < deadline))
		deadline = fsm->down_at;
	if (fsm->advert_at && (!deadline || fsm->advert_at < deadline))
		deadline = fsm->advert_at;
	return deadline;
}
