// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "tests/unit/session_world.h"

enum { COUNT = 3000 };

/* a leads, b follows and holds everything. */
static struct world *pair(uint32_t count)
{
	struct world *world = world_new();

	fill(&world->node[0], 0, count);
	promote(&world->node[0]);
	world_heal(world);
	settle_world(world, 2000);
	world_run(world, 300);
	return world;
}

static void start(struct world *world)
{
	assert_null(session_verify(&world->node[0].s, world->now));
}

static const struct verify_result *finish(struct world *world)
{
	struct node *a = &world->node[0];
	unsigned int before = a->verified;

	for (unsigned int ms = 0; ms < 20000 && a->verified == before; ms++)
		world_step_ms(world);
	assert_int_equal(a->verified, before + 1);
	return &a->result;
}

static const struct verify_result *verify(struct world *world)
{
	start(world);
	return finish(world);
}

static void assert_clean(const struct verify_result *result)
{
	assert_int_equal(result->differing, 0);
	assert_int_equal(result->left, 0);
	assert_int_equal(result->busy, 0);
	assert_int_equal(result->repaired, 0);
	assert_int_equal(result->compared, result->slices);
	assert_false(result->resent);
}

static void lose(struct node *node, struct flow_key key)
{
	packet_del(node, key, false);
}

static void equal_tables_are_equal(void **state)
{
	struct world *world = pair(COUNT);
	const struct verify_result *result = verify(world);

	(void)state;
	assert_clean(result);
	assert_int_equal(result->entries, COUNT);
	assert_int_equal(result->changing, 0);
	assert_true(result->took_ns > 0 && result->took_ns < 2000ull * WORLD_MS);
	world_run(world, 100);
	assert_int_equal(world->node[0].s.verify.phase, VERIFY_IDLE);
	assert_int_equal(world->node[1].s.verify.phase, VERIFY_IDLE);
	assert_null(world->node[1].s.verify.tally.slot);
	world_free(world);
}

static void empty_tables_are_equal(void **state)
{
	struct world *world = pair(0);

	(void)state;
	assert_clean(verify(world));
	world_free(world);
}

/* Lost, left over and other, of flows and pins: each is found, and nothing else is sent. */
static void what_differs_is_mended(void **state)
{
	struct world *world = pair(COUNT);
	struct node *a = &world->node[0], *b = &world->node[1];
	const struct verify_result *result;
	uint64_t head;

	(void)state;
	lose(b, flow_number(11));
	lose(b, pin_number(20));
	packet_put(b, flow_number(90001), 2, false);
	packet_put(b, pin_number(90010), 2, false);
	{
		struct flow_key flow = flow_number(31), pin = pin_number(40);

		table_find(b, &flow)->member ^= 3;
		table_find(b, &pin)->member ^= 3;
	}
	assert_int_equal(differences(world), 8);
	head = a->s.journal.head;
	result = verify(world);
	assert_int_equal(result->repaired, 6);
	assert_in_range(result->differing, 1, 6);
	assert_int_equal(result->left, 0);
	assert_int_equal(result->busy, 0);
	assert_false(result->resent);
	assert_int_equal(a->s.journal.head, head + 6);
	assert_equal_tables(world);
	assert_int_equal(b->s.snapshots, 1);
	assert_true(in_sync(world));
	assert_clean(verify(world));
	assert_int_equal(a->s.verify.runs, 2);
	assert_int_equal(a->s.verify.repaired, 6);
	world_free(world);
}

/* A leader without the record is right too. */
static void the_leaders_table_is_the_truth(void **state)
{
	struct world *world = pair(COUNT);
	struct flow_key key = flow_number(13);

	(void)state;
	lose(&world->node[0], key);
	assert_int_equal(verify(world)->repaired, 1);
	assert_null(table_find(&world->node[1], &key));
	assert_equal_tables(world);
	world_free(world);
}

static void a_table_in_ruins_is_sent_once_more(void **state)
{
	struct world *world = pair(COUNT);
	const struct verify_result *result;

	(void)state;
	table_wipe(&world->node[1]);
	result = verify(world);
	assert_true(result->resent);
	assert_true(result->differing > 0);
	assert_int_equal(result->left, 0);
	assert_int_equal(result->repaired, 0);
	assert_equal_tables(world);
	assert_clean(verify(world));
	/* Beside the log: the position stayed good. */
	assert_int_equal(world->node[1].s.snapshots, 1);
	world_free(world);
}

