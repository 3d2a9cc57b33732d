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
 *	 GRANT  v    | CLAIM, granted   |   |
 *	      +--------+<---------------+   |
 *	      | ACTIVE |   silence or YIELD |
 *	      +--------+--------------------+
 *
 * Silence, while the channel lives: an interval before the end of its patience a backup asks
 * (CLAIM).  REFUSE is as good as an advert, GRANT is a YIELD, and an active node that does not
 * answer is relieved when the patience ends, as one without a channel is.  One that refuses asks
 * its witnesses meanwhile (PROBE), and lets go when they do not hear it either.
 */
#include "vrrp/fsm.h"

#include <stddef.h>
#include <string.h>

#include "vrrp/duty.h"

const char *const fsm_state_names[] = { "init", "backup", "active", "fault" };
_Static_assert(sizeof(fsm_state_names) / sizeof(*fsm_state_names) == FSM_STATES, "names");

const char *const fsm_event_names[] = {
	"start",        "failed",      "recovered",   "advert",       "release",     "down_timer",
	"advert_timer", "yield_timer", "claim_timer", "stale_timer",  "fence_timer", "peer_report",
	"peer_yield",   "peer_taken",  "peer_claim",  "peer_grant",   "peer_refuse", "peer_calm",
	"reserved",     "handover",    "fenced",      "fence_result", "stop",
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
	{ BK | FA, FSM_DOWN_TIMER, claim_silence, DECIDED },
	{ AC, FSM_ADVERT_TIMER, lead_advertise, FSM_ACTIVE },
	{ IN | BK | FA, FSM_YIELD_TIMER, quiet_yield_again, DECIDED },
	{ BK | FA, FSM_CLAIM_TIMER, claim_ask, DECIDED },
	{ IN | BK | FA, FSM_STALE_TIMER, quiet_stale, DECIDED },
	{ AC, FSM_STALE_TIMER, lead_stale, DECIDED },
	{ BK | FA, FSM_FENCE_TIMER, claim_fenced, DECIDED },
	{ IN | BK | FA, FSM_PEER_REPORT, quiet_report, DECIDED },
	{ AC, FSM_PEER_REPORT, lead_report, DECIDED },
	{ IN, FSM_PEER_YIELD, quiet_keep, FSM_INIT },
	{ BK | FA, FSM_PEER_YIELD, quiet_yield, DECIDED },
	{ AC, FSM_PEER_YIELD, lead_yield, FSM_ACTIVE },
	{ IN | BK | FA, FSM_PEER_TAKEN, quiet_taken, DECIDED },
	{ AC, FSM_PEER_TAKEN, lead_taken, DECIDED },
	{ IN | BK | FA, FSM_PEER_CLAIM, claim_deny, DECIDED },
	{ AC, FSM_PEER_CLAIM, lead_claim, DECIDED },
	{ IN, FSM_PEER_GRANT, quiet_keep, FSM_INIT },
	{ BK | FA, FSM_PEER_GRANT, quiet_yield, DECIDED },
	{ AC, FSM_PEER_GRANT, lead_yield, FSM_ACTIVE },
	{ IN, FSM_PEER_REFUSE, quiet_keep, FSM_INIT },
	{ BK | FA, FSM_PEER_REFUSE, claim_refused, DECIDED },
	{ AC, FSM_PEER_REFUSE, lead_taken, DECIDED },
	{ IN | BK | FA, FSM_PEER_CALM, quiet_keep, DECIDED },
	{ AC, FSM_PEER_CALM, lead_calm, FSM_ACTIVE },
	{ IN | BK | FA, FSM_RESERVED, quiet_reserved, DECIDED },
	{ AC, FSM_RESERVED, lead_reserved, FSM_ACTIVE },
	{ AC, FSM_HANDOVER, lead_handover, DECIDED },
	{ AC, FSM_FENCED, lead_fenced, DECIDED },
	{ IN, FSM_FENCE_RESULT, quiet_keep, FSM_INIT },
	{ BK | FA, FSM_FENCE_RESULT, claim_fenced, DECIDED },
	{ AC, FSM_FENCE_RESULT, quiet_keep, FSM_ACTIVE }, /* it came in vain */
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

/* Who asks, and who is asked, as it stands now. */
static void settle(struct fsm *fsm)
{
	if (fsm->state == FSM_ACTIVE) {
		fsm->asking = 0;
		return;
	}
	fsm->asked_until = fsm->refused_id = 0;
	if (fsm->asking && !fsm->down_at && !fsm->fence_at)
		duty_calm(fsm);
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
	/* Whatever happens, it is judged by what is known now.  The deadline stays: the loss of the
	 * channel is an event of its own. */
	if (fsm->stale_at && event->now >= fsm->stale_at)
		fsm->report = (struct fsm_report){ 0 };
	next = row->act(fsm, event);
	if (row->next != DECIDED)
		next = (enum fsm_state)row->next;
	if (next != fsm->state) {
		fsm->transitions++;
		fsm->since = event->now;
		fsm->preempt_at = fsm->disputed_at = 0;
	}
	fsm->state = next;
	settle(fsm);
	return fsm->actions;
}

/* What is known of the peer comes before what follows from it. */
static const struct {
	enum fsm_kind kind;
	size_t at;
} timers[] = {
	{ FSM_STALE_TIMER, offsetof(struct fsm, stale_at) },
	{ FSM_YIELD_TIMER, offsetof(struct fsm, yield_at) },
	{ FSM_CLAIM_TIMER, offsetof(struct fsm, claim_at) },
	{ FSM_FENCE_TIMER, offsetof(struct fsm, fence_at) },
	{ FSM_DOWN_TIMER, offsetof(struct fsm, down_at) },
	{ FSM_ADVERT_TIMER, offsetof(struct fsm, advert_at) },
};

static uint64_t timer_at(const struct fsm *fsm, size_t i)
{
	uint64_t at;

	memcpy(&at, (const char *)fsm + timers[i].at, sizeof(at));
	return at;
}

enum fsm_kind fsm_due(const struct fsm *fsm, uint64_t now)
{
	for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++) {
		uint64_t at = timer_at(fsm, i);

		if (at && now >= at)
			return timers[i].kind;
	}
	return FSM_EVENTS;
}

bool fsm_speaks(const struct fsm *fsm, uint64_t now)
{
	return fsm->state == FSM_ACTIVE && now < fsm->lease_until;
}

uint64_t fsm_deadline(const struct fsm *fsm)
{
	uint64_t deadline = 0;

	for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++) {
		uint64_t at = timer_at(fsm, i);

		if (at && (!deadline || at < deadline))
			deadline = at;
	}
	return deadline;
}
