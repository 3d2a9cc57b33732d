// SPDX-License-Identifier: BSD-2-Clause
/* The table of flows (lbd/bpf/place.h), by itself: what it finds, how full it gets, and races. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <ucontext.h>

#include "tests/flow_table.h"

#define UNUSED __attribute__((unused))

enum { FLOWS = 30000, SEEDS = 5, REPLACED = 1000000 };
enum { THREADS = 4, ROUNDS = 100000, KEYS = 40 };
enum { ACTORS = 3, ACTS = 8, RIVALS = 2, FIRST = 1, ORDERS = 20000, SMALL = 11 };
enum { STACK = 64 << 10, ATTEMPTS = ACTORS * ACTS };

static struct place_table table;

static int unmake(void **state UNUSED)
{
	flow_table_close(&table);
	return 0;
}

/* Every third one of IPv6. */
static struct flow_key key_of(uint32_t i)
{
	struct flow_key key = { .client = flow_ip4(htonl(0xc6120000u + i / 7)),
				.vip = flow_ip4(htonl(0xc000020au)),
				.client_port = htons((uint16_t)(1024 + i % 7)),
				.vip_port = htons(443) };

	if (i % 3 == 0) {
		key.client.word[0] = htonl(0x20010db8u);
		key.client.word[2] = 0;
		key.vip.word[0] = htonl(0x20010db8u);
		key.vip.word[2] = 0;
	}
	return key;
}

static int add(uint32_t i)
{
	struct flow flow = { .bytes_in = i, .bytes_out = ~(uint64_t)i };
	struct flow_key key = key_of(i);

	return place_add(&table, &key, &flow);
}

static int drop(uint32_t i)
{
	struct flow_key key = key_of(i);

	return place_drop(&table, &key);
}

static void assert_has(uint32_t i, bool has)
{
	struct flow_key key = key_of(i);
	const struct flow *flow = flow_table_find(&table, &key);

	assert_int_equal(flow != NULL, has);
	if (has) {
		assert_int_equal(flow->bytes_in, i);
		assert_int_equal(flow->bytes_out, ~(uint64_t)i);
	}
}

/* Places and buckets say the same, and nothing else than these flows is there. */
static void assert_whole(uint64_t flows)
{
	uint64_t lives = 0, strays = 0, counted = 0;

	for (uint32_t i = 0; i < table.form->buckets * FLOW_PLACES; i++) {
		const struct flow_place *place = &table.place[i];
		struct flow_spot spot = flow_spot_of(table.form, &place->key);

		assert_int_equal(place->tag, table.bucket[i / FLOW_PLACES].tag[i % FLOW_PLACES]);
		if (!place->tag)
			continue;
		assert_int_equal(place->tag, spot.tag);
		assert_true(i / FLOW_PLACES == spot.first || i / FLOW_PLACES == spot.second);
		strays += i / FLOW_PLACES != spot.first;
		lives++;
	}
	for (uint32_t i = 0; i < table.form->buckets; i++)
		counted += table.bucket[i].strays;
	assert_int_equal(lives, flows);
	assert_int_equal(counted, strays);
	assert_int_equal(table.count, flows);
}

static void found_and_gone(void **state UNUSED)
{
	assert_true(flow_table_make(&table, FLOWS, 1));
	for (uint32_t i = 0; i < FLOWS; i++) {
		assert_has(i, false);
		assert_int_equal(drop(i), -ENOENT);
		assert_int_equal(add(i), 0);
		assert_has(i, true);
	}
	assert_whole(FLOWS);
	for (uint32_t i = 0; i < FLOWS; i++)
		assert_int_equal(add(i), -EEXIST);
	for (uint32_t i = 0; i < FLOWS; i += 2)
		assert_int_equal(drop(i), 0);
	for (uint32_t i = 0; i < FLOWS; i++)
		assert_has(i, i % 2);
	assert_whole(FLOWS / 2);
	for (uint32_t i = 1; i < FLOWS; i += 2)
		assert_int_equal(drop(i), 0);
	assert_whole(0);
	for (uint32_t i = 0; i < table.form->buckets; i++)
		assert_int_equal(table.bucket[i].strays, 0);
}

