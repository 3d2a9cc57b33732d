// SPDX-License-Identifier: BSD-2-Clause
/* The election, row by row: RFC 9568 section 6 first, then what a pair adds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "vrrp/fsm.h"

static const uint64_t ms = 1000000;
static const uint64_t start_time = 1000000000000;

enum { OWN = 0x0a000001, PEER = 0x0a000002 }; /* host order: 10.0.0.1, 10.0.0.2 */

static struct fsm machine(uint8_t priority)
{
	const struct fsm_config config = {
		.own = { addr_from4(htonl(OWN)) },
		.peer = { addr_from4(htonl(PEER)) },
		.priority = priority,
		.advert_ns = 100 * ms,
		.hold_ns = 10000 * ms,
		.report_ns = 1500 * ms,
		.fence_ns = 5000 * ms,
	};
	struct fsm fsm;

	fsm_init(&fsm, &config, 0);
	return fsm;
}

static unsigned int step(struct fsm *fsm, enum fsm_kind kind, uint64_t now)
{
	const struct fsm_event event = { .kind = kind, .now = now };

	return fsm_step(fsm, &event);
}

static unsigned int reserve(struct fsm *fsm, uint64_t epoch, uint64_t now)
{
	const struct fsm_event event = { .kind = FSM_RESERVED, .now = now, .epoch = epoch };

	return fsm_step(fsm, &event);
}

static unsigned int advert(struct fsm *fsm, uint8_t priority, uint32_t source, uint64_t now)
{
	const struct fsm_event event = {
		.kind = priority ? FSM_ADVERT : FSM_RELEASE,
		.now = now,
		.advert = { addr_from4(htonl(source)), priority, 100 * ms, 0 },
	};

	return fsm_step(fsm, &event);
}

static unsigned int word(struct fsm *fsm, enum fsm_kind kind, uint64_t epoch, uint64_t now)
{
	const struct fsm_event event = { .kind = kind, .now = now, .epoch = epoch };

	return fsm_step(fsm, &event);
}

static unsigned int fault(struct fsm *fsm, enum fsm_kind kind, unsigned int bit, uint64_t now)
{
	const struct fsm_event event = { .kind = kind, .now = now, .fault.bit = bit };

	return fsm_step(fsm, &event);
}

static unsigned int report(struct fsm *fsm, struct fsm_report report, uint64_t now)
{
	const struct fsm_event event = { .kind = FSM_PEER_REPORT, .now = now, .report = report };

	return fsm_step(fsm, &event);
}

static const struct fsm_report peer_standby = { .channel = true, .peer_standby = true };

/* A machine that has reached the state by the shortest way, at start_time. */
static struct fsm in_state(enum fsm_state state)
{
	struct fsm fsm = machine(254);
	struct fsm_event start = { .kind = FSM_START, .now = start_time };

	if (state == FSM_INIT)
		return fsm;
	start.start.faults = state == FSM_FAULT ? FSM_FAULT_LINK : 0;
	fsm_step(&fsm, &start);
	reserve(&fsm, 1000, start_time);
	if (state == FSM_ACTIVE)
		word(&fsm, FSM_PEER_YIELD, 4, start_time);
	assert_int_equal(fsm.state, state);
	return fsm;
}

/* --- the table as a whole --------------------------------------------------------------------- */

/* What cannot happen, because the timer does not run or the shell does not ask. */
static bool cannot_be(enum fsm_state state, enum fsm_kind kind)
{
	switch (kind) {
	case FSM_START:
		return state != FSM_INIT;
	case FSM_DOWN_TIMER:
	case FSM_CLAIM_TIMER:
	case FSM_FENCE_TIMER:
		return state == FSM_INIT || state == FSM_ACTIVE;
	case FSM_YIELD_TIMER:
		return state == FSM_ACTIVE;
	case FSM_ADVERT_TIMER:
	case FSM_HANDOVER:
	case FSM_FENCED:
		return state != FSM_ACTIVE;
	default:
		return false;
	}
}

static void every_pair_has_a_row_or_is_counted(void **unused)
{
	(void)unused;
	for (unsigned int state = 0; state < FSM_STATES; state++) {
		for (unsigned int kind = 0; kind < FSM_EVENTS; kind++) {
			struct fsm fsm = in_state((enum fsm_state)state), before = fsm;
			bool impossible = cannot_be((enum fsm_state)state, (enum fsm_kind)kind);

			assert_int_equal(!impossible,
					 fsm_expects((enum fsm_state)state, (enum fsm_kind)kind));
			step(&fsm, (enum fsm_kind)kind, start_time + ms);
			assert_int_equal(fsm.impossible[state][kind], impossible);
			if (!impossible)
				continue;
			fsm.impossible[state][kind] = 0;
			assert_memory_equal(&fsm, &before, sizeof(fsm));
		}
	}
}

/* Whatever comes in whatever order, a timer belongs to its state and a role to its actions. */
static void random_walk_keeps_the_invariants(void **unused)
{
	uint64_t seed = 88172645463325252, now = start_time;
	struct fsm fsm = machine(254);
	bool holding = false;

	(void)unused;
	for (int i = 0; i < 300000; i++) {
		struct fsm_event event = { 0 };
		enum fsm_state before = fsm.state;
		enum fsm_kind due;
		unsigned int actions;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		now += seed >> 40 & 0xffffff;
		due = fsm_due(&fsm, now);
		event.kind = due != FSM_EVENTS ? due : (enum fsm_kind)(seed % FSM_EVENTS);
		event.now = now;
		if (due == FSM_EVENTS && event.kind >= FSM_DOWN_TIMER &&
		    event.kind <= FSM_YIELD_TIMER)
			continue;
		if (event.kind == FSM_ADVERT)
			event.advert.source = addr_from4(htonl(OWN + (seed >> 20 & 1))),
			event.advert.priority = (uint8_t)(252 + (seed >> 21 & 3)),
			event.advert.interval_ns = 100 * ms;
		else if (event.kind == FSM_FAILED || event.kind == FSM_RECOVERED)
			event.fault.bit = 1u << (seed >> 20) % 5;
		else if (event.kind == FSM_PEER_REPORT)
			event.report = (struct fsm_report){
				.channel = seed >> 20 & 1,
				.peer_active = seed >> 21 & 1,
				.ready = seed >> 22 & 1,
				.priority = 253,
				.peer_epoch = fsm.epoch + (seed >> 23 & 3) - 1,
			};
		else if (event.kind == FSM_RESERVED)
			event.epoch = fsm.epoch + 100;
		else if (event.kind == FSM_PEER_YIELD || event.kind == FSM_PEER_TAKEN)
			event.epoch = fsm.epoch + (seed >> 20 & 1);
		actions = fsm_step(&fsm, &event);

		assert_true(fsm.state == FSM_ACTIVE || !fsm.advert_at);
		assert_true(fsm.state != FSM_ACTIVE || (fsm.advert_at && !fsm.down_at));
		assert_true(fsm.state == FSM_BACKUP ? fsm.down_at && !fsm.faults : true);
		assert_true(fsm.state == FSM_FAULT ? fsm.faults : true);
		assert_true(fsm.state != FSM_ACTIVE || !fsm.yield_at);
		assert_true(fsm.state != FSM_ACTIVE || fsm.epoch <= fsm.reserved);
		if (actions & FSM_DROP_ADDRESSES)
			holding = false;
		if (actions & FSM_TAKE_ADDRESSES)
			holding = true;
		assert_int_equal(holding, fsm.state == FSM_ACTIVE || fsm.yield_until);
		assert_true(before == fsm.state || actions & FSM_REPORT_ROLE);
		if (before == FSM_ACTIVE && fsm.state != FSM_ACTIVE)
			assert_true(actions & FSM_LEASE_STANDBY);
		if (before != FSM_ACTIVE && fsm.state == FSM_ACTIVE)
			assert_true(actions & FSM_LEASE_ACTIVE && actions & FSM_SEND_ADVERT &&
				    actions & FSM_SEND_TAKEN && actions & FSM_REPORT_ROLE);
		if (fsm.state == FSM_INIT && !fsm.yield_until)
			step(&fsm, FSM_START, now);
	}
	assert_true(fsm.transitions > 1000);
}

