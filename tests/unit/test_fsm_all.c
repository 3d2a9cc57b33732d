// SPDX-License-Identifier: BSD-2-Clause
/*
 * The machine as a whole: every sequence of a few events from every place that a pair can bring it
 * to, under every combination of options, and long walks at random.  After each step the rules
 * below must hold, whatever came.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "vrrp/fsm.h"

enum { OWN = 0x0a000001, PEER = 0x0a000002, STRANGER = 0x0a000063, DEPTH = 3, OPTIONS = 16 };

static const uint64_t ms = 1000000;

struct walk {
	struct fsm fsm;
	uint64_t now;
	bool holding;     /* the addresses */
	uint64_t highest; /* epoch that was ever heard or used */
};

/* --- what can happen -------------------------------------------------------------------------- */

enum timing { SOON, AT_DEADLINE, ASLEEP };

/* An event by its kind and what matters about it. */
static const struct happening {
	enum fsm_kind kind;
	enum timing when;
	unsigned int what; /* priority, fault, kind of report, epoch above our own, ... */
	uint32_t source;
} happenings[] = {
	{ .kind = FSM_START },
	{ .kind = FSM_START, .what = FSM_FAULT_PLANE },
	{ .kind = FSM_FAILED, .what = FSM_FAULT_LINK },
	{ .kind = FSM_RECOVERED, .what = FSM_FAULT_LINK },
	{ .kind = FSM_RECOVERED, .what = FSM_FAULT_PLANE },
	{ .kind = FSM_FAILED, .what = FSM_FAULT_TRACK },
	{ .kind = FSM_RECOVERED, .what = FSM_FAULT_TRACK },
	{ .kind = FSM_FAILED, .what = FSM_FAULT_LAN },
	{ .kind = FSM_RECOVERED, .what = FSM_FAULT_LAN },
	{ .kind = FSM_FAILED, .what = FSM_FAULT_SIDE },
	{ .kind = FSM_RECOVERED, .what = FSM_FAULT_SIDE },
	{ .kind = FSM_ADVERT, .what = 253, .source = PEER },
	{ .kind = FSM_ADVERT, .what = 255, .source = PEER },
	{ .kind = FSM_ADVERT, .what = 255, .source = STRANGER },
	{ .kind = FSM_ADVERT, .what = 1, .source = STRANGER },
	{ .kind = FSM_ADVERT, .when = ASLEEP, .what = 253, .source = PEER },
	{ .kind = FSM_RELEASE, .source = PEER },
	{ .kind = FSM_RELEASE, .source = STRANGER },
	{ .kind = FSM_EVENTS, .when = AT_DEADLINE }, /* whichever timer is next */
	{ .kind = FSM_EVENTS, .when = ASLEEP },
	{ .kind = FSM_PEER_REPORT, .what = 0 },
	{ .kind = FSM_PEER_REPORT, .what = 1 },
	{ .kind = FSM_PEER_REPORT, .what = 2 },
	{ .kind = FSM_PEER_REPORT, .what = 3 },
	{ .kind = FSM_PEER_YIELD, .what = 0 },
	{ .kind = FSM_PEER_YIELD, .what = 1 },
	{ .kind = FSM_PEER_TAKEN, .what = 0 },
	{ .kind = FSM_PEER_TAKEN, .what = 1 },
	{ .kind = FSM_PEER_CLAIM, .what = 0 },
	{ .kind = FSM_PEER_CLAIM, .what = 1 },
	{ .kind = FSM_PEER_CLAIM, .what = 2 },
	{ .kind = FSM_PEER_GRANT, .what = 1 },
	{ .kind = FSM_PEER_REFUSE, .what = 0 },
	{ .kind = FSM_PEER_REFUSE, .what = 1 },
	{ .kind = FSM_PEER_CALM },
	{ .kind = FSM_RESERVED, .what = 100 },
	{ .kind = FSM_HANDOVER },
	{ .kind = FSM_FENCED },
	{ .kind = FSM_FENCE_RESULT, .what = 0 },
	{ .kind = FSM_FENCE_RESULT, .what = 1 },
	{ .kind = FSM_STOP },
};

enum { HAPPENINGS = sizeof(happenings) / sizeof(*happenings) };

static struct fsm_report report_of(const struct fsm *fsm, unsigned int what)
{
	return (struct fsm_report){
		.channel = what != 0,
		.peer_lives = what != 0,
		.peer_standby = what == 1,
		.peer_active = what >= 2,
		.ready = what == 1,
		.priority = 253,
		.peer_epoch = fsm->epoch + (what == 3),
		.highest = fsm->epoch,
	};
}

