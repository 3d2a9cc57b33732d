// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "proto/memo.h"
#include "tests/unit/session_world.h"

/* a leads, b follows and holds everything; `count` entries. */
static struct world *pair(uint32_t count)
{
	struct world *world = world_new();

	fill(&world->node[0], 0, count);
	promote(&world->node[0]);
	world_heal(world);
	settle_world(world, 2000);
	return world;
}

static struct flow_ip ip4(uint32_t number)
{
	return address(number, FLOW_IPV4);
}

static void join_under_load_is_exact(void **state)
{
	struct world *world = world_new();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	promote(a);
	for (uint32_t i = 0; i < 20000; i++)
		table_put(a, &(struct flow_key){ ip4(i), ip4(1), .vip_port = 1 }, 1);
	/* The standby has stale entries of its own; they must not survive. */
	for (uint32_t i = 0; i < 500; i++) {
		struct flow_key key = { ip4(i), ip4(2), .vip_port = 1 };

		table_put(b, &key, 1);
		table_find(b, &key)->replica = true;
	}
	world_heal(world);
	for (uint32_t i = 0; i < 200; i++) {
		fill(a, i * 10, 10);
		packet_del(a, flow_number(i * 5 + 1), true);
		packet_del(a, (struct flow_key){ ip4(i * 77), ip4(1), .vip_port = 1 }, true);
		world_run(world, 1);
	}
	settle_world(world, 2000);
	assert_equal_tables(world);
	assert_null(table_find(a, &(struct flow_key){ ip4(7), ip4(2), .vip_port = 1 }));
	assert_int_equal(b->s.snapshots, 1);
	assert_true(session_ready(&b->s));
	assert_false(session_ready(&a->s));
	world_free(world);
}

static void cut_and_continue(void **state)
{
	struct world *world = pair(1000);

	(void)state;
	world_cut(world);
	assert_int_equal(world->node[0].s.state, CAS__SYNC_STATE__ALONE);
	assert_int_equal(world->node[1].s.state, CAS__SYNC_STATE__STALE);
	fill(&world->node[0], 5000, 3000);
	packet_del(&world->node[0], flow_number(3), true);
	world_run(world, 3000);
	assert_false(session_ready(&world->node[1].s));
	world_heal(world);
	while (world->node[0].s.leader.phase != LEADER_TAIL)
		world_step_ms(world);
	assert_int_equal(world->node[0].s.state, CAS__SYNC_STATE__SENDING);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_int_equal(world->node[1].s.snapshots, 1);
	assert_int_equal(world->node[1].s.resumes, 1);
	world_free(world);
}

static void cut_longer_than_the_log(void **state)
{
	struct world *world = pair(1000);

	(void)state;
	world_cut(world);
	for (uint32_t i = 0; i < 500; i++)
		packet_del(&world->node[0], flow_number(i), true);
	fill(&world->node[0], 5000, WORLD_JOURNAL + 10);
	world_run(world, 10);
	world_heal(world);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_int_equal(world->node[1].s.snapshots, 2);
	assert_int_equal(world->node[1].s.resumes, 0);
	world_free(world);
}

static void slow_follower_is_lagging_then_loads(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	b->stalled = true;
	for (uint32_t i = 0; i < 30; i++) {
		fill(a, 1000 + i * 100, 100);
		world_run(world, 50);
	}
	assert_int_equal(a->s.state, CAS__SYNC_STATE__LAGGING);
	assert_true(session_lag_records(&a->s) >= 2900);
	assert_true(session_lag_ns(&a->s, world->now) > 500ull * WORLD_MS);
	b->stalled = false;
	settle_world(world, 2000);
	assert_equal_tables(world);
	world_free(world);
}

/* A packet ended a flow while the sweep removed it: the DEL is on the ring first. */
static void an_end_after_its_del_leaves_no_ghost(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0];
	struct flow_key key = flow_number(7);
	struct flow_event end = event_of(&key, true, 1);

	(void)state;
	end.state = FLOW_RESET;
	packet_del(a, key, true);
	ring_add(a, &end);
	settle_world(world, 1000);
	assert_equal_tables(world);
	world_free(world);
}

/* What the heartbeats say of the end of the log is as old as the records before them. */
static void slow_channel_is_told_on_both_ends(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	b->bytes_per_ms = 25;
	for (uint32_t i = 0; i < 60; i++) {
		fill(a, 1000 + i * 100, 100);
		world_run(world, 50);
	}
	assert_int_equal(a->s.state, CAS__SYNC_STATE__LAGGING);
	assert_int_equal(b->s.state, CAS__SYNC_STATE__LAGGING);
	assert_false(session_ready(&b->s));
	assert_true(session_lag_ns(&b->s, world->now) > 500ull * WORLD_MS);
	b->bytes_per_ms = 0;
	settle_world(world, 2000);
	assert_equal_tables(world);
	world_free(world);
}

static void lost_events_leave_in_sync_at_once(void **state)
{
	struct world *world = pair(1000);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	for (uint32_t i = 0; i < 50; i++)
		packet_put(a, flow_number(8000 + i), 2, false);
	packet_del(a, flow_number(1), false);
	session_lost(&a->s, 51, world->now);
	assert_int_not_equal(a->s.state, CAS__SYNC_STATE__IN_SYNC);
	world_run(world, 1);
	assert_false(session_ready(&b->s));
	settle_world(world, 1000);
	assert_equal_tables(world);
	/* Sent once more beside the log: the position is what it was. */
	assert_int_equal(b->s.snapshots, 1);
	assert_int_equal(a->s.snapshots, 2);
	assert_true(session_same_history(&b->s.follower.have, &a->s.history));
	world_free(world);
}

/* Again and again: the pauses grow, the state tells, and the tables are equal in the end. */
static void losses_in_a_row_are_sent_with_pauses(void **state)
{
	struct world *world = pair(1000);
	struct node *a = &world->node[0], *b = &world->node[1];
	unsigned int took[5];

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		packet_put(a, flow_number(9000 + i), 2, false);
		session_lost(&a->s, 1, world->now);
		world_run(world, 100);
		took[i] = settle_world(world, 20000);
	}
	assert_true(took[0] < 500);
	assert_in_range(took[1], 800, 1300);
	assert_in_range(took[2], 1800, 2300);
	assert_in_range(took[4], 7800, 8300);
	assert_equal_tables(world);
	assert_int_equal(a->s.gaps, 5);
	assert_int_equal(b->s.gaps, 5);
	assert_int_equal(b->s.snapshots, 1);
	/* Long after that a loss is mended at once. */
	world_run(world, 61000);
	session_lost(&a->s, 1, world->now);
	world_run(world, 1);
	assert_true(settle_world(world, 20000) < 500);
	world_free(world);
}

/* Changes that are logged, changes that are lost, and losses while all is sent once more. */
static void losses_while_sending_once_more(void **state)
{
	struct world *world = pair(3000);
	struct node *a = &world->node[0], *b = &world->node[1];
	unsigned int lost = 0;

	(void)state;
	for (uint32_t i = 0; i < 60; i++) {
		fill(a, 10000 + i * 20, 20);
		packet_del(a, flow_number(i * 40 + 1), true);
		packet_del(a, flow_number(i * 40 + 3), i % 20 != 7);
		packet_put(a, flow_number(20000 + i), 2, i % 20 != 7);
		/* What was lost may come back, and that is told: the walk may be past it. */
		packet_put(a, flow_number((i / 2) * 40 + 3), 3, true);
		if (i % 20 == 7) {
			session_lost(&a->s, 2, world->now);
			lost++;
			world_run(world, 1);
			assert_false(session_ready(&b->s));
		}
		world_run(world, 3);
	}
	settle_world(world, 20000);
	assert_equal_tables(world);
	assert_int_equal(b->s.snapshots, 1);
	assert_int_equal(lost, 3);
	world_free(world);
}