/* --- RFC 9568 --------------------------------------------------------------------------------- */

/* 6.1: Skew_Time = (256 - priority) * interval / 256, without rounding to whole centiseconds. */
static void skew_is_exact(void **unused)
{
	(void)unused;
	for (unsigned int priority = 1; priority <= 254; priority++) {
		struct fsm fsm = machine((uint8_t)priority);

		fsm.interval_ns = 10 * ms;
		assert_int_equal(fsm_patience(&fsm), 30 * ms + (256 - priority) * 10 * ms / 256);
		if (priority > 1)
			assert_true((256 - priority) * 10 * ms / 256 > 0);
	}
}

static void start_waits_for_silence(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	uint64_t due = start_time + 300 * ms + 2 * 100 * ms / 256;

	(void)unused;
	assert_int_equal(fsm_deadline(&fsm), due);
	assert_int_equal(fsm_due(&fsm, due - 1), FSM_EVENTS);
	assert_int_equal(fsm_due(&fsm, due), FSM_DOWN_TIMER);
	assert_int_equal(step(&fsm, FSM_DOWN_TIMER, due),
			 FSM_LEASE_ACTIVE | FSM_SEND_ADVERT | FSM_TAKE_ADDRESSES | FSM_ANNOUNCE |
				 FSM_REPORT_ROLE | FSM_SEND_TAKEN);
	assert_int_equal(fsm.state, FSM_ACTIVE);
	assert_int_equal(fsm.epoch, 1);
	assert_int_equal(fsm_deadline(&fsm), due + 100 * ms);
	assert_int_equal(fsm.lease_until, due + 250 * ms);
}

static void backup_adopts_the_interval(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	const struct fsm_event slow = { .kind = FSM_ADVERT,
					.now = start_time,
					.advert = { addr_from4(htonl(PEER)), 253, 1000 * ms, 0 } };

	(void)unused;
	assert_int_equal(fsm_step(&fsm, &slow), 0);
	assert_int_equal(fsm.state, FSM_BACKUP);
	assert_int_equal(fsm.down_at, start_time + 3000 * ms + 2 * 1000 * ms / 256);
	/* As active it uses its own again. */
	step(&fsm, FSM_DOWN_TIMER, fsm.down_at);
	assert_int_equal(fsm.interval_ns, 100 * ms);
}

static void release_leaves_only_the_skew(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);

	(void)unused;
	advert(&fsm, 0, PEER, start_time + 5);
	assert_int_equal(fsm.down_at, start_time + 5 + 2 * 100 * ms / 256);
	step(&fsm, FSM_DOWN_TIMER, fsm.down_at);
	assert_string_equal(fsm.reason, "the active node released the role");
}

static void backup_never_preempts_by_default(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	struct fsm_report ready = peer_standby;

	(void)unused;
	ready.ready = true;
	report(&fsm, ready, start_time);
	for (uint64_t t = 0; t < 100; t++)
		advert(&fsm, 1, PEER, start_time + t * 100 * ms);
	assert_int_equal(fsm.down_at, start_time + 9900 * ms + 300 * ms + 2 * 100 * ms / 256);
}

/* A lower advert is discarded without re-arming, but only by a node that is in sync. */
static void preemption_goes_through_the_gate(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	struct fsm_report gate = { .channel = true, .peer_active = true, .peer_epoch = 3 };

	(void)unused;
	fsm.config.preempt = true;
	report(&fsm, gate, start_time);
	assert_int_equal(advert(&fsm, 1, PEER, start_time + 100 * ms), 0);
	gate.ready = true;
	report(&fsm, gate, start_time + 150 * ms);
	assert_int_equal(advert(&fsm, 255, PEER, start_time + 200 * ms), 0);
	/* It asks, and goes on waiting as a backup does. */
	assert_int_equal(advert(&fsm, 1, PEER, start_time + 300 * ms), FSM_SEND_CLAIM);
	assert_true(fsm.claim.preempt);
	assert_int_equal(fsm.down_at, start_time + 300 * ms + fsm_patience(&fsm));
	/* Not at the pace of the adverts. */
	assert_int_equal(advert(&fsm, 1, PEER, start_time + 400 * ms), 0);
	gate.ready = false;
	report(&fsm, gate, start_time + 1350 * ms);
	assert_int_equal(advert(&fsm, 1, PEER, start_time + 1400 * ms), 0);
}

/*
 * A lower router that is no peer, because no channel has ever been there: RFC 9568 6.4.2, the timer
 * is not re-armed.  But a node that has just started lets its channel come up first.
 */
static void preemption_of_a_foreign_router(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	uint64_t now = start_time, armed;

	(void)unused;
	fsm.config.preempt = true;
	for (; now < start_time + 10000 * ms; now += 100 * ms) {
		advert(&fsm, 1, PEER, now);
		assert_int_equal(fsm.down_at, now + fsm_patience(&fsm));
	}
	armed = fsm.down_at;
	advert(&fsm, 1, PEER, now);
	assert_int_equal(fsm.down_at, armed);
	/* The peer with the channel down: what it has not replicated would be lost. */
	report(&fsm, peer_standby, now);
	report(&fsm, (struct fsm_report){ 0 }, now);
	advert(&fsm, 1, PEER, now);
	assert_int_equal(fsm.down_at, now + fsm_patience(&fsm));
}

/* The delay counts from the sight of a lower active node, and anew after a higher one. */
static void preemption_is_delayed(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	uint64_t now = start_time;

	(void)unused;
	fsm.config.preempt = fsm.config.strict = true;
	fsm.config.preempt_delay_ns = 1000 * ms;
	for (int round = 0; round < 2; round++) {
		uint64_t seen = now, armed = 0;

		for (; now <= seen + 1000 * ms; now += 100 * ms) {
			assert_true(fsm.down_at >= armed);
			armed = fsm.down_at;
			advert(&fsm, 1, PEER, now);
		}
		assert_int_equal(fsm.down_at, armed);
		advert(&fsm, 255, PEER, now);
		now += 100 * ms;
	}
}

/* Who holds after its boot is not waiting for the hold any more when the active node dies. */
static void a_preempting_node_does_not_hold_for_the_dead(void **unused)
{
	struct fsm fsm = machine(254);
	const struct fsm_event start = { .kind = FSM_START,
					 .now = start_time,
					 .start.hold_until = start_time + 10000 * ms };
	struct fsm_report ready = { .channel = true, .peer_active = true, .ready = true };

	(void)unused;
	fsm.config.preempt = true;
	fsm_step(&fsm, &start);
	reserve(&fsm, 1000, start_time);
	report(&fsm, ready, start_time + 10 * ms);
	advert(&fsm, 1, PEER, start_time + 100 * ms);
	assert_int_equal(fsm.down_at, start_time + 100 * ms + fsm_patience(&fsm));
}

