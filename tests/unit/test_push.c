// SPDX-License-Identifier: BSD-2-Clause
/* The machine of a push: two nodes, a channel between them, disks that outlive them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "syncd/push.h"

#define MS UINT64_C(1000000)

enum { QUEUE = 4096, FETCH_MS = 3, STORE = 4096 };

struct letter {
	enum push_word word;
	struct revision about;
	struct lineage line;
	uint32_t confirm_ms;
	bool unconfirmed, logged;
	char why[PUSH_WHY];
};

/* What a node has written. */
struct disk {
	struct lineage current, staged;
	struct revision previous;
	bool unconfirmed;
};

struct node {
	struct world *world;
	struct node *peer;
	struct push push;
	struct disk disk;
	struct revision runs; /* its daemons */
	struct letter *queue; /* to this node */
	size_t head, tail;
	struct revision fetching;
	uint64_t fetch_at, apply_at; /* 0: not */
	bool refuses, lame;          /* its check says no; its daemons do not follow */
	bool full;                   /* its disk */
	int ends, last_end;
	char why[PUSH_WHY];
	struct lineage given;
};

struct world {
	uint64_t now;
	struct node node[2];
	bool up;
	uint32_t serial;
	struct lineage made[STORE]; /* every revision there ever was */
	size_t count;
};

static const struct lineage *find(const struct world *world, const struct revision *which)
{
	for (size_t i = 0; i < world->count; i++)
		if (revision_equal(&world->made[i].tip, which))
			return &world->made[i];
	return NULL;
}

static const struct lineage *make(struct world *world, const struct lineage *parent)
{
	uint8_t id[REVISION_ID] = { 0 };

	assert_true(world->count < STORE);
	world->serial++;
	memcpy(id, &world->serial, sizeof(world->serial));
	lineage_child(&world->made[world->count], parent, id);
	return &world->made[world->count++];
}

/* --- hands ------------------------------------------------------------------------------------ */

static void post(struct node *to, const struct letter *letter)
{
	if (!to->world->up)
		return;
	assert_true(to->tail - to->head < QUEUE);
	to->queue[to->tail++ % QUEUE] = *letter;
}

static void op_say(void *arg, enum push_word word, const struct push_note *note)
{
	struct node *node = arg;
	struct letter letter = { .word = word,
				 .line = node->push.line,
				 .confirm_ms = note->confirm_ms,
				 .unconfirmed = note->unconfirmed };

	letter.about = *note->about;
	snprintf(letter.why, sizeof(letter.why), "%s", note->why ? note->why : "");
	post(node->peer, &letter);
}

static void op_fetch(void *arg, const struct revision *which)
{
	struct node *node = arg;

	node->fetching = *which;
	node->fetch_at = node->world->now + FETCH_MS * MS;
}

static bool op_check(void *arg, char why[PUSH_WHY])
{
	struct node *node = arg;

	snprintf(why, PUSH_WHY, "pair.conf:3:1: this node has no interface eth9");
	return !node->refuses;
}

static int op_stage(void *arg)
{
	struct node *node = arg;

	if (node->full)
		return -1;
	node->disk.staged = node->given;
	return 0;
}

static void op_unstage(void *arg)
{
	struct node *node = arg;

	node->disk.staged = (struct lineage){ 0 };
}

static int op_decide(void *arg, const struct revision *staged, uint32_t confirm_ms)
{
	struct node *node = arg;

	if (node->full || !revision_equal(staged, &node->disk.staged.tip))
		return -1;
	node->disk.previous = node->disk.current.tip;
	node->disk.current = node->disk.staged;
	node->disk.staged = (struct lineage){ 0 };
	node->disk.unconfirmed = confirm_ms != 0;
	return 0;
}

static int op_adopt(void *arg, bool unconfirmed)
{
	struct node *node = arg;

	if (node->full)
		return -1;
	node->disk.previous = node->disk.current.tip;
	node->disk.current = node->given;
	node->disk.unconfirmed = unconfirmed;
	return 0;
}