static struct fsm_event event_of(const struct walk *walk, const struct happening *h)
{
	const struct fsm *fsm = &walk->fsm;
	struct fsm_event event = { .kind = h->kind, .now = walk->now };

	if (h->kind == FSM_START)
		event.start.faults = h->what;
	else if (h->kind == FSM_FAILED || h->kind == FSM_RECOVERED)
		event.fault.bit = h->what;
	else if (h->kind == FSM_ADVERT || h->kind == FSM_RELEASE)
		event.advert.source = addr_from4(htonl(h->source)),
		event.advert.priority = (uint8_t)h->what, event.advert.interval_ns = 100 * ms;
	else if (h->kind == FSM_PEER_REPORT)
		event.report = report_of(fsm, h->what);
	else if (h->kind == FSM_RESERVED)
		event.epoch = walk->highest + h->what;
	else if (h->kind == FSM_FENCE_RESULT)
		event.fence.id = fsm->fence_id, event.fence.done = h->what;
	else if (h->kind >= FSM_PEER_YIELD && h->kind <= FSM_PEER_CALM)
		event.word = (struct fsm_word){ .epoch = fsm->epoch + !!h->what,
						.id = fsm->claim.id,
						.preempt = h->what == 1,
						.lame = !h->what,
						.counts = h->what != 1 };
	return event;
}

/* --- what must hold --------------------------------------------------------------------------- */

static bool barred(const struct fsm *fsm)
{
	unsigned int hard = FSM_FAULT_LINK | FSM_FAULT_PLANE | FSM_FAULT_EPOCH;

	if (!fsm->report.channel && !fsm->config.strict)
		hard |= FSM_FAULT_LAN;
	return fsm->faults & hard;
}

static void check_state(const struct walk *walk)
{
	const struct fsm *fsm = &walk->fsm;
	bool waits = fsm->down_at || fsm->fence_at;

	assert_true(fsm->state == FSM_ACTIVE || !fsm->advert_at);
	assert_true(!fsm->claim_at || fsm->down_at);
	assert_true(!fsm->down_at || !fsm->fence_at);
	assert_true(!fsm->held || fsm->state == FSM_BACKUP || fsm->state == FSM_FAULT);
	assert_true(!fsm->yield_at == !fsm->yield_until);
	assert_true(fsm->reason[0]);
	assert_int_equal(walk->holding, fsm->state == FSM_ACTIVE || fsm->yield_until);
	switch (fsm->state) {
	case FSM_ACTIVE:
		assert_true(fsm->advert_at && !waits && !fsm->yield_at && !fsm->released);
		assert_true(fsm->epoch <= fsm->reserved);
		break;
	case FSM_BACKUP:
		assert_true(waits && !fsm->faults);
		break;
	case FSM_FAULT:
		assert_true(fsm->faults);
		/* Forgetting the channel is an event of its own, which then stops the wait. */
		assert_true(barred(fsm) ? !waits || fsm->stale_at : waits);
		break;
	default:
		assert_false(waits);
	}
}

static void check_options(const struct fsm *before, const struct fsm *fsm, unsigned int actions)
{
	if (fsm->config.strict) {
		assert_false(actions & (FSM_SEND_CLAIM | FSM_FENCE));
		assert_int_equal(fsm->forged, before->forged);
		assert_int_equal(fsm->holds, before->holds);
	}
	assert_true(fsm->config.fence || !(actions & FSM_FENCE));
	assert_true(fsm->config.preempt || !(actions & FSM_SEND_CLAIM) || !fsm->claim.preempt);
}

static void check_takeover(const struct walk *walk, const struct fsm *before,
			   const struct fsm_event *event, unsigned int actions)
{
	const unsigned int all = FSM_LEASE_ACTIVE | FSM_SEND_ADVERT | FSM_TAKE_ADDRESSES |
				 FSM_ANNOUNCE | FSM_REPORT_ROLE | FSM_SEND_TAKEN;

	assert_int_equal(actions & all, all);
	assert_true(walk->fsm.epoch > walk->highest);
	assert_false(barred(&walk->fsm));
	switch (event->kind) {
	case FSM_DOWN_TIMER:
	case FSM_PEER_YIELD:
	case FSM_PEER_GRANT:
		break;
	case FSM_FENCE_TIMER:
		assert_false(before->config.consistency);
		break;
	case FSM_FENCE_RESULT:
		assert_true(event->fence.done || !before->config.consistency);
		break;
	default:
		fail_msg("%s makes a node active", fsm_event_names[event->kind]);
	}
}