static void active_against_adverts(void **unused)
{
	static const struct {
		uint8_t priority;
		uint32_t source;
		enum fsm_state next;
	} rows[] = {
		{ 255, PEER, FSM_BACKUP },
		{ 254, PEER, FSM_BACKUP }, /* equal: the higher address, 10.0.0.2 */
		{ 254, OWN - 1, FSM_ACTIVE },
		{ 254, 0x09ffffff, FSM_ACTIVE }, /* compared in network order: 9.255.255.255 */
		{ 254, 0xc0000001, FSM_BACKUP }, /* and without a sign */
		{ 253, PEER, FSM_ACTIVE },
		{ 1, PEER, FSM_ACTIVE },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fsm fsm = in_state(FSM_ACTIVE);
		unsigned int did = advert(&fsm, rows[i].priority, rows[i].source,
					  start_time + 30 * ms);

		assert_int_equal(fsm.state, rows[i].next);
		if (rows[i].next == FSM_ACTIVE) {
			/* RFC 9568: at once, and hosts that learned the other must hear us. */
			assert_int_equal(did, FSM_SEND_ADVERT | FSM_REANNOUNCE);
			assert_int_equal(fsm.advert_at, start_time + 130 * ms);
			continue;
		}
		/* No priority 0: the winner would take it for a rival's end. */
		assert_int_equal(did, FSM_LEASE_STANDBY | FSM_DROP_ADDRESSES | FSM_REPORT_ROLE);
		assert_int_equal(fsm.down_at, start_time + 330 * ms + 2 * 100 * ms / 256);
	}
}

static struct addr text_addr(const char *text)
{
	struct addr addr = { 0 };

	assert_true(addr_parse(&addr, text));
	return addr;
}

/* Link-local sources, compared as unsigned bytes; the peer's by one family, whichever comes. */
static void ties_within_a_family(void **unused)
{
	static const struct {
		const char *own6, *peer6, *source;
		bool v4;
		enum fsm_state next;
	} rows[] = {
		{ "fe80::1", "fe80::2", "fe80::2", false, FSM_BACKUP },
		{ "fe80::2", "fe80::1", "fe80::1", false, FSM_ACTIVE },
		{ "fe80::7fff:1", "fe80::8000:0", "fe80::8000:0", false, FSM_BACKUP },
		{ "fe80::ff", "fe80::1", "fe80::100", false, FSM_BACKUP }, /* a stranger */
		/* IPv4 says that the peer is higher: so it is in its IPv6 adverts. */
		{ "fe80::2", "fe80::1", "fe80::1", true, FSM_BACKUP },
		{ "fe80::2", "fe80::1", "10.0.0.2", true, FSM_BACKUP },
		{ "fe80::2", "", "fe80::1", true, FSM_BACKUP }, /* not known yet */
		/* Strangers know nothing of that. */
		{ "fe80::5", "fe80::1", "fe80::2", true, FSM_ACTIVE },
		{ "fe80::5", "fe80::1", "10.0.0.9", true, FSM_BACKUP },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fsm fsm = in_state(FSM_ACTIVE);
		struct fsm_event event = {
			.kind = FSM_ADVERT,
			.now = start_time + ms,
			.advert = { text_addr(rows[i].source), 254, 100 * ms, 0 },
		};

		fsm.config.own[FSM_V6] = text_addr(rows[i].own6);
		if (rows[i].peer6[0])
			fsm.config.peer[FSM_V6] = text_addr(rows[i].peer6);
		if (!rows[i].v4)
			fsm.config.own[FSM_V4] = fsm.config.peer[FSM_V4] = (struct addr){ 0 };
		fsm_step(&fsm, &event);
		assert_int_equal(fsm.state, rows[i].next);
	}
}

/* Two nodes that both believe to lead by better right: each answer would bring the next one. */
static void answers_to_adverts_are_few(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	unsigned int answers = 0;

	(void)unused;
	for (uint64_t us = 0; us < 100000; us += 250)
		answers += !!(advert(&fsm, 1, PEER, start_time + us * 1000) & FSM_SEND_ADVERT);
	assert_int_equal(fsm.state, FSM_ACTIVE);
	assert_int_equal(answers, 8);
}

static void active_answers_a_release(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);

	(void)unused;
	assert_int_equal(advert(&fsm, 0, PEER, start_time + ms), FSM_SEND_ADVERT | FSM_REANNOUNCE);
}

/* Absolute deadlines: lateness of one advert does not move the next. */
static void adverts_keep_their_grid(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	uint64_t due;

	(void)unused;
	for (uint64_t i = 1; i <= 600; i++) {
		due = start_time + i * 100 * ms;
		assert_int_equal(fsm_deadline(&fsm), due);
		assert_int_equal(step(&fsm, FSM_ADVERT_TIMER, due + i % 90 * ms), FSM_SEND_ADVERT);
		assert_int_equal(fsm.lease_until, due + i % 90 * ms + 250 * ms);
	}
}

/* --- stalls and fences ------------------------------------------------------------------------ */

static void late_active_listens_before_it_speaks(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	uint64_t late = start_time + 300 * ms;

	(void)unused;
	assert_int_equal(step(&fsm, FSM_ADVERT_TIMER, late), 0);
	assert_true(fsm_deadline(&fsm) > late);
	/* Whatever its priority: who advertises while our lease is over has taken over. */
	assert_true(advert(&fsm, 1, PEER, late + ms) & FSM_DROP_ADDRESSES);
	assert_int_equal(fsm.state, FSM_BACKUP);
}

/* Later than any standby waits: an advert of the peer would come within its interval. */
static void late_active_goes_on_when_nobody_spoke(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE), other;
	uint64_t late = start_time + 5000 * ms;

	(void)unused;
	assert_int_equal(step(&fsm, FSM_ADVERT_TIMER, late), 0);
	while (fsm_deadline(&fsm) < late + 150 * ms)
		assert_int_equal(step(&fsm, FSM_ADVERT_TIMER, fsm_deadline(&fsm)), 0);
	other = fsm;
	assert_true(advert(&other, 253, PEER, late + 149 * ms) & FSM_DROP_ADDRESSES);
	assert_int_equal(step(&fsm, FSM_ADVERT_TIMER, fsm_deadline(&fsm)), FSM_SEND_ADVERT);
	assert_true(fsm.lease_until >= late + 400 * ms);
	assert_int_equal(fsm.advert_at, late + 250 * ms);
	/* Once is enough: the next one is punctual. */
	assert_int_equal(step(&fsm, FSM_ADVERT_TIMER, fsm_deadline(&fsm)), FSM_SEND_ADVERT);
}

/* Longer than the peer waits: it has followed by now, and its next word will say so. */
/* A backup that wakes from a stall has heard nobody, which is not the same as silence. */
static void a_late_backup_listens_before_it_leads(void **unused)
{
	static const struct {
		uint64_t late;
		bool released;
		enum fsm_state next;
	} rows[] = {
		{ 0, false, FSM_ACTIVE },    { 99, false, FSM_ACTIVE }, { 101, false, FSM_BACKUP },
		{ 5000, false, FSM_BACKUP }, { 101, true, FSM_BACKUP }, { 50, true, FSM_ACTIVE },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fsm fsm = in_state(FSM_BACKUP), other;
		uint64_t now;

		if (rows[i].released)
			advert(&fsm, 0, PEER, start_time);
		now = fsm.down_at + rows[i].late * ms;
		step(&fsm, FSM_DOWN_TIMER, now);
		assert_int_equal(fsm.state, rows[i].next);
		if (fsm.state == FSM_ACTIVE)
			continue;
		/* An advert of the time it needs to come at all, then it is heard or leads. */
		assert_true(fsm.down_at > now + 100 * ms && fsm.down_at < now + 110 * ms);
		other = fsm;
		advert(&other, 253, PEER, now + 100 * ms);
		assert_int_equal(other.down_at, now + 100 * ms + fsm_patience(&other));
		/* Once: a machine that is always late would never lead. */
		step(&fsm, FSM_DOWN_TIMER, fsm.down_at + 500 * ms);
		assert_int_equal(fsm.state, FSM_ACTIVE);
		/* But once for each silence. */
		step(&other, FSM_DOWN_TIMER, other.down_at + 500 * ms);
		assert_int_equal(other.state, FSM_BACKUP);
	}
}