/* Lost while nobody follows: who continues from a position before it is not in sync with that. */
static void a_hole_in_the_log_is_remembered(void **state)
{
	struct world *world = pair(1000);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	world_cut(world);
	packet_del(a, flow_number(7), false);
	session_lost(&a->s, 1, world->now);
	fill(a, 5000, 10);
	world_run(world, 10);
	world_heal(world);
	for (int i = 0; i < 2000 && !in_sync(world); i++) {
		world_step_ms(world);
		/* Once more a cut, in the middle of what is sent. */
		if (i == 12)
			world_cut(world);
		if (i == 20)
			world_heal(world);
		assert_false(session_ready(&b->s) && differences(world));
	}
	assert_true(in_sync(world));
	assert_equal_tables(world);
	assert_int_equal(b->s.snapshots, 1);
	world_free(world);
}

/* A record that was logged, and the one that undoes it was lost: it must not come after the sweep.
 */
static void what_was_lost_is_not_undone_by_the_log(void **state)
{
	struct world *world = pair(1000);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_key ghost = flow_number(9000);

	(void)state;
	world_cut(world);
	fill(a, 5000, 3000);
	packet_put(a, ghost, 1, true);
	world_run(world, 10);
	packet_del(a, ghost, false);
	session_lost(&a->s, 1, world->now);
	world_heal(world);
	for (int i = 0; i < 3000 && !in_sync(world); i++)
		world_step_ms(world);
	assert_true(in_sync(world));
	assert_equal_tables(world);
	assert_null(table_find(b, &ghost));
	assert_int_equal(b->s.snapshots, 1);
	world_free(world);
}

/* It leads while it is in doubt: what the other had not sent again comes back as an offer. */
static void promoted_in_doubt(void **state)
{
	struct world *world = pair(3000);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_key lost = flow_number(9001), gone = flow_number(11);

	(void)state;
	packet_put(a, lost, 2, false);
	packet_del(a, gone, false);
	session_lost(&a->s, 2, world->now);
	world_run(world, 3);
	assert_int_equal(b->s.follower.phase, FOLLOWER_LOADING);
	demote(a);
	promote(b);
	settle_world(world, 3000);
	assert_equal_tables(world);
	assert_non_null(table_find(b, &lost));
	assert_int_equal(a->s.snapshots + a->s.resumes, 3);
	world_free(world);
}

static void loading_that_always_fails_is_degraded(void **state)
{
	struct world *world = pair(1000);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	b->room_for = 1000;
	fill(a, 5000, 100);
	world_run(world, 100);
	assert_false(session_ready(&b->s));
	for (int i = 0; i < 200000 && a->s.state != CAS__SYNC_STATE__DEGRADED; i++)
		world_step_ms(world);
	assert_int_equal(a->s.state, CAS__SYNC_STATE__DEGRADED);
	assert_true(b->state_seen[CAS__SYNC_STATE__DEGRADED] > 0);
	b->room_for = 0;
	settle_world(world, 70000);
	assert_equal_tables(world);
	world_free(world);
}

static void verdicts_travel_with_log_and_snapshot(void **state)
{
	struct world *world = pair(10);
	struct flow_event verdict = { .kind = EVENT_MEMBER,
				      .state = 1,
				      .key = { .vip = ip4(5) },
				      .member = address(6, FLOW_IPV6),
				      .pool_id = 7,
				      .client_ack = 10 };

	(void)state;
	ring_add(&world->node[0], &verdict);
	verdict.state = 0;
	ring_add(&world->node[0], &verdict);
	world_run(world, 20);
	assert_int_equal(world->node[1].verdicts, 2);
	assert_int_equal(world->node[0].s.verdicts, 1);
	world_cut(world);
	node_start(&world->node[1], true);
	session_role(&world->node[1].s, CAS__ROLE__STANDBY, 0, world->now);
	world_heal(world);
	settle_world(world, 1000);
	assert_int_equal(world->node[1].verdicts, 3);
	assert_equal_tables(world);
	world_free(world);
}

/* Hand-over, let go, take over, and back: no snapshot in all that. */
static void roles_flip_without_a_snapshot(void **state)
{
	struct world *world = pair(500);
	uint64_t snapshots = world->node[1].s.snapshots;

	(void)state;
	for (int round = 0; round < 6; round++) {
		struct node *from = &world->node[round % 2], *to = from->peer;
		Cas__PeerWord word = CAS__PEER_WORD__INIT;
		struct flow_key key;

		fill(from, 10000 + 1000 * (uint32_t)round, 50);
		drain(from);
		from->handed_complete = to->yields = 0;
		session_hand_over(&from->s, 77, world->now);
		world_run(world, 20);
		assert_int_equal(from->handed_complete, 1);
		word.word = CAS__PEER_WORD__WORD__YIELD;
		/* Records of the last moment are before the word. */
		fill(from, 10500 + 1000 * (uint32_t)round, 5);
		drain(from);
		assert_true(session_word(&from->s, &word, world->now));
		world_run(world, 3);
		assert_int_equal(to->yields, 1);
		key = flow_number(10501 + 1000 * (uint32_t)round);
		assert_non_null(table_find(to, &key));
		/* Packets that still arrive here make records after the position. */
		fill(from, 10600 + 1000 * (uint32_t)round, 5);
		demote(from);
		promote(to);
		fill(to, 10700 + 1000 * (uint32_t)round, 5);
		settle_world(world, 2000);
		assert_equal_tables(world);
	}
	assert_int_equal(world->node[0].s.snapshots + world->node[1].s.snapshots, 2 * snapshots);
	world_free(world);
}

/* The leader dies with records that nobody has; it comes back with its memory, deposed. */
static void a_deposed_leader_offers_what_it_alone_has(void **state)
{
	struct world *world = pair(300);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_key alone_a = flow_number(7001), alone_b = flow_number(7002),
			both = flow_number(7003), gone = flow_number(7);

	(void)state;
	world_cut(world);
	promote(b);
	packet_put(a, alone_a, 1, true);
	packet_put(a, both, 1, true);
	packet_del(a, gone, true);
	packet_put(b, alone_b, 2, true);
	packet_put(b, both, 2, true);
	world_run(world, 100);
	world_heal(world);
	/* a has not been told by its vrrpd yet, but it hears of a higher epoch. */
	world_run(world, 300);
	assert_false(a->s.leading);
	assert_true(b->s.leading);
	demote(a);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_non_null(table_find(b, &alone_a));
	assert_non_null(table_find(a, &alone_b));
	assert_int_equal(table_find(a, &both)->member, 2);
	assert_non_null(table_find(a, &gone)); /* the active node decides what ends */
	assert_int_equal(a->s.snapshots, 1);
	world_free(world);
}

/* The same, but syncd of the deposed node has lost its log. */
static void without_a_log_everything_is_offered(void **state)
{
	struct world *world = pair(300);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_key alone = flow_number(7001);

	(void)state;
	world_cut(world);
	promote(b);
	packet_put(a, alone, 1, true);
	world_run(world, 50);
	node_start(a, false);
	session_role(&a->s, CAS__ROLE__ACTIVE, 1, world->now);
	world_run(world, 50);
	demote(a);
	world_heal(world);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_non_null(table_find(b, &alone));
	world_free(world);
}