/* As many as were asked for have room, whatever the hash, and not one more. */
static void filled(void **state UNUSED)
{
	static const uint32_t sizes[] = { 1, 11, 12, 100, 1000, FLOWS, 300000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (unsigned int seed = 0; seed < SEEDS; seed++) {
			assert_true(flow_table_make(&table, sizes[i], seed));
			for (uint32_t flow = 0; flow < sizes[i]; flow++)
				assert_int_equal(add(flow), 0);
			assert_int_equal(add(sizes[i]), -E2BIG);
			assert_int_equal(add(0), -EEXIST);
			assert_int_equal(table.count, sizes[i]);
			assert_int_equal(drop(sizes[i] / 2), 0);
			assert_int_equal(add(sizes[i]), 0);
			flow_table_close(&table);
		}
}

/* At its limit, where flows come and go: hardly one is refused. */
static void replaced(void **state UNUSED)
{
	uint32_t refused = 0, oldest = 0, next = FLOWS;

	assert_true(flow_table_make(&table, FLOWS, 5));
	for (uint32_t i = 0; i < FLOWS; i++)
		assert_int_equal(add(i), 0);
	for (uint32_t i = 0; i < REPLACED; i++) {
		drop(oldest++);
		refused += add(next++) != 0;
	}
	print_message("%u of %u refused\n", refused, REPLACED);
	assert_true(refused <= REPLACED / 10000);
}

/* Each bit of a key counts, and keys of one size spread as evenly as the fill above needs. */
static void every_bit(void **state UNUSED)
{
	struct flow_key key = key_of(1);
	struct flow_form form;
	uint64_t hash;

	assert_true(flow_table_make(&table, FLOWS, 3));
	form = *table.form;
	hash = flow_hash(&form, &key);
	for (size_t bit = 0; bit < 8 * sizeof(key); bit++) {
		struct flow_key other = key;

		((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(flow_hash(&form, &other) != hash);
		assert_false(flow_key_equal(&key, &other));
	}
	for (size_t i = 0; i < FLOW_HASH_WORDS; i++) {
		form.key[i] ^= 0x10000;
		assert_true(flow_hash(&form, &key) != hash);
		form.key[i] ^= 0x10000;
	}
}

/* --- races ------------------------------------------------------------------------------------ */

static struct {
	uint64_t added, dropped; /* atomic */
} tally[KEYS];

static void act(uint32_t which, bool adds)
{
	if (adds && add(which) == 0)
		__atomic_fetch_add(&tally[which].added, 1, __ATOMIC_SEQ_CST);
	else if (!adds && drop(which) == 0)
		__atomic_fetch_add(&tally[which].dropped, 1, __ATOMIC_SEQ_CST);
}

/* Adds that were begun, which of them succeeded, and which of their flows somebody has found. */
static struct {
	bool done, found;
} attempt[ATTEMPTS];
static uint32_t attempts;

static void attempt_add(uint32_t which)
{
	uint32_t own = attempts++;
	struct flow flow = { .bytes_in = which, .bytes_out = ~(uint64_t)which, .created = own };
	struct flow_key key = key_of(which);

	attempt[own].done = place_add(&table, &key, &flow) == 0;
	tally[which].added += attempt[own].done;
}

static void attempt_find(uint32_t which)
{
	struct flow_key key = key_of(which);
	const struct flow *flow = flow_table_find(&table, &key);

	if (flow && flow->bytes_in == which) /* or else it is another one's by now */
		attempt[flow->created].found = true;
}

/* Nobody finds what never came to be. */
static void assert_attempts(void)
{
	for (uint32_t i = 0; i < attempts; i++)
		assert_true(attempt[i].done || !attempt[i].found);
	memset(attempt, 0, sizeof(attempt));
	attempts = 0;
}

/* Whoever has added or dropped has done so alone: of each key there is one flow or none. */
static void assert_tally(void)
{
	uint64_t lives = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		assert_true(tally[i].added - tally[i].dropped <= 1);
		assert_has(i, tally[i].added != tally[i].dropped);
		lives += tally[i].added - tally[i].dropped;
	}
	assert_whole(lives);
}

static void *churn(void *arg)
{
	unsigned int seed = *(const unsigned int *)arg;

	for (uint32_t i = 0; i < ROUNDS; i++)
		act((uint32_t)rand_r(&seed) % KEYS, rand_r(&seed) & 64);
	return NULL;
}

/* On several processors at once, as fast as they can. */
static void at_once(void **state UNUSED)
{
	unsigned int seed[THREADS];
	pthread_t thread[THREADS];

	memset(tally, 0, sizeof(tally));
	assert_true(flow_table_make(&table, KEYS, 4));
	for (unsigned int i = 0; i < THREADS; i++) {
		seed[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, churn, &seed[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_tally();
}

/* Those who come in between: each does a few things, and wherever it pauses another goes on. */
static struct {
	ucontext_t main, actor[ACTORS];
	uint8_t stack[ACTORS][STACK];
	bool busy[ACTORS], drops;
	unsigned int now, seed;
} stage;

static void give_way(void)
{
	unsigned int before = stage.now, next = (unsigned int)rand_r(&stage.seed) % ACTORS;

	if (next == before || !stage.busy[next])
		return;
	stage.now = next;
	swapcontext(&stage.actor[before], &stage.actor[next]);
}

static void play(void)
{
	unsigned int own = stage.now;

	for (unsigned int i = 0; i < ACTS; i++) {
		uint32_t which = FIRST + (uint32_t)rand_r(&stage.seed) % RIVALS;
		int what = rand_r(&stage.seed) % 7;

		if (what == 0)
			attempt_find(which);
		else if (what <= 3 && stage.drops)
			act(which, false);
		else
			attempt_add(which);
	}
	stage.busy[own] = false;
}

static void enter(unsigned int who)
{
	ucontext_t *actor = &stage.actor[who];

	getcontext(actor);
	actor->uc_stack.ss_sp = stage.stack[who];
	actor->uc_stack.ss_size = STACK;
	actor->uc_link = &stage.main;
	makecontext(actor, play, 0);
	stage.busy[who] = true;
}

static void go_on(unsigned int who)
{
	stage.now = who;
	swapcontext(&stage.main, &stage.actor[who]);
}

/* Until all have done what they do. */
static void play_all(void)
{
	for (unsigned int i = 0; i < ACTORS; i++)
		enter(i);
	for (unsigned int i = 0; i < ACTORS; i++)
		while (stage.busy[i])
			go_on(i);
}

/* One after the other on one processor, in many orders that it could have been. */
static void in_between(void **state UNUSED)
{
	for (unsigned int order = 0; order < ORDERS; order++) {
		assert_true(flow_table_make(&table, order % 2 ? SMALL : KEYS, order));
		/* Without it the ports do not enter the hash, and both keys have one tag. */
		if (order % 3)
			table.form->key[FLOW_HASH_WORDS - 1] = 0;
		memset(tally, 0, sizeof(tally));
		stage.seed = order;
		stage.drops = order % 5;
		table.pause = give_way;
		play_all();
		table.pause = NULL;
		assert_tally();
		assert_attempts();
		/* Of those who add one key, one has. */
		if (!stage.drops)
			assert_true(tally[FIRST].added && tally[FIRST + 1].added);
		flow_table_close(&table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(found_and_gone, unmake),
		cmocka_unit_test_teardown(filled, unmake),
		cmocka_unit_test_teardown(replaced, unmake),
		cmocka_unit_test_teardown(every_bit, unmake),
		cmocka_unit_test_teardown(at_once, unmake),
		cmocka_unit_test_teardown(in_between, unmake),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