/* It also asks, where it can. */
static void a_late_backup_asks(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	struct fsm_report active = { .channel = true, .peer_lives = true, .peer_active = true };
	uint64_t now = start_time + 3000 * ms;

	(void)unused;
	report(&fsm, active, start_time);
	/* The stale report is the first thing that comes to mind. */
	step(&fsm, FSM_STALE_TIMER, now);
	step(&fsm, FSM_DOWN_TIMER, now);
	assert_int_equal(fsm.state, FSM_BACKUP);
	report(&fsm, active, now + 30 * ms);
	assert_true(fsm.claim_at && fsm.claim_at <= now + 30 * ms);
	assert_int_equal(step(&fsm, FSM_CLAIM_TIMER, now + 30 * ms), FSM_SEND_CLAIM);
}

static void overslept_active_waits_for_a_word(void **unused)
{
	struct fsm_report old = peer_standby, word = peer_standby;
	uint64_t woke = start_time + 500 * ms, now = woke;

	(void)unused;
	for (int leads = 0; leads < 2; leads++) {
		struct fsm fsm = in_state(FSM_ACTIVE);

		report(&fsm, old, start_time + 50 * ms);
		/* A report that lay in the socket is as old as it is. */
		old.age_ns = 300 * ms;
		report(&fsm, old, woke);
		for (now = woke; now < woke + 90 * ms; now = fsm_deadline(&fsm)) {
			assert_int_equal(step(&fsm, FSM_ADVERT_TIMER, now), 0);
			assert_false(fsm_speaks(&fsm, now));
		}
		word.peer_active = leads;
		word.peer_standby = !leads;
		word.peer_epoch = fsm.epoch + (unsigned int)leads;
		report(&fsm, word, now);
		if (leads) {
			assert_int_equal(fsm.state, FSM_BACKUP);
			continue;
		}
		assert_int_equal(step(&fsm, FSM_ADVERT_TIMER, fsm_deadline(&fsm)), FSM_SEND_ADVERT);
		assert_true(fsm_speaks(&fsm, now));
		assert_int_equal(fsm.overrun, 1);
		assert_int_equal(fsm.latest_ns, 400 * ms);
	}
}

/* Hosts are told by whoever leads, from his first word on, and by nobody else. */
static void only_a_lease_speaks(void **unused)
{
	(void)unused;
	for (int state = 0; state < FSM_STATES; state++) {
		struct fsm fsm = in_state((enum fsm_state)state);

		assert_int_equal(fsm_speaks(&fsm, start_time), state == FSM_ACTIVE);
		if (state != FSM_ACTIVE)
			continue;
		assert_true(fsm_speaks(&fsm, fsm.lease_until - 1));
		assert_false(fsm_speaks(&fsm, fsm.lease_until));
	}
}

/* A syncd that hangs too keeps nobody silent for ever. */
static void overslept_active_does_not_wait_for_ever(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	uint64_t woke = start_time + 500 * ms, now = woke;

	(void)unused;
	report(&fsm, peer_standby, start_time + 50 * ms);
	while (!(step(&fsm, FSM_ADVERT_TIMER, now) & FSM_SEND_ADVERT))
		now = fsm.advert_at;
	assert_in_range(now - woke, 150 * ms, 153 * ms);
}

/* Adverts count from when the kernel had them, not from when a busy node reads them. */
static void adverts_count_from_their_receipt(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	struct fsm_event event = {
		.kind = FSM_ADVERT,
		.now = start_time + 290 * ms,
		.advert = { addr_from4(htonl(PEER)), 253, 100 * ms, start_time + 100 * ms },
	};

	(void)unused;
	fsm_step(&fsm, &event);
	assert_int_equal(fsm.heard_at, start_time + 100 * ms);
	assert_int_equal(fsm.down_at, start_time + 100 * ms + fsm_patience(&fsm));
}

static void a_release_does_not_restore_a_lease(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);

	(void)unused;
	assert_int_equal(advert(&fsm, 0, PEER, start_time + 300 * ms), 0);
}

static void fence_ends_the_role(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);

	(void)unused;
	assert_int_equal(step(&fsm, FSM_FENCED, start_time + 400 * ms),
			 FSM_LEASE_STANDBY | FSM_DROP_ADDRESSES | FSM_REPORT_ROLE);
	assert_int_equal(fsm.state, FSM_BACKUP);
}

/* --- epochs ----------------------------------------------------------------------------------- */

static void takeover_tops_every_epoch(void **unused)
{
	static const struct {
		uint64_t floor, heard, epoch;
	} rows[] = { { 0, 0, 1 }, { 7, 0, 8 }, { 7, 9, 10 }, { 9, 7, 10 } };

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fsm fsm = in_state(FSM_BACKUP);

		fsm.floor = rows[i].floor;
		report(&fsm, (struct fsm_report){ .channel = true, .highest = rows[i].heard },
		       start_time);
		step(&fsm, FSM_DOWN_TIMER, fsm.down_at);
		assert_int_equal(fsm.epoch, rows[i].epoch);
	}
}

static void no_epoch_no_role(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);

	(void)unused;
	report(&fsm, (struct fsm_report){ .channel = true, .highest = 1000 }, start_time);
	assert_int_equal(word(&fsm, FSM_PEER_YIELD, 1000, start_time), FSM_REPORT_ROLE);
	assert_int_equal(fsm.state, FSM_FAULT);
	assert_int_equal(fsm.down_at | fsm.claim_at, 0);
	reserve(&fsm, 1000, start_time);
	assert_int_equal(fsm.state, FSM_FAULT);
	reserve(&fsm, 1001, start_time);
	assert_int_equal(fsm.state, FSM_BACKUP);
	step(&fsm, FSM_DOWN_TIMER, fsm.down_at);
	assert_int_equal(fsm.epoch, 1001);
}

static void nonsense_epochs_are_ignored(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);

	(void)unused;
	report(&fsm, (struct fsm_report){ .channel = true, .highest = UINT64_MAX }, start_time);
	word(&fsm, FSM_PEER_TAKEN, UINT64_MAX, start_time);
	step(&fsm, FSM_DOWN_TIMER, fsm.down_at);
	assert_int_equal(fsm.state, FSM_ACTIVE);
	assert_int_equal(fsm.epoch, 1);
}

static void higher_epoch_beats_priority(void **unused)
{
	struct fsm_report peer = { .channel = true, .peer_active = true, .priority = 1 };
	struct fsm fsm = in_state(FSM_ACTIVE);

	(void)unused;
	peer.peer_epoch = fsm.epoch + 1;
	assert_true(report(&fsm, peer, start_time) & FSM_DROP_ADDRESSES);
	assert_int_equal(fsm.state, FSM_BACKUP);

	/* And the other side of the same meeting does not step down for the greater priority. */
	fsm = in_state(FSM_ACTIVE);
	peer.priority = 255;
	peer.peer_epoch = fsm.epoch - 1;
	assert_int_equal(report(&fsm, peer, start_time), 0);
	advert(&fsm, 255, PEER, start_time + ms);
	assert_int_equal(fsm.state, FSM_ACTIVE);
	/* A third station is not covered by what the channel says of the peer. */
	advert(&fsm, 255, PEER + 1, start_time + ms);
	assert_int_equal(fsm.state, FSM_BACKUP);
}

static void equal_epochs_are_settled_by_priority(void **unused)
{
	static const struct {
		uint8_t own, peer;
		enum fsm_state next;
	} rows[] = { { 254, 253, FSM_ACTIVE }, { 253, 254, FSM_BACKUP }, { 254, 254, FSM_BACKUP } };

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fsm fsm = in_state(FSM_ACTIVE);

		fsm.config.priority = rows[i].own;
		report(&fsm,
		       (struct fsm_report){ .channel = true,
					    .peer_active = true,
					    .peer_epoch = fsm.epoch,
					    .priority = rows[i].peer },
		       start_time);
		assert_int_equal(fsm.state, rows[i].next);
	}
}