static int op_confirm(void *arg)
{
	struct node *node = arg;

	if (node->full)
		return -1;
	node->disk.unconfirmed = false;
	return 0;
}

static bool op_log(void *arg, const struct revision *revision)
{
	struct node *node = arg;

	post(node->peer, &(struct letter){ .logged = true, .about = *revision });
	return node->world->up;
}

static void op_apply(void *arg, const struct revision *current)
{
	struct node *node = arg;

	assert_true(revision_equal(current, &node->disk.current.tip));
	node->apply_at = node->world->now + 2 * MS;
}

static int op_undo(void *arg, struct lineage *next)
{
	struct node *node = arg;

	if (revision_none(&node->disk.previous))
		return -1;
	node->given = *make(node->world, &node->push.line);
	*next = node->given;
	return 0;
}

static void op_went_on(void *arg, enum push_phase done)
{
	(void)arg;
	(void)done;
}

static void op_ended(void *arg, enum push_end end, const char *why)
{
	struct node *node = arg;

	node->ends++;
	node->last_end = (int)end;
	snprintf(node->why, sizeof(node->why), "%s", why ? why : "");
}

static const struct push_ops ops = {
	.say = op_say,
	.fetch = op_fetch,
	.check = op_check,
	.stage = op_stage,
	.unstage = op_unstage,
	.decide = op_decide,
	.adopt = op_adopt,
	.confirm = op_confirm,
	.log = op_log,
	.apply = op_apply,
	.undo = op_undo,
	.went_on = op_went_on,
	.ended = op_ended,
};

/* --- time ------------------------------------------------------------------------------------- */

static void deliver(struct node *node)
{
	struct letter *letter = &node->queue[node->head++ % QUEUE];
	struct push_note note = { .about = &letter->about,
				  .confirm_ms = letter->confirm_ms,
				  .unconfirmed = letter->unconfirmed,
				  .why = letter->why[0] ? letter->why : NULL };

	if (letter->logged)
		push_logged(&node->push, &letter->about, node->world->now);
	else
		push_heard(&node->push, letter->word, &note,
			   letter->word == PUSH_STATE ? &letter->line : NULL, node->world->now);
}

static void step_node(struct node *node)
{
	struct world *world = node->world;

	while (node->head < node->tail)
		deliver(node);
	if (node->fetch_at && world->now >= node->fetch_at) {
		const struct lineage *line = find(world, &node->fetching);

		node->fetch_at = 0;
		if (line && world->up)
			node->given = *line;
		push_fetched(&node->push, line && world->up ? line : NULL, NULL, world->now);
	}
	if (node->apply_at && world->now >= node->apply_at) {
		node->apply_at = 0;
		if (!node->lame)
			node->runs = node->disk.current.tip;
		push_applied(&node->push, node->lame ? "lbd refuses" : NULL, world->now);
	}
	push_tick(&node->push, world->now);
}

static void run_ms(struct world *world, unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i++) {
		world->now += MS;
		step_node(&world->node[0]);
		step_node(&world->node[1]);
	}
}

static void set_channel(struct world *world, bool up)
{
	if (world->up == up)
		return;
	world->up = up;
	for (int i = 0; i < 2; i++)
		world->node[i].head = world->node[i].tail;
	for (int i = 0; i < 2; i++) {
		struct node *node = &world->node[i];

		if (up) {
			push_up(&node->push, world->now);
		} else {
			node->fetch_at = 0;
			push_down(&node->push, world->now);
		}
	}
}

static void lead(struct world *world, int leader)
{
	push_role(&world->node[1 - leader].push, false, world->now);
	push_role(&world->node[leader].push, true, world->now);
}

/* Only syncd dies: what is on disk stays, and the other daemons are told when it is back. */
static void crash(struct node *node)
{
	bool leading = node->push.leading;

	set_channel(node->world, false);
	node->fetch_at = node->apply_at = 0;
	node->disk.staged = (struct lineage){ 0 };
	push_open(&node->push, &node->disk.current, node->disk.unconfirmed, 1000 * MS, &ops, node,
		  node->world->now);
	node->runs = node->disk.current.tip;
	push_role(&node->push, leading, node->world->now);
}