/* A standby whose channel is cut carries as much as it remembers: that is more than one frame. */
static void a_standby_offers_all_that_it_remembers(void **state)
{
	struct world *world = pair(300);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	world_cut(world);
	fill(b, 7000, SESSION_OWN);
	world_run(world, 50);
	assert_int_equal(b->s.follower.owns, SESSION_OWN);
	assert_true((int)SESSION_OWN > (int)RECORD_MAX);
	world_heal(world);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_int_equal(HASH_COUNT(a->table), 300 + SESSION_OWN);
	world_free(world);
}

/* It led, let go and leads again, and the standby has not seen the end of the first time. */
static void short_of_the_old_end_is_not_enough(void **state)
{
	struct world *world = pair(200);
	struct node *a = &world->node[0];

	(void)state;
	world_cut(world);
	fill(a, 5000, 50);
	packet_del(a, flow_number(1), true);
	world_run(world, 10);
	demote(a);
	promote(a);
	fill(a, 6000, 5);
	world_heal(world);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_int_equal(world->node[1].s.snapshots, 2);
	world_free(world);
}

/* More records of its own than a standby remembers: its position is worth nothing then. */
static void too_many_own_records_cost_a_snapshot(void **state)
{
	struct world *world = pair(200);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_key key;

	(void)state;
	world_cut(world);
	fill(b, 5000, SESSION_OWN + 10);
	world_run(world, 10);
	promote(b);
	demote(a);
	world_heal(world);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_int_equal(a->s.snapshots, 2);
	key = flow_number(5001);
	assert_non_null(table_find(a, &key));
	world_free(world);
}

/* The peer was away, came back empty and leads: what the old leader carries must not be swept. */
static void an_empty_leader_is_taught_first(void **state)
{
	struct world *world = pair(500);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	world_cut(world);
	node_start(b, true);
	session_role(&b->s, CAS__ROLE__ACTIVE, a->s.epoch + 1, world->now);
	fill(b, 5000, 10);
	world_run(world, 10);
	world_heal(world);
	world_run(world, 200);
	demote(a);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_int_equal(HASH_COUNT(b->table), 510);
	world_free(world);
}

static void an_older_epoch_is_refused(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct record_batch *batch = calloc(1, sizeof(*batch));
	struct flow_key key = flow_number(9999);

	(void)state;
	*batch = (struct record_batch){ .epoch = a->s.epoch - 1 + 0,
					.first_seq = b->s.follower.have.seq + 1,
					.count = 1 };
	batch->epoch = 0x7fff; /* some other history */
	batch->event[0] = event_of(&key, true, 1);
	world_send_records(a, batch);
	world_run(world, 5);
	assert_int_equal(b->s.refused[SESSION_OLD_EPOCH], 1);
	assert_null(table_find(b, &key));
	free(batch);

	/* b has followed epoch 1; a peer that leads an older one is not followed. */
	world_cut(world);
	b->s.follower.have.epoch = 50;
	world_heal(world);
	world_run(world, 1500);
	assert_int_equal(b->s.state, CAS__SYNC_STATE__DETACHED);
	assert_non_null(strstr(b->s.why, "older epoch"));
	world_free(world);
}

static void promotion_in_mid_snapshot_keeps_everything(void **state)
{
	struct world *world = world_new();
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_key old = flow_number(123456);

	(void)state;
	promote(a);
	fill(a, 0, 3000);
	table_put(b, &old, 3);
	world_heal(world);
	for (int i = 0; i < 1000 && b->s.follower.flows < 500; i++)
		world_step_ms(world);
	assert_int_equal(b->s.state, CAS__SYNC_STATE__LOADING);
	world_cut(world);
	promote(b);
	assert_true(HASH_COUNT(b->table) > 500);
	assert_non_null(table_find(b, &old));
	/* The old leader comes back as a standby: its table is offered before it loads b's. */
	demote(a);
	world_heal(world);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_true(HASH_COUNT(b->table) >= 3001);
	world_free(world);
}

static void another_configuration_is_refused(void **state)
{
	static const uint8_t other[SESSION_DIGEST] = { 9 };
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	session_digest(&a->s, other, world->now);
	world_run(world, 1500);
	assert_int_equal(b->s.state, CAS__SYNC_STATE__DETACHED);
	assert_non_null(strstr(b->s.why, "configuration differs"));
	assert_true(a->s.refused[SESSION_ATTACH_REFUSED] > 0);
	fill(a, 5000, 100);
	world_run(world, 300);
	session_digest(&b->s, other, world->now);
	settle_world(world, 2500);
	assert_equal_tables(world);
	assert_int_equal(b->s.snapshots, 1); /* the position was good all the time */
	world_free(world);
}

/* --- two versions in one pair ----------------------------------------------------------------- */

/* What crosses the channel does not depend on the tables. */
static void tables_may_be_laid_out_otherwise(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	b->layout = a->layout + 1;
	world_cut(world);
	node_start(b, true);
	session_role(&b->s, CAS__ROLE__STANDBY, 0, world->now);
	world_heal(world);
	settle_world(world, 2500);
	assert_equal_tables(world);
	assert_int_equal(HASH_COUNT(b->table), HASH_COUNT(a->table));
	world_free(world);
}

static void the_lower_version_is_spoken(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	world_cut(world);
	b->terms = (struct wire_terms){ .version = 1, .least = 1 };
	world_heal(world);
	fill(a, 5000, 100);
	settle_world(world, 2500);
	assert_int_equal(a->s.wire.version, 1);
	assert_equal_tables(world);
	world_free(world);
}

/* They tell both which one to upgrade, and all but the stream goes on. */
static void no_common_version_is_told(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];
	Cas__PeerWord word = CAS__PEER_WORD__INIT;

	(void)state;
	world_cut(world);
	b->terms.version = a->terms.version + 2;
	b->terms.least = a->terms.version + 1;
	world_heal(world);
	world_run(world, 1500);
	assert_int_equal(b->s.state, CAS__SYNC_STATE__DETACHED);
	assert_non_null(strstr(b->s.why, "upgrade the active node"));
	assert_string_equal(a->s.why, b->s.why);
	assert_true(a->s.up && b->s.up && b->s.peer.heard);
	assert_int_equal(b->s.peer.role, CAS__ROLE__ACTIVE);
	word.word = CAS__PEER_WORD__WORD__YIELD;
	assert_true(session_word(&a->s, &word, world->now));
	world_run(world, 10);
	assert_int_equal(b->yields, 1);
	world_cut(world);
	a->terms = b->terms;
	world_heal(world);
	settle_world(world, 2500);
	assert_equal_tables(world);
	world_free(world);
}

/* One that does not know why it should not ask, as it says nothing of its version. */
static void who_asks_all_the_same_is_refused(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0];
	Sync__AttachRequest request = SYNC__ATTACH_REQUEST__INIT;
	Sync__Frame frame = SYNC__FRAME__INIT;

	(void)state;
	request.config_digest.data = a->s.digest;
	request.config_digest.len = SESSION_DIGEST;
	frame.attach = &request;
	a->s.wire.version = 0;
	wire_why(&a->s.wire, true, a->s.wire_why, sizeof(a->s.wire_why));
	session_frame(&a->s, &frame, world->now);
	assert_int_equal(a->s.refused[SESSION_ATTACH_REFUSED], 1);
	assert_non_null(strstr(a->s.why, "no common version"));
	world_free(world);
}