static void check_step(struct walk *walk, const struct fsm *before, const struct fsm_event *event,
		       unsigned int actions)
{
	const struct fsm *fsm = &walk->fsm;

	/* To be put on and taken off in one step would interrupt what goes on. */
	assert_false(actions & FSM_TAKE_ADDRESSES && actions & FSM_DROP_ADDRESSES);
	if (actions & FSM_TAKE_ADDRESSES)
		walk->holding = true;
	if (actions & FSM_DROP_ADDRESSES)
		walk->holding = false;
	assert_true(fsm->epoch >= before->epoch);
	if (fsm->state != before->state)
		assert_true(actions & FSM_REPORT_ROLE);
	if (before->state == FSM_ACTIVE && fsm->state != FSM_ACTIVE)
		assert_true(actions & FSM_LEASE_STANDBY);
	if (before->state != FSM_ACTIVE && fsm->state == FSM_ACTIVE)
		check_takeover(walk, before, event, actions);
	if (actions & (FSM_SEND_REFUSE | FSM_SEND_GRANT))
		assert_true(event->kind == FSM_PEER_CLAIM && before->state == FSM_ACTIVE);
	/* Whoever is not heard asks at once whether it is heard by anybody. */
	if (actions & FSM_PROBE)
		assert_true(actions & FSM_SEND_REFUSE && !event->word.preempt &&
			    !event->word.lame && !fsm->config.strict);
	/* And leads no longer than its answers are known to have come. */
	if (actions & FSM_SEND_REFUSE && event->word.counts)
		assert_true(actions & FSM_LEASE_BOUND && fsm->asked_until);
	assert_true(fsm->state == FSM_ACTIVE || !fsm->asked_until);
	assert_true(!fsm->asked_until || fsm->lease_until <= fsm->asked_until);
	assert_true(fsm->state != FSM_ACTIVE || !fsm->asking);
	/* Whoever asked and cannot lead any more says so. */
	assert_true(!fsm->asking || fsm->down_at || fsm->fence_at);
	if (before->asking && !fsm->asking && fsm->state != FSM_ACTIVE)
		assert_true(actions & FSM_SEND_CALM);
	check_options(before, fsm, actions);
	check_state(walk);
	if (fsm->epoch > walk->highest)
		walk->highest = fsm->epoch;
	if (fsm->heard > walk->highest)
		walk->highest = fsm->heard;
}

/* A pair without a row is counted, and changes nothing. */
static void check_impossible(const struct fsm *before, struct fsm after, enum fsm_kind kind)
{
	assert_int_equal(after.impossible[before->state][kind],
			 before->impossible[before->state][kind] + 1);
	after.impossible[before->state][kind]--;
	assert_memory_equal(&after, before, sizeof(after));
}

static void feed(struct walk *walk, const struct fsm_event *event)
{
	const struct fsm before = walk->fsm;
	unsigned int actions = fsm_step(&walk->fsm, event);

	if (fsm_expects(before.state, event->kind))
		check_step(walk, &before, event, actions);
	else
		check_impossible(&before, walk->fsm, event->kind);
}

static void happen(struct walk *walk, const struct happening *h)
{
	uint64_t deadline = fsm_deadline(&walk->fsm);
	struct fsm_event event;
	enum fsm_kind due;

	if (h->when == AT_DEADLINE)
		walk->now = deadline > walk->now ? deadline : walk->now;
	else
		walk->now += h->when == ASLEEP ? 2000 * ms : ms;
	/* The daemon lets no timer wait behind anything but what it reads first. */
	if (h->kind != FSM_EVENTS) {
		event = event_of(walk, h);
		feed(walk, &event);
	}
	for (int i = 0; (due = fsm_due(&walk->fsm, walk->now)) != FSM_EVENTS; i++) {
		assert_true(i < 8); /* timers end */
		event = (struct fsm_event){ .kind = due, .now = walk->now };
		feed(walk, &event);
	}
}

/* --- walks ------------------------------------------------------------------------------------ */