/* The other node led in a higher epoch and does not any more: without a new epoch of ours its
 * records would be refused. */
static void active_overtakes_a_higher_epoch(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	struct fsm_report peer = peer_standby;

	(void)unused;
	report(&fsm, peer, start_time);
	peer.highest = 20;
	assert_int_equal(report(&fsm, peer, start_time),
			 FSM_LEASE_ACTIVE | FSM_REPORT_ROLE | FSM_SEND_TAKEN);
	assert_int_equal(fsm.epoch, 21);
	assert_int_equal(report(&fsm, peer, start_time), 0);
	peer.highest = 5000; /* more than is reserved */
	assert_int_equal(report(&fsm, peer, start_time), 0);
	assert_int_equal(reserve(&fsm, 6000, start_time),
			 FSM_LEASE_ACTIVE | FSM_REPORT_ROLE | FSM_SEND_TAKEN);
	assert_int_equal(fsm.epoch, 5001);
}

/* Hosts may have learned the addresses from a peer whose adverts never came here. */
static void who_led_beside_us_is_made_forgotten(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	struct fsm_report peer = peer_standby, rival = peer_standby;

	(void)unused;
	rival.peer_active = true;
	rival.peer_standby = false;
	rival.peer_epoch = fsm.epoch - 1;
	assert_int_equal(report(&fsm, peer, start_time), FSM_REANNOUNCE);
	assert_int_equal(report(&fsm, peer, start_time), 0);
	assert_int_equal(report(&fsm, rival, start_time), 0);
	assert_int_equal(report(&fsm, peer, start_time), FSM_REANNOUNCE);
	report(&fsm, rival, start_time);
	assert_int_equal(word(&fsm, FSM_PEER_YIELD, rival.peer_epoch, start_time),
			 FSM_REANNOUNCE | FSM_SEND_TAKEN);
	assert_int_equal(word(&fsm, FSM_PEER_YIELD, rival.peer_epoch, start_time), FSM_SEND_TAKEN);
	report(&fsm, (struct fsm_report){ 0 }, start_time);
	assert_int_equal(report(&fsm, peer, start_time), FSM_REANNOUNCE);
	assert_int_equal(fsm.state, FSM_ACTIVE);
}

/* Adverts that do not cross while the channel does: the pace of the quarrel halves each time. */
static void quarrel_over_the_channel_slows_down(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	uint64_t now = start_time, last = 0, wait = 0;

	(void)unused;
	for (int i = 0; i < 10; i++) {
		word(&fsm, FSM_PEER_TAKEN, fsm.epoch + 1, now);
		assert_int_equal(fsm.state, FSM_BACKUP);
		wait = fsm.down_at - now;
		assert_true(wait >= last);
		last = wait;
		now = fsm.down_at;
		step(&fsm, FSM_DOWN_TIMER, now);
	}
	assert_true(wait > 15000 * ms && wait < 30000 * ms);
	word(&fsm, FSM_PEER_TAKEN, fsm.epoch + 1, now);
	advert(&fsm, 253, PEER, now);
	assert_int_equal(fsm.down_at - now, fsm_patience(&fsm));
}

/* --- words ------------------------------------------------------------------------------------ */

static void yield_moves_the_role_at_once(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);

	(void)unused;
	assert_true(word(&fsm, FSM_PEER_YIELD, 41, start_time) & FSM_TAKE_ADDRESSES);
	assert_int_equal(fsm.epoch, 42);
	/* Repeated because our answer was lost: say it again, change nothing. */
	assert_int_equal(word(&fsm, FSM_PEER_YIELD, 41, start_time + 100 * ms), FSM_SEND_TAKEN);
	assert_int_equal(fsm.epoch, 42);
}

static void old_yield_moves_nothing(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);

	(void)unused;
	advert(&fsm, 255, PEER, start_time);
	assert_int_equal(word(&fsm, FSM_PEER_YIELD, fsm.epoch - 1, start_time + ms), 0);
	assert_int_equal(fsm.state, FSM_BACKUP);
}

/* Who slept over it does not know what has become of the peer; the peer repeats itself. */
static void yield_that_lay_unread_is_not_taken(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	struct fsm_event event = { .kind = FSM_PEER_YIELD, .now = start_time };

	(void)unused;
	event.word.epoch = fsm.epoch + 3;
	event.word.age_ns = 200 * ms;
	fsm_step(&fsm, &event);
	assert_int_equal(fsm.state, FSM_BACKUP);
	event.word.age_ns = 100 * ms;
	fsm_step(&fsm, &event);
	assert_int_equal(fsm.state, FSM_ACTIVE);
}

/* A node that was restarted knows no epoch of its own; its floor says nothing about the peer. */
static void yield_below_the_floor_counts(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);

	(void)unused;
	fsm.floor = 999;
	word(&fsm, FSM_PEER_YIELD, 3, start_time);
	assert_int_equal(fsm.state, FSM_ACTIVE);
	assert_int_equal(fsm.epoch, 1000);
}

static void yield_to_a_node_that_cannot(void **unused)
{
	struct fsm fsm = in_state(FSM_FAULT);

	(void)unused;
	assert_int_equal(word(&fsm, FSM_PEER_YIELD, 3, start_time), 0);
	assert_int_equal(fsm.state, FSM_FAULT);
}

enum { LET_GO = FSM_LEASE_STANDBY | FSM_SEND_YIELD | FSM_SEND_RELEASE | FSM_REPORT_ROLE };

static void handover_is_confirmed_by_word_or_advert(void **unused)
{
	(void)unused;
	for (int by_advert = 0; by_advert < 2; by_advert++) {
		struct fsm fsm = in_state(FSM_ACTIVE);

		report(&fsm, peer_standby, start_time);
		assert_int_equal(step(&fsm, FSM_HANDOVER, start_time), LET_GO);
		assert_int_equal(fsm.state, FSM_BACKUP);
		assert_int_equal(fsm_due(&fsm, start_time + 100 * ms), FSM_YIELD_TIMER);
		assert_int_equal(step(&fsm, FSM_YIELD_TIMER, start_time + 100 * ms),
				 FSM_SEND_YIELD);
		/* Its confirmation of an earlier one does not count. */
		assert_int_equal(word(&fsm, FSM_PEER_TAKEN, fsm.epoch, start_time), 0);
		/* It advertises before it holds the addresses; only a lost channel makes that do.
		 */
		assert_int_equal(advert(&fsm, 1, PEER, start_time), 0);
		if (by_advert)
			report(&fsm, (struct fsm_report){ 0 }, start_time);
		if (by_advert)
			assert_int_equal(advert(&fsm, 1, PEER, start_time),
					 FSM_CONFIRMED | FSM_DROP_ADDRESSES);
		else
			assert_int_equal(word(&fsm, FSM_PEER_TAKEN, fsm.epoch + 1, start_time),
					 FSM_CONFIRMED | FSM_DROP_ADDRESSES);
		assert_int_equal(fsm.yield_at, 0);
	}
}

/* Nobody takes it: the role comes back as after any silence. */
static void handover_to_nobody_comes_back(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	unsigned int did;

	(void)unused;
	step(&fsm, FSM_HANDOVER, start_time);
	did = step(&fsm, FSM_DOWN_TIMER, fsm.down_at);
	assert_true(did & FSM_UNCONFIRMED && did & FSM_TAKE_ADDRESSES);
	assert_int_equal(fsm.state, FSM_ACTIVE);
}