static struct world *new_world(void)
{
	struct world *world = calloc(1, sizeof(*world));
	const struct lineage *first;

	world->now = 1000 * MS;
	first = make(world, NULL);
	for (int i = 0; i < 2; i++) {
		struct node *node = &world->node[i];

		node->world = world;
		node->peer = &world->node[1 - i];
		node->queue = calloc(QUEUE, sizeof(*node->queue));
		node->disk.current = *first;
		node->runs = first->tip;
		push_open(&node->push, first, false, 0, &ops, node, world->now);
	}
	lead(world, 0);
	set_channel(world, true);
	run_ms(world, 10);
	return world;
}

static void free_world(struct world *world)
{
	free(world->node[0].queue);
	free(world->node[1].queue);
	free(world);
}

static const char *start_push(struct node *node, uint32_t confirm_ms, bool alone, bool dry)
{
	struct push_wish wish = {
		.synced = true, .confirm_ms = confirm_ms, .alone = alone, .dry = dry
	};
	const char *why;

	wish.next = make(node->world, &node->push.line);
	why = push_obstacle(&node->push, &wish);
	if (why)
		return why;
	node->given = *wish.next;
	return push_begin(&node->push, &wish, node->world->now);
}

static void assert_on(const struct world *world, uint64_t number)
{
	for (int i = 0; i < 2; i++) {
		const struct node *node = &world->node[i];

		assert_int_equal(node->disk.current.tip.number, number);
		assert_true(revision_equal(&node->runs, &node->disk.current.tip));
		assert_true(revision_equal(&node->disk.current.tip, &node->peer->disk.current.tip));
	}
}

/* --- tests ------------------------------------------------------------------------------------ */

static void both_switch(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0];

	(void)state;
	assert_null(start_push(a, 0, false, false));
	assert_non_null(start_push(a, 0, false, false)); /* one at a time */
	run_ms(world, 100);
	assert_int_equal(a->ends, 1);
	assert_int_equal(a->last_end, PUSH_DONE);
	assert_on(world, 2);
	assert_true(a->push.standby_ns > 0 && a->push.active_ns > 0);
	assert_true(push_agree(&a->push));
	/* not here: the standby does not push */
	assert_non_null(start_push(&world->node[1], 0, false, false));
	free_world(world);
}

static void dry_run(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0];

	(void)state;
	assert_null(start_push(a, 0, false, true));
	run_ms(world, 100);
	assert_int_equal(a->last_end, PUSH_DONE);
	assert_on(world, 1);
	free_world(world);
}

static void the_standby_refuses(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	b->refuses = true;
	assert_null(start_push(a, 0, false, false));
	run_ms(world, 100);
	assert_int_equal(a->last_end, PUSH_DISAGREES);
	assert_non_null(strstr(a->why, "eth9"));
	assert_on(world, 1);
	b->refuses = false;
	b->full = true;
	assert_null(start_push(a, 0, false, false));
	run_ms(world, 100);
	assert_int_equal(a->last_end, PUSH_DISAGREES);
	b->full = false;
	a->full = true;
	assert_null(start_push(a, 0, false, false));
	run_ms(world, 100);
	assert_int_equal(a->last_end, PUSH_NO);
	assert_on(world, 1);
	a->full = false;
	assert_null(start_push(a, 0, false, false));
	run_ms(world, 100);
	assert_on(world, 2);
	free_world(world);
}

static void without_a_confirmation(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0];

	(void)state;
	assert_null(start_push(a, 5000, false, false));
	run_ms(world, 1000);
	assert_on(world, 2);
	assert_non_null(start_push(a, 0, false, false)); /* it waits */
	run_ms(world, 5000);
	assert_on(world, 3);
	assert_int_equal(a->push.rolled_back, 1);
	assert_null(start_push(a, 5000, false, false));
	run_ms(world, 1000);
	assert_null(push_confirm(&a->push, world->now));
	run_ms(world, 10000);
	assert_on(world, 4);
	assert_false(a->disk.unconfirmed || world->node[1].disk.unconfirmed);
	assert_non_null(push_confirm(&a->push, world->now));
	assert_null(push_rollback(&a->push, world->now));
	run_ms(world, 1000);
	assert_on(world, 5);
	free_world(world);
}