static struct walk begin(unsigned int options)
{
	const struct fsm_config config = {
		.own = { addr_from4(htonl(OWN)) },
		.peer = { addr_from4(htonl(PEER)) },
		.priority = 254,
		.preempt = options & 1,
		.strict = options & 2,
		.fence = options & 4,
		.consistency = options & 8,
		.advert_ns = 100 * ms,
		.hold_ns = 10000 * ms,
		.report_ns = 1500 * ms,
		.fence_ns = 1000 * ms,
	};
	struct walk walk = { .now = 1000000000000 };

	fsm_init(&walk.fsm, &config, 0);
	return walk;
}

/* Ways into the places from where everything is tried; numbers of happenings end with -1. */
static size_t find(enum fsm_kind kind, unsigned int what)
{
	for (size_t i = 0; i < HAPPENINGS; i++) {
		if (happenings[i].kind == kind && happenings[i].what == what)
			return i;
	}
	fail_msg("no such happening");
	return 0;
}

struct turn {
	enum fsm_kind kind;
	unsigned int what;
};

enum { WAYS = 10, TURNS = 8 };

#define TIMER                                                                                      \
	{                                                                                          \
		FSM_EVENTS, 0                                                                      \
	}
#define STOCK                                                                                      \
	{                                                                                          \
		FSM_RESERVED, 100                                                                  \
	}
#define BEGIN { FSM_START, 0 }, STOCK
#define PEER_LEADS                                                                                 \
	{                                                                                          \
		FSM_PEER_REPORT, 3                                                                 \
	}
#define NO_MORE                                                                                    \
	{                                                                                          \
		FSM_START, UINT32_MAX                                                              \
	}

static const struct turn ways[WAYS][TURNS] = {
	{ NO_MORE },
	{ BEGIN, NO_MORE },
	{ BEGIN, TIMER, NO_MORE },
	{ BEGIN, TIMER, { FSM_PEER_REPORT, 1 }, NO_MORE },
	{ BEGIN, PEER_LEADS, { FSM_ADVERT, 253 }, NO_MORE },
	{ BEGIN, PEER_LEADS, TIMER, { FSM_PEER_REFUSE, 1 }, NO_MORE },
	{ BEGIN, TIMER, { FSM_PEER_REPORT, 1 }, { FSM_HANDOVER, 0 }, NO_MORE },
	{ BEGIN, PEER_LEADS, { FSM_FAILED, FSM_FAULT_LAN }, NO_MORE },
	{ BEGIN, TIMER, { FSM_PEER_REPORT, 2 }, { FSM_FAILED, FSM_FAULT_LAN }, NO_MORE },
	{ { FSM_START, FSM_FAULT_PLANE }, STOCK, NO_MORE },
};

static struct walk place(unsigned int way, unsigned int options)
{
	struct walk walk = begin(options);

	for (size_t i = 0; i < TURNS && ways[way][i].what != UINT32_MAX; i++)
		happen(&walk, &happenings[find(ways[way][i].kind, ways[way][i].what)]);
	return walk;
}

static unsigned int seen[FSM_STATES][FSM_EVENTS];

static void explore(const struct walk *from, unsigned int depth)
{
	for (size_t i = 0; i < HAPPENINGS; i++) {
		struct walk walk = *from;

		if (happenings[i].kind != FSM_EVENTS)
			seen[from->fsm.state][happenings[i].kind]++;
		happen(&walk, &happenings[i]);
		if (depth > 1)
			explore(&walk, depth - 1);
	}
}

static void every_sequence_of_events(void **unused)
{
	(void)unused;
	for (unsigned int options = 0; options < OPTIONS; options++) {
		for (unsigned int way = 0; way < WAYS; way++) {
			const struct walk walk = place(way, options);

			explore(&walk, DEPTH);
		}
	}
	/* Timers are what time brings; everything else was tried in every state. */
	for (unsigned int state = 0; state < FSM_STATES; state++) {
		for (unsigned int kind = 0; kind < FSM_EVENTS; kind++) {
			if (kind >= FSM_DOWN_TIMER && kind <= FSM_FENCE_TIMER)
				continue;
			assert_true(seen[state][kind] > 100);
		}
	}
}

static void long_walks(void **unused)
{
	uint64_t seed = 88172645463325252, transitions = 0;

	(void)unused;
	for (unsigned int options = 0; options < OPTIONS; options++) {
		struct walk walk = begin(options);

		for (int i = 0; i < 60000; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			happen(&walk, &happenings[(seed >> 20) % HAPPENINGS]);
		}
		transitions += walk.fsm.transitions;
	}
	assert_true(transitions > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sequence_of_events),
		cmocka_unit_test(long_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