/* Of one turn of the load on either node. */
static void load(struct world *world, uint32_t turn)
{
	struct node *a = &world->node[0], *b = &world->node[1];

	fill(a, 100000 + turn * 20, 20);
	packet_del(a, flow_number(100000 + turn * 13 + 1), true);
	packet_del(a, flow_number(turn * 3 + 1), true);
	packet_put(a, pin_number(turn * 10), 1 + turn % 3, true);
	if (turn % 5 == 0)
		packet_put(b, flow_number(500000 + turn), 2, true);
}

static void changes_are_no_differences(void **state)
{
	struct world *world = pair(COUNT);
	struct node *a = &world->node[0];

	(void)state;
	/* Their events lie about for a while. */
	a->reads = 25;
	world->node[1].reads = 1;
	for (uint32_t round = 0; round < 5; round++) {
		start(world);
		for (uint32_t i = 0; i < 2000 && a->verified == round; i++) {
			if (a->ringed < 200)
				load(world, round * 100 + i);
			world_step_ms(world);
		}
		assert_int_equal(a->verified, round + 1);
		assert_clean(&a->result);
		assert_true(a->result.changing > 0);
		assert_true(a->result.entries > COUNT / 2);
	}
	assert_equal_tables(world);
	world_free(world);
}

static void a_loss_is_found_under_load(void **state)
{
	struct world *world = pair(COUNT);
	struct node *a = &world->node[0];

	(void)state;
	lose(&world->node[1], flow_number(2999));
	lose(&world->node[1], flow_number(2997));
	start(world);
	for (uint32_t i = 0; i < 900 && !a->verified; i++) {
		load(world, i);
		world_step_ms(world);
	}
	assert_int_equal(a->verified, 1);
	assert_int_equal(a->result.repaired, 2);
	assert_int_equal(a->result.left, 0);
	assert_equal_tables(world);
	world_free(world);
}

/* Cut at each moment of a run: it ends with a reason, nothing stays behind, and the next is whole.
 */
static void a_cut_ends_it(void **state)
{
	(void)state;
	for (unsigned int after = 0; after < 160; after += 7) {
		struct world *world = pair(COUNT);
		struct node *a = &world->node[0], *b = &world->node[1];
		struct flow_key key = flow_number(77);

		lose(b, key);
		start(world);
		world_run(world, after);
		world_cut(world);
		assert_int_equal(a->verified + a->verify_broken, 1);
		assert_int_equal(a->s.verify.phase, VERIFY_IDLE);
		assert_int_equal(b->s.verify.phase, VERIFY_IDLE);
		assert_non_null(session_verify(&a->s, world->now));
		world_heal(world);
		settle_world(world, 1000);
		assert_int_equal(verify(world)->left, 0);
		assert_non_null(table_find(b, &key));
		assert_clean(verify(world));
		world_free(world);
	}
}

static void only_a_leader_in_sync_compares(void **state)
{
	struct world *world = pair(COUNT);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	assert_non_null(session_verify(&b->s, world->now));
	start(world);
	world_run(world, 30);
	/* The roles change in the middle of it. */
	demote(a);
	promote(b);
	assert_int_equal(a->verify_broken, 1);
	settle_world(world, 2000);
	assert_non_null(session_verify(&a->s, world->now));
	assert_null(session_verify(&b->s, world->now));
	world_run(world, 1000);
	assert_int_equal(b->verified, 1);
	assert_clean(&b->result);
	world_free(world);
}

static void lost_events_end_it(void **state)
{
	struct world *world = pair(COUNT);
	struct node *a = &world->node[0];

	(void)state;
	start(world);
	world_run(world, 30);
	session_lost(&a->s, 1, world->now);
	assert_int_equal(a->verify_broken, 1);
	settle_world(world, 2000);
	assert_clean(verify(world));
	start(world);
	world_run(world, 30);
	session_lost(&world->node[1].s, 1, world->now);
	world_run(world, 10);
	assert_int_equal(a->verify_broken, 2);
	settle_world(world, 5000);
	assert_clean(verify(world));
	world_free(world);
}

static void it_runs_by_itself(void **state)
{
	struct world *world = pair(COUNT);
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	session_verify_every(&a->s, 2000ull * WORLD_MS);
	session_verify_every(&b->s, 2000ull * WORLD_MS);
	lose(b, flow_number(5));
	world_run(world, 10000);
	assert_in_range(a->verified, 4, 5);
	assert_int_equal(a->s.verify.repaired, 1);
	assert_int_equal(b->verified + b->verify_broken, 0);
	assert_equal_tables(world);
	session_verify_every(&a->s, 0);
	world_run(world, 3000);
	assert_in_range(a->verified, 4, 6);
	world_free(world);
}