static void what_nobody_knows_is_ignored_and_counted(void **state)
{
	struct world *world = pair(100);
	struct node *b = &world->node[1];
	const uint64_t seq = b->s.follower.have.seq;
	Sync__Records records = SYNC__RECORDS__INIT;
	Sync__Frame frame = SYNC__FRAME__INIT;
	uint32_t kind = 0x85, word = 7;

	(void)state;
	session_frame(&b->s, &frame, world->now);
	assert_int_equal(b->s.refused[SESSION_UNKNOWN_FRAME], 1);
	records.has_epoch = records.has_first_seq = true;
	records.epoch = b->s.follower.have.epoch;
	records.first_seq = seq + 1;
	records.n_kind = records.n_client = records.n_vip = records.n_ports = 1;
	records.n_member = records.n_idle = 1;
	records.kind = &kind;
	records.client = records.vip = records.ports = records.member = records.idle = &word;
	frame.records = &records;
	session_frame(&b->s, &frame, world->now);
	assert_int_equal(b->s.follower.have.seq, seq + 1);
	assert_int_equal(b->s.refused[SESSION_UNKNOWN_RECORD], 1);
	assert_int_equal(HASH_COUNT(b->table), 100);
	assert_false(b->torn);
	world_free(world);
}

/* The same configuration, pushed to one of them. */
static void another_revision_is_refused(void **state)
{
	static const uint8_t second[SESSION_DIGEST] = { 2 };
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	session_revision(&a->s, second);
	session_down(&a->s, world->now);
	session_down(&b->s, world->now);
	node_up(a);
	node_up(b);
	world_run(world, 1500);
	assert_int_equal(b->s.state, CAS__SYNC_STATE__DETACHED);
	assert_true(b->s.up);
	assert_non_null(strstr(b->s.why, "another revision"));
	session_revision(&b->s, second);
	settle_world(world, 2500);
	assert_int_equal(b->s.state, CAS__SYNC_STATE__IN_SYNC);
	assert_int_equal(b->s.snapshots, 1);
	world_free(world);
}

/* A record in the log, and nobody detaches. */
static void both_switch_at_a_record(void **state)
{
	static const uint8_t digest[SESSION_DIGEST] = { 9 }, id[SESSION_DIGEST] = { 3 };
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_event event[MEMO_PARTS];
	unsigned int verdicts = b->verdicts;
	unsigned int detached = b->state_seen[CAS__SYNC_STATE__DETACHED];
	uint64_t refused = a->s.refused[SESSION_ATTACH_REFUSED];

	(void)state;
	assert_int_equal(memo_cut(event, EVENT_REVISION, false, id, sizeof(id)), 1);
	assert_false(session_log(&b->s, event, world->now));
	assert_true(session_log(&a->s, event, world->now));
	world_run(world, 10);
	assert_int_equal(b->verdicts, verdicts + 1);
	assert_true(session_settled(&b->s));
	session_switch(&b->s, digest, id);
	fill(a, 5000, 100);
	world_run(world, 50);
	session_switch(&a->s, digest, id);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_int_equal(b->s.state, CAS__SYNC_STATE__IN_SYNC);
	assert_int_equal(b->state_seen[CAS__SYNC_STATE__DETACHED], detached);
	assert_int_equal(b->s.snapshots, 1);
	/* and they attach again with it */
	session_digest(&a->s, digest, world->now);
	assert_int_equal(a->s.refused[SESSION_ATTACH_REFUSED], refused);
	world_free(world);
}

static void a_table_too_small_is_refused(void **state)
{
	struct world *world = world_new();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	promote(a);
	fill(a, 0, 500);
	a->s.flows = 500;
	session_tables(&b->s, 1, 400, false, world->now);
	world_heal(world);
	world_run(world, 300);
	assert_int_equal(b->s.state, CAS__SYNC_STATE__DETACHED);
	assert_non_null(strstr(b->s.why, "too small"));
	/* Room by the numbers, but not in the table: loud, and not in sync. */
	session_tables(&b->s, 1, 1000, false, world->now);
	b->room_for = 300;
	world_run(world, 3000);
	assert_false(session_ready(&b->s));
	assert_non_null(strstr(b->s.why, "full"));
	assert_true(b->s.refused[SESSION_TABLE_FULL] > 0);
	b->room_for = 0;
	settle_world(world, 70000);
	assert_equal_tables(world);
	world_free(world);
}

/* What fills the standby's table the active node has deleted since. */
static void a_table_full_of_what_is_stale_makes_room(void **state)
{
	struct world *world = pair(300);
	struct node *a = &world->node[0], *b = &world->node[1];
	unsigned int snapshots = (unsigned int)b->s.snapshots;

	(void)state;
	world_cut(world);
	for (uint32_t i = 0; i < 300; i++)
		packet_del(a, flow_number(i), false);
	fill(a, 1000, 300);
	b->room_for = 350 + (unsigned int)HASH_COUNT(b->table) - 300;
	world_heal(world);
	settle_world(world, 5000);
	assert_true(session_ready(&b->s));
	assert_equal_tables(world);
	assert_int_equal(b->s.snapshots, snapshots + 2);
	world_free(world);
}

/* Packets of known flows arrive at the standby too. */
static void a_standbys_own_records_are_settled(void **state)
{
	struct world *world = pair(200);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_key fresh = flow_number(7001), known = flow_number(11), dead = flow_number(12);

	(void)state;
	packet_put(b, fresh, 2, true);
	packet_put(b, known, 3, true); /* the active node knows better */
	packet_del(b, dead, true);
	world_run(world, 500);
	assert_equal_tables(world);
	assert_non_null(table_find(a, &fresh));
	assert_int_equal(table_find(b, &known)->member, 1 + 11 % 3);
	assert_non_null(table_find(b, &dead));
	assert_int_equal(b->s.follower.owns, 0); /* confirmed and forgotten */
	assert_int_equal(b->s.snapshots, 1);
	world_free(world);
}

/* It takes over in the moment in which such a record is under way. */
static void own_records_open_the_new_history(void **state)
{
	struct world *world = pair(200);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	world_cut(world);
	packet_put(b, flow_number(7001), 2, true);
	promote(b);
	assert_int_equal(b->s.journal.head, 1);
	demote(a);
	world_heal(world);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_int_equal(a->s.resumes, 1);
	world_free(world);
}

static void hand_over_says_when_it_is_not_complete(void **state)
{
	struct world *world = pair(200);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	session_hand_over(&b->s, 77, world->now);
	assert_int_equal(b->handed_refused, 1);
	b->stalled = true;
	fill(a, 5000, 10);
	drain(a);
	session_hand_over(&a->s, 77, world->now);
	world_run(world, 400);
	assert_int_equal(a->handed_refused, 0);
	world_run(world, 200);
	assert_int_equal(a->handed_refused, 1);
	b->stalled = false;
	world_cut(world);
	session_hand_over(&a->s, 77, world->now);
	assert_int_equal(a->handed_refused, 2);
	assert_int_equal(a->handed_complete, 0);
	world_free(world);
}