/* A standby that has confirmed, and a leader that died before it could. */
static void a_confirmation_is_not_lost(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	assert_null(start_push(a, 5000, false, false));
	run_ms(world, 1000);
	assert_null(push_confirm(&a->push, world->now));
	step_node(b);
	assert_false(b->disk.unconfirmed);
	assert_true(a->disk.unconfirmed);
	crash(a);
	set_channel(world, true);
	run_ms(world, 60000);
	assert_on(world, 2);
	assert_false(a->disk.unconfirmed);
	free_world(world);
}

/* Nor one that the standby could not write down. */
static void a_confirmation_waits_for_the_disk(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	assert_null(start_push(a, 60000, false, false));
	run_ms(world, 1000);
	b->full = true;
	assert_null(push_confirm(&a->push, world->now));
	run_ms(world, 10000);
	assert_false(a->disk.unconfirmed);
	assert_true(b->disk.unconfirmed);
	assert_non_null(strstr(b->push.why, "cannot be stored"));
	b->full = false;
	run_ms(world, 10000);
	assert_false(b->disk.unconfirmed);
	assert_string_equal(b->push.why, "");
	assert_on(world, 2);
	free_world(world);
}

/* Nor rolled back by a leader that could not. */
static void a_confirmation_that_the_peer_has(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	assert_null(start_push(a, 3000, false, false));
	run_ms(world, 1000);
	a->full = true;
	assert_null(push_confirm(&a->push, world->now));
	run_ms(world, 500);
	assert_int_equal(a->last_end, PUSH_NO);
	assert_false(b->disk.unconfirmed);
	a->full = false;
	run_ms(world, 20000);
	assert_false(a->disk.unconfirmed);
	assert_int_equal(a->push.rolled_back, 0);
	assert_on(world, 2);
	free_world(world);
}

/* What was asked for and did not come to be is no trouble of the pair's. */
static void a_roll_back_that_fails(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	assert_null(start_push(a, 0, false, false));
	run_ms(world, 1000);
	b->refuses = true;
	assert_null(push_rollback(&a->push, world->now));
	run_ms(world, 10000);
	assert_int_equal(a->last_end, PUSH_DISAGREES);
	assert_string_equal(a->push.why, "");
	assert_on(world, 2);
	/* but one that is due is, until somebody confirms */
	b->refuses = false;
	assert_null(start_push(a, 2000, false, false));
	run_ms(world, 1000);
	b->refuses = true;
	run_ms(world, 2000);
	assert_non_null(strstr(a->push.why, "roll-back failed"));
	assert_null(push_confirm(&a->push, world->now));
	run_ms(world, 1000);
	assert_string_equal(a->push.why, "");
	assert_on(world, 3);
	free_world(world);
}

/* The role goes while its daemons are slow: nothing is taken back later. */
static void the_role_goes_before_daemons_follow(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	assert_null(start_push(a, 0, false, false));
	while (a->push.phase != PUSH_APPLYING)
		run_ms(world, 1);
	a->apply_at = UINT64_MAX;
	lead(world, 1);
	run_ms(world, 5);
	assert_null(start_push(b, 0, false, false));
	run_ms(world, 1000);
	assert_int_equal(b->last_end, PUSH_DISAGREES);
	run_ms(world, 20000);
	assert_false(a->push.undo);
	lead(world, 0);
	run_ms(world, 20000);
	assert_on(world, 2);
	free_world(world);
}