static void a_silent_standby_is_not_waited_for(void **state)
{
	struct world *world = pair(COUNT);
	struct node *a = &world->node[0];

	(void)state;
	start(world);
	world->node[1].stalled = true;
	world_run(world, 20000);
	assert_int_equal(a->verify_broken, 1);
	world->node[1].stalled = false;
	settle_world(world, 5000);
	assert_clean(verify(world));
	world_free(world);
}

static struct flow_event world_flow(uint32_t n, uint32_t member)
{
	struct flow_key key = flow_number(n);

	return event_of(&key, true, member);
}

/* --- what a peer might say -------------------------------------------------------------------- */

static uint32_t draw(uint32_t below)
{
	static uint64_t seed = 77;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return below ? (uint32_t)(seed >> 33) % below : 0;
}

static void say_begin(struct node *to)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__VerifyBegin begin = SYNC__VERIFY_BEGIN__INIT;
	uint8_t key[32] = { 0 };

	begin.number = to->s.verify.number + draw(2);
	begin.key = (ProtobufCBinaryData){ .len = draw(4) ? 16 : draw(32), .data = key };
	begin.slices = draw(4) ? 16 : draw(6000);
	begin.parts = draw(4) ? 1 : draw(100);
	begin.part = draw(4) ? 0 : draw(100);
	begin.seq = to->s.follower.have.seq + !draw(4);
	frame.verify_begin = &begin;
	session_frame(&to->s, &frame, to->world->now);
}

static void say_word(struct node *to)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__VerifyWord word = SYNC__VERIFY_WORD__INIT;

	word.number = to->s.verify.number - !draw(5);
	word.word = (Sync__VerifyWord__Word)(SYNC__VERIFY_WORD__WORD__WALKING + draw(5));
	word.seq = to->s.follower.have.seq + !draw(4);
	frame.verify_word = &word;
	session_frame(&to->s, &frame, to->world->now);
}

static void say_sums(struct node *to)
{
	static uint64_t sum[TALLY_SLICES];
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__VerifySums sums = SYNC__VERIFY_SUMS__INIT;

	sums.number = to->s.verify.number;
	sums.n_sum = draw(3) ? to->s.verify.tally.scope.slices : draw(TALLY_SLICES);
	sums.sum = sum;
	frame.verify_sums = &sums;
	session_frame(&to->s, &frame, to->world->now);
}

static void say_list(struct node *to)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__VerifyList list = SYNC__VERIFY_LIST__INIT;
	uint32_t slice[8];

	for (list.n_slice = 0; list.n_slice < 8; list.n_slice++)
		slice[list.n_slice] = draw(3) ? draw(16) : draw(UINT32_MAX);
	list.number = to->s.verify.number;
	list.slice = slice;
	frame.verify_list = &list;
	session_frame(&to->s, &frame, to->world->now);
}

static void say_keys(struct node *to)
{
	static struct record_batch batch;

	batch.count = 1 + draw(20);
	batch.listed = to->s.verify.number;
	for (uint32_t i = 0; i < batch.count; i++)
		batch.event[i] = world_flow(draw(4000), 1 + draw(4));
	verify_keys(&to->s, &batch, to->world->now);
}

/* In any order, of any content, to either node: they stay whole, and true in the end. */
static void nonsense_is_survived(void **state)
{
	static void (*const say[])(struct node * to) = { say_begin, say_word, say_sums, say_list,
							 say_keys };
	struct world *world = pair(COUNT);
	struct node *a = &world->node[0];

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		if (a->s.verify.phase == VERIFY_IDLE && in_sync(world) && !draw(20))
			session_verify(&a->s, world->now);
		say[draw(5)](&world->node[draw(2)]);
		if (draw(3) == 0)
			world_step_ms(world);
	}
	world_run(world, 40000);
	settle_world(world, 10000);
	assert_equal_tables(world);
	assert_clean(verify(world));
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_tables_are_equal),
		cmocka_unit_test(empty_tables_are_equal),
		cmocka_unit_test(what_differs_is_mended),
		cmocka_unit_test(the_leaders_table_is_the_truth),
		cmocka_unit_test(a_table_in_ruins_is_sent_once_more),
		cmocka_unit_test(changes_are_no_differences),
		cmocka_unit_test(a_loss_is_found_under_load),
		cmocka_unit_test(a_cut_ends_it),
		cmocka_unit_test(only_a_leader_in_sync_compares),
		cmocka_unit_test(lost_events_end_it),
		cmocka_unit_test(it_runs_by_itself),
		cmocka_unit_test(a_silent_standby_is_not_waited_for),
		cmocka_unit_test(nonsense_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