/* What the ring still holds was done by the leader too. */
static void hand_over_waits_for_the_ring(void **state)
{
	struct world *world = pair(200);
	struct node *a = &world->node[0];

	(void)state;
	a->reads = 10;
	fill(a, 5000, 1000);
	drain(a);
	session_hand_over(&a->s, 77, world->now);
	while (!a->handed_complete && !a->handed_refused)
		world_step_ms(world);
	assert_int_equal(a->handed_complete, 1);
	assert_int_equal(a->ringed, 0);
	assert_int_equal(differences(world), 0);
	/* Read, but too late. */
	a->reads = 1;
	fill(a, 7000, 1000);
	drain(a);
	session_hand_over(&a->s, 77, world->now);
	world_run(world, 600);
	assert_int_equal(a->handed_refused, 1);
	world_free(world);
}

static void records_out_of_order_break_the_channel(void **state)
{
	struct world *world = pair(200);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct record_batch *batch = calloc(1, sizeof(*batch));
	struct flow_key key = flow_number(9999);

	(void)state;
	*batch = (struct record_batch){ .epoch = a->s.epoch,
					.first_seq = b->s.follower.have.seq + 2,
					.count = 1 };
	batch->event[0] = event_of(&key, true, 1);
	world_send_records(a, batch);
	world_run(world, 2);
	assert_int_equal(b->s.refused[SESSION_OUT_OF_ORDER], 1);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_null(table_find(b, &key));
	free(batch);
	world_free(world);
}

static void a_renewed_channel_stays_in_sync(void **state)
{
	struct world *world = pair(200);
	struct node *b = &world->node[1];
	unsigned int catching = b->state_seen[CAS__SYNC_STATE__CATCHING_UP];
	unsigned int alone = world->node[0].state_seen[CAS__SYNC_STATE__ALONE];

	(void)state;
	for (int i = 0; i < 5; i++) {
		fill(&world->node[0], 3000 + 100 * (uint32_t)i, 20);
		empty_inbox(&world->node[0]);
		empty_inbox(b);
		node_up(&world->node[0]);
		node_up(b);
		assert_true(session_ready(&b->s));
		world_run(world, 200);
		assert_true(session_ready(&b->s));
	}
	assert_equal_tables(world);
	assert_int_equal(b->s.snapshots, 1);
	assert_int_equal(b->s.resumes, 5);
	assert_int_equal(b->state_seen[CAS__SYNC_STATE__CATCHING_UP], catching);
	assert_int_equal(world->node[0].state_seen[CAS__SYNC_STATE__ALONE], alone);
	/* A connection after which nobody asks is not in sync for long. */
	node_up(&world->node[0]);
	for (int i = 0; i < 150; i++) {
		world->now += 10 * WORLD_MS;
		session_tick(&world->node[0].s, world->now);
		if (i % 50 == 20)
			node_up(&world->node[0]);
	}
	assert_int_not_equal(world->node[0].s.state, CAS__SYNC_STATE__IN_SYNC);
	world_free(world);
}

/* a leads and has sent `flows` or more of its table to b; a->leader.phase is not WAIT yet. */
static struct world *half_loaded(uint32_t flows)
{
	struct world *world = world_new();
	struct node *b = &world->node[1];

	promote(&world->node[0]);
	fill(&world->node[0], 0, 4000);
	world_heal(world);
	for (int i = 0; i < 1000 && b->s.follower.flows < flows; i++)
		world_step_ms(world);
	assert_int_equal(b->s.follower.phase, FOLLOWER_LOADING);
	return world;
}

/* A refusal that nobody asked for is counted as an answer: the next one is of the first request. */
static void the_newest_snapshot_is_loaded(void **state)
{
	static const uint8_t other[SESSION_DIGEST] = { 9 };
	struct world *world = half_loaded(500);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	a->stalled = true;
	b->stalled = true;
	empty_inbox(b);
	session_lost(&b->s, 1, world->now);
	world_run(world, 20);
	session_lost(&b->s, 1, world->now);
	world_run(world, 1100);
	session_digest(&a->s, other, world->now); /* refuses before it has heard either */
	session_digest(&a->s, world_digest, world->now);
	assert_int_equal(b->s.follower.unanswered, 2);
	a->stalled = b->stalled = false;
	settle_world(world, 3000);
	assert_equal_tables(world);
	world_free(world);
}

static void a_leader_that_stops_in_mid_snapshot_is_left(void **state)
{
	struct world *world = half_loaded(500);
	struct node *a = &world->node[0];

	(void)state;
	a->s.leader.phase = LEADER_ALONE;
	world_run(world, 9000);
	assert_int_equal(a->s.snapshots, 1);
	settle_world(world, 3000);
	assert_equal_tables(world);
	world_free(world);
}

static void a_standby_that_stops_loading_is_left(void **state)
{
	struct world *world = half_loaded(500);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	for (int i = 0; i < 1000 && a->s.leader.phase != LEADER_WAIT; i++)
		world_step_ms(world);
	assert_int_equal(a->s.leader.phase, LEADER_WAIT);
	empty_inbox(b);
	b->s.follower.phase = FOLLOWER_IDLE;
	b->s.follower.attach_ns = UINT64_MAX;
	world_run(world, 9000);
	assert_int_equal(a->s.snapshots, 1);
	settle_world(world, 3000);
	assert_equal_tables(world);
	world_free(world);
}

/* Twice as long as a peer that is stuck is waited for: this one is at work. */
static void a_long_sweep_is_waited_for(void **state)
{
	struct world *world = half_loaded(500);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	b->work_every = 500;
	assert_true(settle_world(world, 40000) > 15000);
	assert_int_equal(a->s.snapshots, 1);
	assert_int_equal(b->s.snapshots, 1);
	b->work_every = 0;
	assert_equal_tables(world);
	world_free(world);
}

/* --- anything, in any order ------------------------------------------------------------------- */

static uint32_t random_state;

static uint32_t rnd(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % below;
}

enum { KEEP_FROM = 1000000 };

static void traffic(struct world *world, uint32_t *next)
{
	for (int i = 0; i < 2; i++) {
		struct node *node = &world->node[i];
		uint32_t packets = node->s.leading ? rnd(30) : rnd(20) == 0;

		while (packets-- > 0) {
			uint32_t n = KEEP_FROM + (*next)++;

			packet_put(node, rnd(8) ? flow_number(n) : pin_number(n), 1 + rnd(3), true);
			if (!node->s.leading)
				continue;
			/* Others come and go, with the same tuple again and again. */
			n = rnd(2000);
			if (rnd(2))
				packet_put(node, flow_number(n), 1 + rnd(3), true);
			else
				packet_del(node, flow_number(n), true);
		}
	}
}

static void mishap(struct world *world)
{
	struct node *node = &world->node[rnd(2)];

	switch (rnd(9)) {
	case 0:
		world_cut(world);
		break;
	case 1:
	case 2:
		world_heal(world);
		break;
	case 3: /* take-over by silence, or a split */
		if (!node->s.leading)
			promote(node);
		break;
	case 4: /* vrrpd of the node with the lower epoch learns of the other */
		if (world->up && world->node[0].s.epoch != world->node[1].s.epoch)
			demote(&world->node[world->node[0].s.epoch > world->node[1].s.epoch]);
		break;
	case 5: /* planned */
		if (world->up && node->role == CAS__ROLE__ACTIVE) {
			demote(node);
			promote(node->peer);
		}
		break;
	case 6:
		packet_put(node, flow_number(rnd(2000)), 3, false);
		session_lost(&node->s, 1, world->now);
		break;
	case 7:
		node->stalled = !node->stalled;
		break;
	case 8: /* kill -9 of syncd: the ring keeps what it had not read */
		world_cut(world);
		node_start(node, false);
		session_role(&node->s, node->role, world->epoch, world->now);
		break;
	}
}