static void stop_waits_for_the_peer_but_not_for_ever(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	uint64_t now = start_time;
	unsigned int did, yields = 0;

	(void)unused;
	report(&fsm, peer_standby, now);
	assert_int_equal(step(&fsm, FSM_STOP, now), LET_GO);
	assert_int_equal(fsm.state, FSM_INIT);
	do {
		now = fsm_deadline(&fsm);
		did = step(&fsm, FSM_YIELD_TIMER, now);
		yields += !!(did & FSM_SEND_YIELD);
	} while (!(did & FSM_STOPPED));
	assert_int_equal(now, start_time + 1000 * ms);
	assert_int_equal(yields, 9);

	fsm = in_state(FSM_ACTIVE);
	report(&fsm, peer_standby, start_time);
	step(&fsm, FSM_STOP, start_time);
	did = word(&fsm, FSM_PEER_TAKEN, fsm.epoch + 1, start_time);
	assert_int_equal(did, FSM_DROP_ADDRESSES | FSM_CONFIRMED | FSM_STOPPED);

	/* Without a channel nobody could answer; without the role nobody needs to. */
	fsm = in_state(FSM_ACTIVE);
	assert_int_equal(step(&fsm, FSM_STOP, start_time),
			 LET_GO | FSM_DROP_ADDRESSES | FSM_STOPPED);
	fsm = in_state(FSM_BACKUP);
	assert_int_equal(step(&fsm, FSM_STOP, start_time), FSM_REPORT_ROLE | FSM_STOPPED);
}

/* --- what the channel is worth ---------------------------------------------------------------- */

static void an_old_report_is_none(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	struct fsm_report active = { .channel = true, .peer_lives = true, .peer_active = true };

	(void)unused;
	active.age_ns = 400 * ms;
	report(&fsm, active, start_time);
	assert_int_equal(fsm.stale_at, start_time + 1100 * ms);
	active.age_ns = 1500 * ms;
	report(&fsm, active, start_time + 100 * ms);
	assert_false(fsm.report.channel);
	assert_int_equal(fsm.stale_at, 0);
	/* Without another event the timer says so, and a silent node asks nobody any more. */
	active.age_ns = 0;
	report(&fsm, active, start_time + 200 * ms);
	assert_true(fsm.claim_at > 0);
	step(&fsm, FSM_STALE_TIMER, start_time + 1700 * ms);
	assert_false(fsm.report.channel);
	assert_int_equal(fsm.stale_at, 0);
}

static void silence_asks_and_holds(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);
	struct fsm_report active = { .channel = true, .peer_lives = true, .peer_active = true };
	struct fsm_event refuse = { .kind = FSM_PEER_REFUSE };
	unsigned int actions;
	uint64_t first;

	(void)unused;
	report(&fsm, active, start_time);
	first = fsm.down_at - 100 * ms;
	assert_int_equal(fsm.claim_at, first);
	assert_int_equal(step(&fsm, FSM_CLAIM_TIMER, first), FSM_SEND_CLAIM);
	/* The answer to an earlier question is none to this one. */
	refuse.now = first + ms;
	refuse.word.id = fsm.claim.id - 1;
	fsm_step(&fsm, &refuse);
	assert_int_equal(fsm.down_at, first + 100 * ms);
	refuse.word.id = fsm.claim.id;
	assert_int_equal(fsm_step(&fsm, &refuse), 0); /* one advert late is no alarm */
	assert_int_equal(fsm.down_at, first + ms + fsm_patience(&fsm));
	/* The next question says that the answer came; from then on there are two an interval. */
	assert_int_equal(fsm.claim_at, refuse.now);
	for (int i = 0; !fsm.held; i++) {
		assert_true(i < 4);
		report(&fsm, active, fsm.claim_at);
		assert_int_equal(step(&fsm, FSM_CLAIM_TIMER, fsm.claim_at), FSM_SEND_CLAIM);
		refuse.now = fsm.claimed_at + ms;
		refuse.word.id = fsm.claim.id;
		actions = fsm_step(&fsm, &refuse);
		assert_int_equal(actions, fsm.held ? FSM_REPORT_ROLE : 0);
		assert_int_equal(fsm.claim_at, refuse.now + 50 * ms);
	}
	assert_int_equal(fsm.holds, 1);
	assert_true(refuse.now >= start_time + 300 * ms);
	/* No answer: nobody is there. */
	step(&fsm, FSM_CLAIM_TIMER, fsm.claim_at);
	assert_true(step(&fsm, FSM_DOWN_TIMER, fsm.down_at) & FSM_TAKE_ADDRESSES);
	assert_false(fsm.held);
}

static unsigned int claim(struct fsm *fsm, uint64_t id, uint64_t now)
{
	struct fsm_event event = { .kind = FSM_PEER_CLAIM, .now = now };

	event.word.id = id;
	event.word.counts = true;
	return fsm_step(fsm, &event);
}

/*
 * A peer that hears nothing but our answers leads three adverts after the last that it got, which
 * we might not learn: so we lead no longer than that, counted from our last that it is known to
 * have.
 */
static void who_is_asked_leads_on_parole(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	struct fsm_report lives = { .channel = true, .peer_lives = true, .peer_standby = true };
	uint64_t now = start_time + 10 * ms;

	(void)unused;
	report(&fsm, lives, now);
	/* The first question comes when it has an interval left. */
	assert_true(claim(&fsm, 7, now) & FSM_LEASE_BOUND);
	assert_int_equal(fsm.lease_until, now + 75 * ms);
	/* The second one says that it got our first answer, but not yet that of the second. */
	assert_true(claim(&fsm, 8, now + 5 * ms) & FSM_SEND_REFUSE);
	assert_int_equal(fsm.asked_until, now + 300 * ms);
	claim(&fsm, 9, now + 60 * ms);
	assert_int_equal(fsm.asked_until, now + 5 * ms + 300 * ms);
	/* Adverts prolong nothing. */
	while (fsm.advert_at < fsm.asked_until)
		step(&fsm, FSM_ADVERT_TIMER, fsm.advert_at);
	assert_int_equal(fsm.lease_until, fsm.asked_until);
	/* A question that comes too late does not bring it back: others are on their way. */
	claim(&fsm, 10, now + 400 * ms);
	assert_int_equal(fsm.lease_until, now + 60 * ms + 300 * ms);
	claim(&fsm, 11, now + 410 * ms);
	assert_int_equal(fsm.asked_until, now + 400 * ms + 300 * ms);
	assert_int_equal(step(&fsm, FSM_PEER_CALM, now + 420 * ms), FSM_LEASE_BOUND);
	assert_int_equal(fsm.asked_until, 0);
	assert_int_equal(fsm.lease_until, now + 420 * ms + fsm_lease(&fsm.config));
}

/* Nobody asks any more, and nobody says why: it has taken over, or is dead. */
static void parole_ends(void **unused)
{
	struct fsm_report lives = { .channel = true, .peer_lives = true, .peer_standby = true };
	struct fsm_report dead = { .channel = true }, gone = { 0 };

	(void)unused;
	for (int i = 0; i < 4; i++) {
		struct fsm fsm = in_state(FSM_ACTIVE);
		uint64_t now = start_time + 10 * ms;

		report(&fsm, lives, now);
		claim(&fsm, 1, now);
		if (i == 0)
			report(&fsm, dead, now + 50 * ms);
		else if (i == 1)
			report(&fsm, gone, now + 50 * ms);
		else if (i == 2)
			word(&fsm, FSM_PEER_TAKEN, fsm.epoch + 1, now + 50 * ms);
		while (i == 3 && fsm.asked_until) {
			assert_true(fsm.advert_at < now + 1500 * ms);
			step(&fsm, FSM_ADVERT_TIMER, fsm.advert_at);
		}
		assert_int_equal(fsm.asked_until, 0);
		assert_int_equal(fsm.state, i == 2 ? FSM_BACKUP : FSM_ACTIVE);
	}
}