/* One that starts on a revision which it does not take over. */
static void a_daemon_strays(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0];

	(void)state;
	assert_null(start_push(a, 0, false, false));
	run_ms(world, 1000);
	a->runs = world->made[0].tip;
	push_strayed(&a->push, "lbd refuses", world->now);
	assert_non_null(strstr(a->push.why, "lbd refuses"));
	run_ms(world, 10000);
	assert_string_equal(a->push.why, "");
	assert_on(world, 2);
	free_world(world);
}

static void daemons_that_do_not_follow(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	b->lame = true;
	assert_null(start_push(a, 0, false, false));
	while (!a->ends)
		run_ms(world, 1);
	b->lame = false;
	run_ms(world, 1000);
	assert_int_equal(a->push.rolled_back, 1);
	assert_on(world, 3);
	a->lame = true;
	assert_null(start_push(a, 0, false, false));
	while (a->push.phase != PUSH_IDLE)
		run_ms(world, 1);
	assert_int_equal(a->last_end, PUSH_UNDONE);
	a->lame = false;
	run_ms(world, 10000);
	assert_on(world, 5);
	free_world(world);
}

static void without_the_standby(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	set_channel(world, false);
	assert_non_null(start_push(a, 0, false, false));
	for (uint64_t number = 2; number <= 4; number++) {
		assert_null(start_push(a, 0, true, false));
		run_ms(world, 100);
		assert_int_equal(a->disk.current.tip.number, number);
	}
	assert_int_equal(b->disk.current.tip.number, 1);
	set_channel(world, true);
	run_ms(world, 100);
	assert_on(world, 4);
	assert_int_equal(b->push.joined, 1);
	free_world(world);
}

static void two_histories(void **state)
{
	struct world *world = new_world();
	struct node *a = &world->node[0], *b = &world->node[1];

	(void)state;
	set_channel(world, false);
	assert_null(start_push(a, 0, true, false));
	run_ms(world, 100);
	lead(world, 1);
	assert_null(start_push(b, 0, true, false));
	run_ms(world, 100);
	set_channel(world, true);
	run_ms(world, 20000);
	assert_true(push_split(&a->push) && push_split(&b->push));
	assert_false(revision_equal(&a->disk.current.tip, &b->disk.current.tip));
	assert_non_null(start_push(b, 0, false, false));
	free_world(world);
}

static struct world *split_world(void)
{
	struct world *world = new_world();

	assert_non_null(push_adopt(&world->node[0].push));
	set_channel(world, false);
	assert_null(start_push(&world->node[0], 0, true, false));
	run_ms(world, 100);
	lead(world, 1);
	assert_null(start_push(&world->node[1], 0, true, false));
	run_ms(world, 100);
	assert_non_null(push_adopt(&world->node[0].push));
	set_channel(world, true);
	run_ms(world, 100);
	assert_true(push_split(&world->node[0].push) && push_split(&world->node[1].push));
	return world;
}

/* Either node may be the one that gives in, whoever leads. */
static void one_history_is_chosen(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world *world = split_world();
		struct node *gives_in = &world->node[i], *keeps = &world->node[1 - i];
		struct revision kept = keeps->disk.current.tip;
		int ends = gives_in->ends;

		assert_null(push_adopt(&gives_in->push));
		assert_non_null(push_adopt(&gives_in->push));
		run_ms(world, 1000);
		assert_int_equal(gives_in->ends, ends + 1);
		assert_int_equal(gives_in->last_end, PUSH_DONE);
		assert_true(revision_equal(&gives_in->disk.current.tip, &kept));
		assert_on(world, kept.number);
		assert_null(start_push(&world->node[1], 0, false, false));
		run_ms(world, 1000);
		assert_on(world, kept.number + 1);
		free_world(world);
	}
}