static void heal_all(struct world *world)
{
	bool second = world->node[1].s.epoch > world->node[0].s.epoch;
	struct node *winner = &world->node[second], *loser = winner->peer;

	world->node[0].stalled = world->node[1].stalled = false;
	world_heal(world);
	demote(loser);
	world_run(world, 300);
	promote(winner);
	settle_world(world, 90000);
}

static void soak(uint32_t seed)
{
	struct world *world = world_new();
	uint32_t next = 0;
	unsigned int missing = 0;

	random_state = seed * 2654435761u + 1;
	promote(&world->node[0]);
	world_heal(world);
	for (int i = 0; i < 1500; i++) {
		traffic(world, &next);
		world_run(world, 1 + rnd(8));
		if (rnd(25) == 0)
			mishap(world);
	}
	heal_all(world);
	world_run(world, 300);
	for (uint32_t n = KEEP_FROM; n < KEEP_FROM + next; n++) {
		struct flow_key flow = flow_number(n), pin = pin_number(n);

		if (!table_find(&world->node[0], &flow) && !table_find(&world->node[0], &pin))
			missing++;
	}
	if (missing || differences(world))
		fail_msg("seed %u: %u of %u entries lost, %u differ", seed, missing, next,
			 differences(world));
	world_free(world);
}

static void whatever_happens_tables_end_equal_and_whole(void **state)
{
	const char *count = getenv("SEEDS"), *first = getenv("SEED");
	uint32_t from = first ? (uint32_t)atoi(first) : 1;

	(void)state;
	for (uint32_t seed = from; seed < from + (count ? (uint32_t)atoi(count) : 40); seed++)
		soak(seed);
}

/* A role that changes to and fro between a request and its answer: the leader goes by the second
 * request, so the first answer must not be taken for that one's. */
static void an_answer_belongs_to_its_own_request(void **state)
{
	struct world *world = world_new();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	world_heal(world);
	promote(a);
	fill(a, 1, 50);
	settle_world(world, 3000);
	world_cut(world);
	world_heal(world);
	for (int i = 0; i < 100 && b->s.follower.phase != FOLLOWER_ASKED; i++) {
		live(a);
		live(b);
	}
	assert_int_equal(b->s.follower.phase, FOLLOWER_ASKED);
	set_role(b, CAS__ROLE__ACTIVE, a->s.epoch);
	set_role(b, CAS__ROLE__STANDBY, a->s.epoch);
	for (int i = 0; i < 100 && b->s.follower.unanswered < 2; i++)
		session_work(&b->s, world->now);
	assert_int_equal(b->s.follower.unanswered, 2);
	world_run(world, 100);
	settle_world(world, 3000);
	assert_equal_tables(world);
	assert_int_equal(a->s.leader.phase, LEADER_TAIL);
	world_free(world);
}

/* A process that has just begun follows nobody before its own vrrpd has spoken. */
static void without_a_word_nobody_is_followed(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	world_cut(world);
	node_start(b, false);
	world_heal(world);
	world_run(world, 500);
	assert_int_equal(b->s.state, CAS__SYNC_STATE__DETACHED);
	session_role(&b->s, CAS__ROLE__STANDBY, a->s.epoch, world->now);
	settle_world(world, 3000);
	assert_equal_tables(world);
	world_free(world);
}

/* The leader's table loses a flow and gets it back from an offer before the DEL has been read. */
static void an_offer_overtakes_an_unread_event(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_key key = flow_number(42);
	struct flow_event unread = event_of(&key, false, 0);

	(void)state;
	world_cut(world);
	table_find(b, &key)->replica = false;
	node_start(b, false);
	session_role(&b->s, CAS__ROLE__STANDBY, a->s.epoch, world->now);
	packet_del(a, key, false);
	world_heal(world);
	for (int i = 0; i < 1000 && !table_find(a, &key); i++)
		world_step_ms(world);
	assert_non_null(table_find(a, &key));
	session_events(&a->s, &unread, 1, world->now);
	settle_world(world, 3000);
	assert_equal_tables(world);
	world_free(world);
}

/* A deposed leader with a long tail does not queue it all: there is room, or it is offered later.
 */
static void a_long_tail_is_not_queued_at_once(void **state)
{
	struct world *world = pair(100);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_key key;
	size_t queued;

	(void)state;
	b->stalled = true;
	while (b->inbound < 1 << 20) {
		fill(a, 10000, 1000);
		drain(a);
		for (int i = 0; i < WORLD_TURNS && session_work(&a->s, world->now); i++)
			;
		world->now += WORLD_MS;
	}
	fill(a, 20000, 3000);
	queued = b->inbound;
	demote(a);
	assert_true(b->inbound - queued < 4096);
	b->stalled = false;
	promote(b);
	settle_world(world, 5000);
	assert_equal_tables(world);
	key = flow_number(22999);
	assert_non_null(table_find(b, &key));
	world_free(world);
}

static struct flow_event generation(uint32_t number, enum flow_gen state)
{
	return (struct flow_event){ .kind = EVENT_GEN,
				    .state = (uint8_t)state,
				    .key = { .vip = ip4(5) },
				    .pool_id = 99,
				    .client_ack = number };
}

/* The log goes on, but the position of the switch is not passed before lbd has made it. */
static void a_switch_is_acknowledged_when_it_is_made(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_event gen = generation(3, GEN_SWITCH);
	uint64_t before = a->s.leader.acked;

	(void)state;
	ring_add(a, &gen);
	fill(a, 5000, 5);
	world_run(world, 50);
	assert_int_equal(b->verdicts, 1);
	assert_equal_tables(world);
	assert_int_equal(a->s.leader.acked, before);
	assert_int_equal(a->passed, 0);
	session_switched(&b->s, 99, 2); /* of another one */
	world_run(world, 10);
	assert_int_equal(a->s.leader.acked, before);
	session_switched(&b->s, 99, 3);
	world_run(world, 10);
	assert_int_equal(a->s.leader.acked, a->s.journal.head);
	assert_int_equal(a->passed, 3);
	world_free(world);
}

/* A hand-over would end at a node whose tables are those of before. */
static void a_hand_over_waits_for_the_switch(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_event gen = generation(3, GEN_SWITCH);

	(void)state;
	ring_add(a, &gen);
	drain(a);
	session_hand_over(&a->s, 77, world->now);
	world_run(world, 100);
	assert_int_equal(a->handed_complete, 0);
	session_switched(&b->s, 99, 3);
	world_run(world, 20);
	assert_int_equal(a->handed_complete, 1);
	world_free(world);
}

static void a_repeated_generation_holds_nothing(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_event gen = generation(3, GEN_REPEATED);

	(void)state;
	ring_add(a, &gen);
	world_run(world, 20);
	assert_int_equal(b->verdicts, 1);
	assert_int_equal(a->s.leader.acked, a->s.journal.head);
	assert_int_equal(a->passed, 0);
	world_free(world);
}

/* Two switches under way, the first given up: the later one stands for both. */
static void the_later_switch_releases_both(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_event first = generation(3, GEN_SWITCH), second = generation(4, GEN_SWITCH);
	uint64_t before = a->s.leader.acked;

	(void)state;
	ring_add(a, &first);
	world_run(world, 20);
	ring_add(a, &second);
	world_run(world, 20);
	session_switched(&b->s, 99, 3);
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, before);
	session_switched(&b->s, 99, 4);
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, a->s.journal.head);
	assert_int_equal(a->passed, 4);
	world_free(world);
}