/* Who hears again, or could not lead, says so once. */
static void who_asked_says_when_it_is_calm(void **unused)
{
	struct fsm_report active = { .channel = true, .peer_lives = true, .peer_active = true };

	(void)unused;
	for (int i = 0; i < 3; i++) {
		struct fsm fsm = in_state(FSM_BACKUP);
		unsigned int actions = 0;

		report(&fsm, active, start_time);
		assert_int_equal(step(&fsm, FSM_CLAIM_TIMER, fsm.claim_at), FSM_SEND_CLAIM);
		assert_true(fsm.claim.counts);
		if (i == 0)
			actions = advert(&fsm, 253, PEER, fsm.claimed_at + ms);
		else if (i == 1)
			actions = fault(&fsm, FSM_FAILED, FSM_FAULT_LINK, fsm.claimed_at + ms);
		else
			actions = step(&fsm, FSM_STOP, fsm.claimed_at + ms);
		assert_true(actions & FSM_SEND_CALM);
		assert_false(advert(&fsm, 253, PEER, fsm.claimed_at + 2 * ms) & FSM_SEND_CALM);
	}
}

/* The active node's own LAN may be the one that does not work. */
static void a_node_that_is_not_heard_asks_its_witnesses(void **unused)
{
	static const struct {
		bool preempt, lame, strict, probes;
	} rows[] = {
		{ false, false, false, true },
		{ true, false, false, false }, /* the peer hears us */
		{ false, true, false, false }, /* and could do no better */
		{ false, false, true, false },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fsm fsm = in_state(FSM_ACTIVE);
		struct fsm_event claim = { .kind = FSM_PEER_CLAIM, .now = start_time + ms };
		unsigned int actions;

		fsm.config.strict = rows[i].strict;
		claim.word.preempt = rows[i].preempt;
		claim.word.lame = rows[i].lame;
		actions = fsm_step(&fsm, &claim);
		assert_int_equal(actions, FSM_SEND_REFUSE | (rows[i].probes ? FSM_PROBE : 0));
		assert_int_equal(fsm.state, FSM_ACTIVE);
	}
}

/* It lets go for either fault, and does not take back what it could not serve. */
static void who_is_not_heard_by_witnesses_lets_go(void **unused)
{
	static const unsigned int faults[] = { FSM_FAULT_LAN, FSM_FAULT_SIDE };

	(void)unused;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		struct fsm fsm = in_state(FSM_ACTIVE);
		struct fsm_event claim = { .kind = FSM_PEER_CLAIM, .now = start_time + 3 * ms };

		report(&fsm, peer_standby, start_time + ms);
		assert_true(fault(&fsm, FSM_FAILED, faults[i], start_time + 2 * ms) &
			    FSM_SEND_YIELD);
		assert_int_equal(fsm.state, FSM_FAULT);
		fsm = in_state(FSM_ACTIVE);
		report(&fsm, (struct fsm_report){ .channel = true }, start_time + ms);
		fault(&fsm, FSM_FAILED, faults[i], start_time + 2 * ms);
		assert_int_equal(fsm.state, FSM_ACTIVE); /* nobody is there to have it */
		assert_true(fsm_step(&fsm, &claim) & FSM_SEND_GRANT);
		assert_int_equal(fsm.state, FSM_FAULT);
	}
}

static void fencing_comes_before_a_blind_takeover(void **unused)
{
	static const struct {
		bool consistency, answers, done;
		enum fsm_state next;
	} rows[] = {
		{ false, true, true, FSM_ACTIVE },   { false, true, false, FSM_ACTIVE },
		{ false, false, false, FSM_ACTIVE }, { true, true, true, FSM_ACTIVE },
		{ true, true, false, FSM_BACKUP },   { true, false, false, FSM_BACKUP },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fsm fsm = in_state(FSM_BACKUP);
		struct fsm_event result = { .kind = FSM_FENCE_RESULT };

		fsm.config.fence = true;
		fsm.config.consistency = rows[i].consistency;
		assert_int_equal(step(&fsm, FSM_DOWN_TIMER, fsm.down_at),
				 FSM_FENCE | FSM_REPORT_ROLE);
		assert_int_equal(fsm.state, FSM_BACKUP);
		result.now = fsm.fence_at;
		result.fence.id = fsm.fence_id - 1;
		result.fence.done = true;
		assert_int_equal(fsm_step(&fsm, &result), 0); /* of another time */
		result.fence.id = fsm.fence_id;
		result.fence.done = rows[i].done;
		if (rows[i].answers)
			fsm_step(&fsm, &result);
		else
			step(&fsm, FSM_FENCE_TIMER, fsm.fence_at);
		assert_int_equal(fsm.state, rows[i].next);
		if (rows[i].next == FSM_BACKUP)
			assert_int_equal(fsm.down_at, result.now + 10000 * ms);
	}
}

/* A host that has died says nothing on the channel either, long before it is given up. */
static void fencing_does_not_wait_for_the_channel_to_end(void **unused)
{
	struct fsm_report active = { .channel = true, .peer_lives = true, .peer_active = true };

	(void)unused;
	for (int syncd = 0; syncd < 2; syncd++) {
		struct fsm fsm = in_state(FSM_BACKUP);
		uint64_t now = start_time;

		fsm.config.fence = true;
		report(&fsm, active, start_time + 120 * ms);
		while (!fsm.fence_at && fsm.state == FSM_BACKUP) {
			now = fsm_deadline(&fsm);
			/* Only vrrpd is gone. */
			if (syncd)
				report(&fsm, active, now - 50 * ms);
			step(&fsm, fsm_due(&fsm, now), now);
		}
		assert_int_equal(fsm.state, syncd ? FSM_ACTIVE : FSM_BACKUP);
		assert_true(now < start_time + 550 * ms);
	}
}

/* Heartbeats and looks of one pace: the distance between them never tells the two apart. */
static void fencing_is_not_put_off_for_ever(void **unused)
{
	struct fsm_report standby = { .channel = true, .peer_lives = true, .peer_standby = true };
	struct fsm fsm = in_state(FSM_BACKUP);

	(void)unused;
	fsm.config.fence = true;
	for (int i = 0; i < 3 && fsm.state == FSM_BACKUP; i++) {
		report(&fsm, standby, fsm.down_at - 200 * ms);
		assert_false(step(&fsm, FSM_DOWN_TIMER, fsm.down_at) & FSM_FENCE);
	}
	assert_int_equal(fsm.state, FSM_ACTIVE);
}

/* A priority 0 says that the active node goes by itself; an advert, that fencing is needless. */
static void fencing_is_for_silence_only(void **unused)
{
	struct fsm fsm = in_state(FSM_BACKUP);

	(void)unused;
	fsm.config.fence = true;
	step(&fsm, FSM_DOWN_TIMER, fsm.down_at);
	advert(&fsm, 253, PEER, start_time + 400 * ms);
	assert_int_equal(fsm.fence_at, 0);
	advert(&fsm, 0, PEER, start_time + 450 * ms);
	assert_false(step(&fsm, FSM_DOWN_TIMER, fsm.down_at) & FSM_FENCE);
	assert_int_equal(fsm.state, FSM_ACTIVE);
}

/* --- faults ----------------------------------------------------------------------------------- */

static void lost_link_hands_over(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);

	(void)unused;
	report(&fsm, peer_standby, start_time);
	assert_int_equal(fault(&fsm, FSM_FAILED, FSM_FAULT_LINK, start_time), LET_GO);
	assert_int_equal(fsm.state, FSM_FAULT);
	assert_int_equal(fsm.down_at, 0);
}

static void only_all_recovered_is_recovered(void **unused)
{
	struct fsm fsm = in_state(FSM_FAULT);

	(void)unused;
	fault(&fsm, FSM_FAILED, FSM_FAULT_TRACK, start_time);
	assert_string_equal(fsm.reason, "no carrier where the adverts go");
	fault(&fsm, FSM_RECOVERED, FSM_FAULT_LINK, start_time);
	assert_int_equal(fsm.state, FSM_FAULT);
	assert_string_equal(fsm.reason, "no carrier on a tracked interface");
	fault(&fsm, FSM_RECOVERED, FSM_FAULT_TRACK, start_time);
	assert_int_equal(fsm.state, FSM_BACKUP);
}