static void a_choice_that_fails_is_told(void **state)
{
	struct world *world = split_world();
	struct node *a = &world->node[0];

	(void)state;
	a->refuses = true;
	assert_null(push_adopt(&a->push));
	run_ms(world, 100);
	assert_int_equal(a->last_end, PUSH_DISAGREES);
	assert_true(push_split(&a->push));
	a->refuses = false;
	assert_null(push_adopt(&a->push));
	set_channel(world, false);
	assert_int_equal(a->last_end, PUSH_DISAGREES);
	set_channel(world, true);
	run_ms(world, 20000);
	/* it was not taken behind anybody's back */
	assert_true(push_split(&a->push) && !a->push.adopting);
	/* nor is it this node's trouble once the other one gives in */
	assert_non_null(strstr(a->push.why, "cannot be taken over"));
	assert_null(push_adopt(&world->node[1].push));
	run_ms(world, 1000);
	assert_string_equal(a->push.why, "");
	free_world(world);
}

/* A leader that changes sides in each phase, and a channel that goes in each. */
static void interrupted_at_each_step(void **state)
{
	(void)state;
	for (unsigned int at = 0; at < 12; at++) {
		for (int what = 0; what < 4; what++) {
			struct world *world = new_world();
			struct node *a = &world->node[0], *b = &world->node[1];

			assert_null(start_push(a, 0, false, false));
			run_ms(world, at);
			if (what == 0)
				set_channel(world, false);
			else if (what == 1)
				crash(a);
			else if (what == 2)
				crash(b);
			else
				lead(world, 1);
			run_ms(world, 50);
			set_channel(world, true);
			run_ms(world, 30000);
			assert_on(world, a->disk.current.tip.number);
			assert_true(a->disk.current.tip.number <= 2);
			assert_null(start_push(what == 3 ? b : a, 0, false, false));
			run_ms(world, 1000);
			assert_on(world, a->disk.current.tip.number);
			free_world(world);
		}
	}
}

/* Whatever happens: once it ends, both are on one revision, and run it. */
static void at_random(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 300; seed++) {
		struct world *world = new_world();

		srand(seed);
		for (int i = 0; i < 60; i++) {
			struct node *node = &world->node[rand() % 2];

			switch (rand() % 9) {
			case 0:
				set_channel(world, false);
				break;
			case 1:
			case 2:
				set_channel(world, true);
				break;
			case 3:
				crash(node);
				break;
			case 4:
				lead(world, rand() % 2);
				break;
			case 5:
				node->lame = rand() % 4 == 0;
				break;
			case 6:
				push_confirm(&node->push, world->now);
				break;
			default:
				start_push(node, rand() % 2 ? 3000 : 0, false, false);
			}
			run_ms(world, (unsigned int)(rand() % 12));
		}
		world->node[0].lame = world->node[1].lame = false;
		set_channel(world, true);
		run_ms(world, 60000);
		assert_on(world, world->node[0].disk.current.tip.number);
		assert_false(push_split(&world->node[0].push));
		/* a second push works */
		{
			struct node *leader = &world->node[world->node[1].push.leading];

			if (leader->push.unconfirmed)
				assert_null(push_confirm(&leader->push, world->now));
			run_ms(world, 5000);
			assert_null(start_push(leader, 0, false, false));
			run_ms(world, 1000);
			assert_int_equal(leader->last_end, PUSH_DONE);
		}
		assert_on(world, world->node[0].disk.current.tip.number);
		free_world(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_switch),
		cmocka_unit_test(dry_run),
		cmocka_unit_test(the_standby_refuses),
		cmocka_unit_test(without_a_confirmation),
		cmocka_unit_test(a_confirmation_is_not_lost),
		cmocka_unit_test(a_confirmation_waits_for_the_disk),
		cmocka_unit_test(a_confirmation_that_the_peer_has),
		cmocka_unit_test(a_roll_back_that_fails),
		cmocka_unit_test(the_role_goes_before_daemons_follow),
		cmocka_unit_test(a_daemon_strays),
		cmocka_unit_test(daemons_that_do_not_follow),
		cmocka_unit_test(without_the_standby),
		cmocka_unit_test(two_histories),
		cmocka_unit_test(one_history_is_chosen),
		cmocka_unit_test(a_choice_that_fails_is_told),
		cmocka_unit_test(interrupted_at_each_step),
		cmocka_unit_test(at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