/* Whoever is not there any more is not waited for; whoever comes back is told all of it. */
static void a_switch_is_forgotten_with_the_channel(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_event gen = generation(3, GEN_SWITCH);

	(void)state;
	assert_true(session_standby(&a->s));
	assert_false(session_standby(&b->s));
	ring_add(a, &gen);
	world_run(world, 20);
	world_cut(world);
	assert_false(session_standby(&a->s));
	node_start(b, true);
	set_role(b, CAS__ROLE__STANDBY, 0);
	world_heal(world);
	settle_world(world, 2000);
	assert_int_equal(b->verdicts, 2);
	assert_int_equal(a->s.leader.acked, a->s.journal.head);
	assert_int_equal(a->passed, 0);
	session_verdicts(&b->s);
	assert_int_equal(b->verdicts, 3);
	session_verdicts(&a->s);
	assert_int_equal(a->verdicts, 0);
	world_free(world);
}

/* More members than are remembered: counted, and lbd's next word has another chance. */
/* A memo of three records in the ring of a node. */
static void say(struct node *node, bool news)
{
	static const uint8_t text[3 * MEMO_PART] = "drain";
	struct flow_event part[MEMO_PARTS];
	size_t parts = memo_cut(part, EVENT_ADMIN, news, text, sizeof(text));

	for (size_t i = 0; i < parts; i++)
		ring_add(node, &part[i]);
}

static void heeded(struct node *node)
{
	session_heeded(&node->s, node->heed_history, node->heed);
}

/* The log goes on, but no word is acknowledged before lbd has it, in whole. */
static void a_word_is_acknowledged_when_it_is_heeded(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];
	uint64_t before = a->s.leader.acked;

	(void)state;
	say(a, true);
	fill(a, 5000, 5);
	world_run(world, 50);
	assert_int_equal(b->verdicts, 3);
	assert_equal_tables(world);
	assert_int_equal(a->s.leader.acked, before);
	assert_int_equal(b->heed, before + 3);
	session_heeded(&b->s, b->heed_history + 1, b->heed); /* of another history */
	session_heeded(&b->s, b->heed_history, b->heed - 3); /* of a word before */
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, before);
	heeded(b);
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, a->s.journal.head);
	world_free(world);
}

/* The first of two is acknowledged, the second is not yet. */
static void words_are_heeded_one_by_one(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];
	uint64_t before = a->s.leader.acked;

	(void)state;
	say(a, true);
	say(a, true);
	world_run(world, 20);
	session_heeded(&b->s, b->heed_history, before + 3);
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, before + 3);
	heeded(b);
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, before + 6);
	world_free(world);
}

/* The end of a word was lost with its event: whatever comes next is asked about instead. */
static void a_word_cut_short_holds_until_the_next(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];
	uint64_t before = a->s.leader.acked;

	(void)state;
	say(a, true);
	a->ringed--;
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, before);
	assert_int_equal(b->heed, 0);
	say(a, false);
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, before);
	heeded(b);
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, a->s.journal.head);
	world_free(world);
}

static void a_repeated_word_holds_nothing(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	say(a, false);
	world_run(world, 20);
	assert_int_equal(b->verdicts, 3);
	assert_int_equal(b->heed, 0);
	assert_int_equal(a->s.leader.acked, a->s.journal.head);
	world_free(world);
}

/* lbd dies before it has read the word: the next one is told, from the log. */
static void a_word_is_said_again_to_the_next_lbd(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];
	uint64_t before = a->s.leader.acked, snapshots = b->s.snapshots;

	(void)state;
	say(a, true);
	fill(a, 5000, 5);
	world_run(world, 20);
	session_verdicts(&b->s);
	world_run(world, 100);
	assert_int_equal(b->verdicts, 6);
	assert_int_equal(b->s.snapshots, snapshots);
	assert_int_equal(a->s.leader.acked, before);
	heeded(b);
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, a->s.journal.head);
	assert_equal_tables(world);
	world_free(world);
}

/* The channel is cut before lbd has read it: the log goes on from before it. */
static void a_word_outlives_the_channel(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];
	uint64_t before = a->s.leader.acked;

	(void)state;
	say(a, true);
	world_run(world, 20);
	world_cut(world);
	world_heal(world);
	world_run(world, 100);
	assert_int_equal(b->verdicts, 6);
	assert_int_equal(a->s.leader.acked, before);
	heeded(b);
	world_run(world, 20);
	assert_int_equal(a->s.leader.acked, a->s.journal.head);
	world_free(world);
}

/* A hand-over would end at a node that knows of no drain. */
static void a_hand_over_waits_for_a_word(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	say(a, true);
	drain(a);
	session_hand_over(&a->s, 77, world->now);
	world_run(world, 100);
	assert_int_equal(a->handed_complete, 0);
	heeded(b);
	world_run(world, 20);
	assert_int_equal(a->handed_complete, 1);
	world_free(world);
}

static void too_many_verdicts_are_counted(void **state)
{
	struct world *world = pair(10);
	struct node *a = &world->node[0];
	struct flow_event verdict = { .kind = EVENT_MEMBER, .state = 1, .client_ack = 100 };
	static const uint8_t digest[SESSION_DIGEST] = { 9 };

	(void)state;
	for (uint32_t i = 0; i < SESSION_VERDICTS + 7; i++) {
		verdict.key = (struct flow_key){ .vip = flow_ip4(1) };
		verdict.member = flow_ip4(1 + i);
		verdict.pool_id = 1;
		session_events(&a->s, &verdict, 1, world->now);
	}
	assert_int_equal(a->s.refused[SESSION_VERDICTS_FULL], 7);
	session_digest(&a->s, digest, world->now);
	session_events(&a->s, &verdict, 1, world->now);
	assert_int_equal(a->s.verdicts, 1);
	assert_int_equal(a->s.refused[SESSION_VERDICTS_FULL], 7);
	world_free(world);
}

/* The entry goes after its removal was told, read and looked up. */
static void a_removal_that_is_told_early(void **state)
{
	struct world *world = pair(1000);
	struct node *a = &world->node[0], *b = &world->node[1];
	struct flow_key key = flow_number(3);
	struct flow_event event = event_of(&key, false, 0);

	(void)state;
	ring_add(a, &event);
	world_run(world, 5);
	assert_non_null(table_find(b, &key));
	table_drop(a, table_find(a, &key));
	world_run(world, 1100);
	assert_null(table_find(b, &key));
	assert_equal_tables(world);
	world_free(world);
}

/* --- another process -------------------------------------------------------------------------- */

/* syncd is killed, and another one takes up what it left. */
static void node_restart(struct node *node)
{
	static uint64_t random = 1;
	struct session_config config = { .node = (unsigned int)(node - node->world->node) + 1,
					 .random = random += 1000,
					 .digest = world_digest,
					 .journal = WORLD_JOURNAL,
					 .trail = node->trail };
	uint64_t epoch = node->s.epoch;

	/* Killed: it writes nothing more. */
	node->s.trail = node->s.journal.trail = NULL;
	world_cut(node->world);
	session_close(&node->s);
	assert_int_equal(session_open(&node->s, &config, &world_ops, node), 0);
	session_tables(&node->s, 1, 1000000, true, node->world->now);
	session_told(&node->s, node->world->now);
	set_role(node, node->role, epoch);
}