static void soft_fault_steps_down_to_somebody_only(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);
	struct fsm_report peer = { .channel = true };

	(void)unused;
	report(&fsm, peer, start_time);
	assert_int_equal(fault(&fsm, FSM_FAILED, FSM_FAULT_TRACK, start_time), 0);
	assert_int_equal(fsm.state, FSM_ACTIVE);
	assert_int_equal(report(&fsm, peer_standby, start_time), LET_GO);
	assert_int_equal(fsm.state, FSM_FAULT);
	/* It leads again when nobody else does, after every healthy node had its chance. */
	assert_true(fsm.down_at > start_time + fsm_patience(&fsm));
	step(&fsm, FSM_DOWN_TIMER, fsm.down_at);
	assert_int_equal(fsm.state, FSM_ACTIVE);
}

static void hold_after_boot(void **unused)
{
	struct fsm fsm = machine(254);
	struct fsm_event start = { .kind = FSM_START, .now = start_time };

	(void)unused;
	start.start.hold_until = start_time + 9000 * ms;
	fsm_step(&fsm, &start);
	assert_int_equal(fsm.down_at, start_time + 9000 * ms);
	/* The first advert proves that the network works: no reason to hold any longer. */
	advert(&fsm, 253, PEER, start_time + ms);
	assert_int_equal(fsm.down_at, start_time + ms + fsm_patience(&fsm));
}

static void hold_after_link_up(void **unused)
{
	struct fsm fsm = in_state(FSM_ACTIVE);

	(void)unused;
	/* Led until the link went, and nobody followed: no hold. */
	fault(&fsm, FSM_FAILED, FSM_FAULT_LINK, start_time);
	fault(&fsm, FSM_RECOVERED, FSM_FAULT_LINK, start_time);
	assert_int_equal(fsm.down_at, start_time + fsm_patience(&fsm));
	/* Somebody did follow. */
	fault(&fsm, FSM_FAILED, FSM_FAULT_LINK, start_time);
	word(&fsm, FSM_PEER_TAKEN, fsm.epoch + 1, start_time);
	fault(&fsm, FSM_RECOVERED, FSM_FAULT_LINK, start_time);
	assert_int_equal(fsm.down_at, start_time + 10000 * ms);
	advert(&fsm, 253, PEER, start_time);
	fault(&fsm, FSM_FAILED, FSM_FAULT_LINK, start_time);
	fault(&fsm, FSM_RECOVERED, FSM_FAULT_LINK, start_time);
	assert_int_equal(fsm.down_at, start_time + 10000 * ms);

	/* The same, told by an advert instead of a word. */
	fsm = in_state(FSM_ACTIVE);
	advert(&fsm, 255, PEER, start_time);
	fault(&fsm, FSM_FAILED, FSM_FAULT_LINK, start_time);
	fault(&fsm, FSM_RECOVERED, FSM_FAULT_LINK, start_time);
	assert_int_equal(fsm.down_at, start_time + 10000 * ms);
}

static void no_hold_after_a_restart(void **unused)
{
	struct fsm fsm = machine(254);
	const struct fsm_event start = {
		.kind = FSM_START,
		.now = start_time,
		.start = { FSM_FAULT_PLANE, start_time + 9000 * ms },
	};
	struct fsm_event lease = { .kind = FSM_RECOVERED, .now = start_time };

	(void)unused;
	lease.fault.bit = FSM_FAULT_PLANE;
	lease.fault.epoch = 12;
	fsm_step(&fsm, &start);
	assert_int_equal(fsm_deadline(&fsm), 0);
	fsm_step(&fsm, &lease);
	assert_int_equal(fsm.down_at, start_time + fsm_patience(&fsm));
	assert_int_equal(fsm.epoch, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_has_a_row_or_is_counted),
		cmocka_unit_test(random_walk_keeps_the_invariants),
		cmocka_unit_test(skew_is_exact),
		cmocka_unit_test(start_waits_for_silence),
		cmocka_unit_test(backup_adopts_the_interval),
		cmocka_unit_test(release_leaves_only_the_skew),
		cmocka_unit_test(backup_never_preempts_by_default),
		cmocka_unit_test(preemption_goes_through_the_gate),
		cmocka_unit_test(a_preempting_node_does_not_hold_for_the_dead),
		cmocka_unit_test(preemption_of_a_foreign_router),
		cmocka_unit_test(preemption_is_delayed),
		cmocka_unit_test(active_against_adverts),
		cmocka_unit_test(ties_within_a_family),
		cmocka_unit_test(active_answers_a_release),
		cmocka_unit_test(answers_to_adverts_are_few),
		cmocka_unit_test(adverts_keep_their_grid),
		cmocka_unit_test(late_active_listens_before_it_speaks),
		cmocka_unit_test(late_active_goes_on_when_nobody_spoke),
		cmocka_unit_test(a_late_backup_listens_before_it_leads),
		cmocka_unit_test(a_late_backup_asks),
		cmocka_unit_test(overslept_active_waits_for_a_word),
		cmocka_unit_test(overslept_active_does_not_wait_for_ever),
		cmocka_unit_test(only_a_lease_speaks),
		cmocka_unit_test(adverts_count_from_their_receipt),
		cmocka_unit_test(an_old_report_is_none),
		cmocka_unit_test(silence_asks_and_holds),
		cmocka_unit_test(who_is_asked_leads_on_parole),
		cmocka_unit_test(parole_ends),
		cmocka_unit_test(who_asked_says_when_it_is_calm),
		cmocka_unit_test(a_node_that_is_not_heard_asks_its_witnesses),
		cmocka_unit_test(who_is_not_heard_by_witnesses_lets_go),
		cmocka_unit_test(fencing_comes_before_a_blind_takeover),
		cmocka_unit_test(fencing_does_not_wait_for_the_channel_to_end),
		cmocka_unit_test(fencing_is_not_put_off_for_ever),
		cmocka_unit_test(fencing_is_for_silence_only),
		cmocka_unit_test(a_release_does_not_restore_a_lease),
		cmocka_unit_test(fence_ends_the_role),
		cmocka_unit_test(takeover_tops_every_epoch),
		cmocka_unit_test(no_epoch_no_role),
		cmocka_unit_test(nonsense_epochs_are_ignored),
		cmocka_unit_test(higher_epoch_beats_priority),
		cmocka_unit_test(equal_epochs_are_settled_by_priority),
		cmocka_unit_test(active_overtakes_a_higher_epoch),
		cmocka_unit_test(who_led_beside_us_is_made_forgotten),
		cmocka_unit_test(quarrel_over_the_channel_slows_down),
		cmocka_unit_test(yield_moves_the_role_at_once),
		cmocka_unit_test(old_yield_moves_nothing),
		cmocka_unit_test(yield_that_lay_unread_is_not_taken),
		cmocka_unit_test(yield_below_the_floor_counts),
		cmocka_unit_test(yield_to_a_node_that_cannot),
		cmocka_unit_test(handover_is_confirmed_by_word_or_advert),
		cmocka_unit_test(handover_to_nobody_comes_back),
		cmocka_unit_test(stop_waits_for_the_peer_but_not_for_ever),
		cmocka_unit_test(lost_link_hands_over),
		cmocka_unit_test(only_all_recovered_is_recovered),
		cmocka_unit_test(soft_fault_steps_down_to_somebody_only),
		cmocka_unit_test(hold_after_boot),
		cmocka_unit_test(hold_after_link_up),
		cmocka_unit_test(no_hold_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