/* a leads, b follows; one of them is killed in mid-flow, and nobody loads anything. */
static void a_new_process_goes_on(void **state)
{
	(void)state;
	for (int killed = 0; killed < 2; killed++) {
		struct world *world = pair(1000);
		struct node *a = &world->node[0], *b = &world->node[1];

		world_cut(world);
		fill(a, 5000, 700);
		packet_del(a, flow_number(3), true);
		packet_put(b, flow_number(9001), 2, true); /* came to the standby */
		drain(a);
		drain(b);
		fill(a, 6000, 100); /* unread */
		node_restart(&world->node[killed]);
		world_heal(world);
		settle_world(world, 1000);
		assert_equal_tables(world);
		assert_int_equal(HASH_COUNT(b->table), 1800); /* 1000 + 700 + 100 + 1 - 1 */
		assert_true(session_ready(&b->s));
		assert_int_equal(b->s.snapshots, killed == 1 ? 0 : 1);
		assert_int_equal(a->s.snapshots, killed == 0 ? 0 : 1);
		assert_int_equal(world->node[killed].s.resumes, 1);
		world_free(world);
	}
}

/* More than is kept: the follower must load again.  So it must when it was loading. */
static void a_new_process_that_cannot_know(void **state)
{
	struct world *world = pair(1000);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	world_cut(world);
	fill(a, 5000, WORLD_TRAIL + 100);
	drain(a);
	node_restart(a);
	world_heal(world);
	settle_world(world, 2000);
	assert_int_equal(a->s.snapshots, 1);
	assert_equal_tables(world);
	world_cut(world);
	node_start(b, true);
	set_role(b, CAS__ROLE__STANDBY, b->s.epoch);
	world_heal(world);
	while (b->s.follower.phase != FOLLOWER_LOADING)
		world_step_ms(world);
	node_restart(b);
	world_heal(world);
	settle_world(world, 2000);
	assert_int_equal(b->s.snapshots, 1);
	assert_equal_tables(world);
	world_free(world);
}

/* What it knew to be missing is missing still. */
static void a_new_process_is_in_doubt_as_well(void **state)
{
	struct world *world = pair(1000);
	struct node *a = &world->node[0];

	(void)state;
	world_cut(world);
	packet_put(a, flow_number(7001), 2, false);
	session_lost(&a->s, 1, world->now);
	node_restart(a);
	world_heal(world);
	settle_world(world, 2000);
	assert_equal_tables(world);
	world_free(world);
}

/* It led, was deposed while it was dead, and offers what nobody has acknowledged. */
static void a_new_process_that_led(void **state)
{
	struct world *world = pair(1000);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	world_cut(world);
	fill(a, 5000, 300);
	drain(a);
	promote(b);
	fill(b, 8000, 300);
	a->role = CAS__ROLE__STANDBY;
	node_restart(a);
	world_heal(world);
	settle_world(world, 1000);
	assert_equal_tables(world);
	assert_int_equal(a->s.snapshots, 0);
	assert_int_equal(HASH_COUNT(b->table), 1600);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_removal_that_is_told_early),
		cmocka_unit_test(a_new_process_goes_on),
		cmocka_unit_test(a_new_process_that_cannot_know),
		cmocka_unit_test(a_new_process_is_in_doubt_as_well),
		cmocka_unit_test(a_new_process_that_led),
		cmocka_unit_test(join_under_load_is_exact),
		cmocka_unit_test(cut_and_continue),
		cmocka_unit_test(cut_longer_than_the_log),
		cmocka_unit_test(slow_follower_is_lagging_then_loads),
		cmocka_unit_test(slow_channel_is_told_on_both_ends),
		cmocka_unit_test(an_end_after_its_del_leaves_no_ghost),
		cmocka_unit_test(lost_events_leave_in_sync_at_once),
		cmocka_unit_test(losses_in_a_row_are_sent_with_pauses),
		cmocka_unit_test(losses_while_sending_once_more),
		cmocka_unit_test(a_hole_in_the_log_is_remembered),
		cmocka_unit_test(what_was_lost_is_not_undone_by_the_log),
		cmocka_unit_test(promoted_in_doubt),
		cmocka_unit_test(loading_that_always_fails_is_degraded),
		cmocka_unit_test(verdicts_travel_with_log_and_snapshot),
		cmocka_unit_test(roles_flip_without_a_snapshot),
		cmocka_unit_test(a_deposed_leader_offers_what_it_alone_has),
		cmocka_unit_test(without_a_log_everything_is_offered),
		cmocka_unit_test(a_standby_offers_all_that_it_remembers),
		cmocka_unit_test(short_of_the_old_end_is_not_enough),
		cmocka_unit_test(too_many_own_records_cost_a_snapshot),
		cmocka_unit_test(an_empty_leader_is_taught_first),
		cmocka_unit_test(an_older_epoch_is_refused),
		cmocka_unit_test(promotion_in_mid_snapshot_keeps_everything),
		cmocka_unit_test(another_configuration_is_refused),
		cmocka_unit_test(tables_may_be_laid_out_otherwise),
		cmocka_unit_test(the_lower_version_is_spoken),
		cmocka_unit_test(no_common_version_is_told),
		cmocka_unit_test(who_asks_all_the_same_is_refused),
		cmocka_unit_test(what_nobody_knows_is_ignored_and_counted),
		cmocka_unit_test(another_revision_is_refused),
		cmocka_unit_test(both_switch_at_a_record),
		cmocka_unit_test(a_table_too_small_is_refused),
		cmocka_unit_test(a_table_full_of_what_is_stale_makes_room),
		cmocka_unit_test(a_standbys_own_records_are_settled),
		cmocka_unit_test(own_records_open_the_new_history),
		cmocka_unit_test(hand_over_says_when_it_is_not_complete),
		cmocka_unit_test(hand_over_waits_for_the_ring),
		cmocka_unit_test(records_out_of_order_break_the_channel),
		cmocka_unit_test(a_renewed_channel_stays_in_sync),
		cmocka_unit_test(the_newest_snapshot_is_loaded),
		cmocka_unit_test(a_leader_that_stops_in_mid_snapshot_is_left),
		cmocka_unit_test(a_standby_that_stops_loading_is_left),
		cmocka_unit_test(a_long_sweep_is_waited_for),
		cmocka_unit_test(whatever_happens_tables_end_equal_and_whole),
		cmocka_unit_test(an_answer_belongs_to_its_own_request),
		cmocka_unit_test(without_a_word_nobody_is_followed),
		cmocka_unit_test(an_offer_overtakes_an_unread_event),
		cmocka_unit_test(a_long_tail_is_not_queued_at_once),
		cmocka_unit_test(a_switch_is_acknowledged_when_it_is_made),
		cmocka_unit_test(a_hand_over_waits_for_the_switch),
		cmocka_unit_test(a_repeated_generation_holds_nothing),
		cmocka_unit_test(the_later_switch_releases_both),
		cmocka_unit_test(a_switch_is_forgotten_with_the_channel),
		cmocka_unit_test(a_word_is_acknowledged_when_it_is_heeded),
		cmocka_unit_test(words_are_heeded_one_by_one),
		cmocka_unit_test(a_word_cut_short_holds_until_the_next),
		cmocka_unit_test(a_repeated_word_holds_nothing),
		cmocka_unit_test(a_word_is_said_again_to_the_next_lbd),
		cmocka_unit_test(a_word_outlives_the_channel),
		cmocka_unit_test(a_hand_over_waits_for_a_word),
		cmocka_unit_test(too_many_verdicts_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
