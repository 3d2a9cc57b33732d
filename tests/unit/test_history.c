// SPDX-License-Identifier: BSD-2-Clause
/*
 * The store of revisions on a disk that loses power at every single step: the model keeps what is
 * in memory and what is on the platter apart, and a cut leaves any mixture of them that a disk may.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "conf/history.h"

/* --- the model -------------------------------------------------------------------------------- */

enum { FILES = 80, PENDING = 16, NAME = STANDING_NAME + 8 };

struct content {
	uint8_t *bytes;
	size_t length;
	bool synced;
};

struct name {
	char text[NAME];
	int content; /* -1: free */
};

/* A name that was given or taken away since the directory was synced. */
struct pending {
	char from[NAME], to[NAME]; /* rename; without `from` made, without `to` removed */
	int content;
};

struct model {
	struct content content[4 * FILES];
	int contents;
	struct name now[FILES], disk[FILES];
	struct pending pending[PENDING];
	int pendings;
	long steps, cut_at, fail_at; /* changing calls so far; -1: never */
	bool dead;
};

static struct model model;

static void wipe(void)
{
	for (int i = 0; i < model.contents; i++)
		free(model.content[i].bytes);
	memset(&model, 0, sizeof(model));
	for (int i = 0; i < FILES; i++)
		model.now[i].content = model.disk[i].content = -1;
	model.cut_at = model.fail_at = -1;
}

static struct name *find(struct name *names, const char *text)
{
	for (int i = 0; i < FILES; i++)
		if (names[i].content >= 0 && strcmp(names[i].text, text) == 0)
			return &names[i];
	return NULL;
}

static void give(struct name *names, const char *text, int content)
{
	struct name *name = find(names, text);

	for (int i = 0; !name && i < FILES; i++)
		if (names[i].content < 0)
			name = &names[i];
	if (!name) {
		fail_msg("the model has no room");
		return;
	}
	snprintf(name->text, sizeof(name->text), "%s", text);
	name->content = content;
}

static void take(struct name *names, const char *text)
{
	struct name *name = find(names, text);

	if (name)
		name->content = -1;
}

/* True: this call does not happen, because there is no power any more or the disk is bad. */
static bool stops(void)
{
	long step = model.steps++;

	if (step == model.cut_at)
		model.dead = true;
	return model.dead || step == model.fail_at;
}

static void note(const char *from, const char *to, int content)
{
	struct pending *pending = &model.pending[model.pendings++];

	assert_true(model.pendings <= PENDING);
	snprintf(pending->from, NAME, "%s", from);
	snprintf(pending->to, NAME, "%s", to);
	pending->content = content;
}

static int model_list(void *arg, void (*found)(void *to, const char *name), void *to)
{
	(void)arg;
	for (int i = 0; i < FILES; i++)
		if (model.now[i].content >= 0)
			found(to, model.now[i].text);
	return 0;
}

static int model_read(void *arg, const char *text, size_t most, uint8_t **bytes, size_t *length)
{
	const struct name *name = find(model.now, text);
	const struct content *content;

	(void)arg;
	if (!name)
		return -ENOENT;
	content = &model.content[name->content];
	if (content->length > most)
		return -EFBIG;
	*bytes = malloc(content->length + 1);
	memcpy(*bytes, content->bytes, content->length);
	*length = content->length;
	return 0;
}

static int model_write(void *arg, const char *text, const uint8_t *bytes, size_t length)
{
	int i = model.contents;

	(void)arg;
	if (stops())
		return -EIO;
	assert_true(i < 4 * FILES);
	model.contents++;
	model.content[i] = (struct content){ malloc(length + 1), length, false };
	memcpy(model.content[i].bytes, bytes, length);
	if (!find(model.now, text))
		note("", text, i);
	give(model.now, text, i);
	return 0;
}

static int model_sync(void *arg, const char *text)
{
	(void)arg;
	if (stops())
		return -EIO;
	model.content[find(model.now, text)->content].synced = true;
	return 0;
}

static int model_rename(void *arg, const char *from, const char *to)
{
	struct name *name = find(model.now, from);

	(void)arg;
	if (stops())
		return -EIO;
	assert_non_null(name);
	note(from, to, name->content);
	give(model.now, to, name->content);
	take(model.now, from);
	return 0;
}

static int model_remove(void *arg, const char *text)
{
	(void)arg;
	if (stops())
		return -EIO;
	if (!find(model.now, text))
		return -ENOENT;
	note(text, "", -1);
	take(model.now, text);
	return 0;
}

static int model_sync_names(void *arg)
{
	(void)arg;
	if (stops())
		return -EIO;
	memcpy(model.disk, model.now, sizeof(model.disk));
	model.pendings = 0;
	return 0;
}

static const struct disk_ops model_ops = {
	.list = model_list,
	.read = model_read,
	.write = model_write,
	.sync = model_sync,
	.rename = model_rename,
	.remove = model_remove,
	.sync_names = model_sync_names,
};

/* What of unsynced contents a cut leaves. */
enum torn { TORN_NOTHING, TORN_HALF, TORN_RUBBISH, TORN_ALL, TORNS };

static void tear(struct content *content, enum torn torn)
{
	if (content->synced)
		return;
	if (torn == TORN_NOTHING)
		content->length = 0;
	else if (torn == TORN_HALF)
		content->length /= 2;
	else if (torn == TORN_RUBBISH)
		memset(content->bytes, 0, content->length);
	content->synced = true;
}

/* Power returns.  `which`: bit i says that the i-th change of a name had got to the disk. */
static void power_up(unsigned int which, enum torn torn)
{
	for (int i = 0; i < model.pendings; i++) {
		const struct pending *pending = &model.pending[i];

		if (!(which >> i & 1))
			continue;
		if (*pending->from)
			take(model.disk, pending->from);
		if (*pending->to)
			give(model.disk, pending->to, pending->content);
	}
	memcpy(model.now, model.disk, sizeof(model.now));
	for (int i = 0; i < model.contents; i++)
		tear(&model.content[i], torn);
	model.pendings = 0;
	model.dead = false;
	model.steps = 0;
	model.cut_at = model.fail_at = -1;
}

/* --- what happens to the store ---------------------------------------------------------------- */

static struct sign_key *key;
static struct bundle *base, *two, *three, *three_b, *four, *five;

static struct bundle *make(const struct lineage *parent, const char *text, bool is_base)
{
	struct conf_text file = { (char *)(uintptr_t) "pair.conf", (uint8_t *)(uintptr_t)text,
				    strlen(text) };
	struct bundle_plan plan = { .parent = parent, .file = &file, .files = 1, .pair = "east",
				    .who = "ops", .message = "", .when_ms = 1 };
	struct bundle *bundle;

	assert_int_equal(bundle_make(&bundle, &plan, is_base ? NULL : key), 0);
	return bundle;
}

static int set_up(void **state)
{
	struct seal_keypair pair = { .secret = { 1 } };

	(void)state;
	wipe();
	assert_int_equal(sign_key_of_node(&key, &pair), 0);
	base = make(NULL, "base", true);
	two = make(&base->line, "two", false);
	three = make(&two->line, "three", false);
	three_b = make(&two->line, "three, other", false);
	four = make(&three_b->line, "four", false);
	five = make(&four->line, "five", false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bundle_free(base);
	bundle_free(two);
	bundle_free(three);
	bundle_free(three_b);
	bundle_free(four);
	bundle_free(five);
	sign_key_free(key);
	wipe();
	return 0;
}

static int make_base(struct history *h)
{
	return history_base(h, base);
}
static int stage_two(struct history *h)
{
	return history_stage(h, two);
}
static int switch_two(struct history *h)
{
	return history_switch(h, &two->line.tip, 77);
}
static int stage_three(struct history *h)
{
	return history_stage(h, three);
}
static int switch_three_b(struct history *h)
{
	return history_switch(h, &three_b->line.tip, 0);
}
static int stage_three_b(struct history *h)
{
	return history_stage(h, three_b);
}
static int adopt_four(struct history *h)
{
	return history_adopt(h, four, 88);
}

/* A life: pushed, confirmed, staged and given up, staged over, pushed, taken from the peer. */
static int (*const life[])(struct history *h) = {
	make_base,   stage_two,     history_unstage, stage_two,  switch_two,      history_confirm,
	stage_three, stage_three_b, switch_three_b,  adopt_four, history_confirm,
};
enum { LIFE = sizeof(life) / sizeof(life[0]) };

struct stand {
	struct revision current, staged, previous;
	uint64_t confirm_by_ms;
	bool pushed;
};

static struct stand stand_of(const struct history *h)
{
	const struct standing *s = history_standing(h);

	return (struct stand){ s->current, s->staged, s->previous, s->confirm_by_ms, s->pushed };
}

static bool same_stand(const struct stand *a, const struct stand *b)
{
	return revision_equal(&a->current, &b->current) && revision_equal(&a->staged, &b->staged) &&
	       revision_equal(&a->previous, &b->previous) && a->confirm_by_ms == b->confirm_by_ms &&
	       a->pushed == b->pushed;
}

/* How it goes without any cut: what stands after each step, stand[0] before the first. */
static long live(struct stand stand[LIFE + 1])
{
	struct history *h;
	long steps;

	wipe();
	assert_int_equal(history_open_on(&h, &model_ops, &model, true), 0);
	stand[0] = stand_of(h);
	for (int i = 0; i < LIFE; i++) {
		assert_int_equal(life[i](h), 0);
		stand[i + 1] = stand_of(h);
	}
	steps = model.steps;
	history_close(h);
	return steps;
}

/* Lives until the power goes; how many steps of the life were acknowledged. */
static int live_until(long cut)
{
	struct history *h;
	int done = 0;

	wipe();
	model.cut_at = cut;
	assert_int_equal(history_open_on(&h, &model_ops, &model, true), 0);
	while (done < LIFE && life[done](h) == 0)
		done++;
	history_close(h);
	return done;
}

/* Everything that the record names can be loaded, and nothing is reported. */
static void assert_whole(const struct history *h)
{
	const struct standing *s = history_standing(h);
	const struct revision *named[] = { &s->current, &s->staged };
	const struct revision *list;
	size_t count = history_list(h, &list);
	struct bundle *bundle;

	assert_false(s->damaged);
	assert_true(revision_equal(&s->running, &s->current) && revision_none(&s->need));
	for (size_t i = 0; i < 2; i++) {
		if (revision_none(named[i]))
			continue;
		assert_int_equal(history_load(h, named[i], &bundle), 0);
		bundle_free(bundle);
	}
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(history_load(h, &list[i], &bundle), 0);
		bundle_free(bundle);
	}
}

/* As a reader, as the writer, and once more: a push works as ever. */
static void reopen(const struct stand *before, const struct stand *after)
{
	struct history *h;
	struct stand stand;

	for (int write = 0; write < 2; write++) {
		assert_int_equal(history_open_on(&h, &model_ops, &model, write), 0);
		assert_whole(h);
		stand = stand_of(h);
		assert_true(same_stand(&stand, before) || same_stand(&stand, after));
		if (write) {
			assert_int_equal(history_adopt(h, five, 0), 0);
			assert_true(revision_equal(&history_standing(h)->current, &five->line.tip));
			assert_whole(h);
		}
		history_close(h);
	}
}

static void power_cut_anywhere_leaves_old_or_new(void **state)
{
	struct stand stand[LIFE + 1];
	long steps = live(stand), cuts = 0;

	(void)state;
	assert_true(steps > 50);
	for (long cut = 0; cut <= steps; cut++) {
		unsigned int which = 0, all = 1;

		for (; which < all; which++) {
			for (enum torn torn = 0; torn < TORNS; torn++, cuts++) {
				int done = live_until(cut);

				all = 1u << model.pendings;
				power_up(which, torn);
				reopen(&stand[done], &stand[done < LIFE ? done + 1 : LIFE]);
			}
		}
	}
	print_message("%ld steps, %ld cuts\n", steps, cuts);
}

/* The disk refuses one step, and works again. */
static void failing_step_leaves_a_whole_store(void **state)
{
	struct stand stand[LIFE + 1];
	long steps = live(stand);

	(void)state;
	for (long fail = 0; fail < steps; fail++) {
		struct history *h;
		struct stand now;
		int done = 0;

		wipe();
		model.fail_at = fail;
		assert_int_equal(history_open_on(&h, &model_ops, &model, true), 0);
		while (done < LIFE && life[done](h) == 0)
			done++;
		now = stand_of(h);
		assert_whole(h);
		assert_true(same_stand(&now, &stand[done]) ||
			    same_stand(&now, &stand[done < LIFE ? done + 1 : LIFE]));
		assert_int_equal(history_adopt(h, five, 0), 0);
		assert_whole(h);
		history_close(h);
		power_up(0, TORN_NOTHING);
		assert_int_equal(history_open_on(&h, &model_ops, &model, false), 0);
		assert_true(revision_equal(&history_standing(h)->current, &five->line.tip));
		history_close(h);
	}
}

/* --- damage ----------------------------------------------------------------------------------- */

static struct history *grown(void)
{
	struct history *h;

	wipe();
	assert_int_equal(history_open_on(&h, &model_ops, &model, true), 0);
	for (int i = 0; i < LIFE; i++)
		assert_int_equal(life[i](h), 0);
	return h;
}

static void spoil(const char *text)
{
	struct name *name = find(model.now, text);

	assert_non_null(name);
	model.content[name->content].bytes[50] ^= 4;
}

static void damaged_revision_falls_back_and_is_mended(void **state)
{
	struct history *h = grown();
	char name[STANDING_NAME];
	const struct standing *s;

	(void)state;
	standing_name(name, &four->line.tip);
	spoil(name);
	assert_int_equal(history_reread(h), 0);
	s = history_standing(h);
	assert_true(s->damaged && strstr(s->why, "4 ("));
	assert_true(revision_equal(&s->need, &four->line.tip));
	assert_true(revision_equal(&s->current, &four->line.tip));
	assert_true(revision_equal(&s->running, &three_b->line.tip));
	assert_int_equal(history_mend(h, five), -EINVAL);
	assert_int_equal(history_mend(h, four), 0);
	assert_whole(h);
	assert_true(revision_equal(&history_standing(h)->running, &four->line.tip));
	history_close(h);
}

static void damaged_record_is_read_from_its_copy(void **state)
{
	struct history *h = grown();

	(void)state;
	assert_int_equal(history_stage(h, five), 0); /* newer than the current one */
	spoil("current");
	history_close(h);
	assert_int_equal(history_open_on(&h, &model_ops, &model, true), 0);
	assert_true(history_standing(h)->damaged);
	assert_true(revision_equal(&history_standing(h)->current, &four->line.tip));
	assert_true(revision_equal(&history_standing(h)->staged, &five->line.tip));
	assert_int_equal(history_reread(h), 0); /* the writer has written it anew */
	assert_whole(h);
	history_close(h);
}

static void both_records_lost_leave_the_newest(void **state)
{
	struct history *h = grown();

	(void)state;
	spoil("current");
	spoil("current.copy");
	assert_int_equal(history_reread(h), 0);
	assert_true(history_standing(h)->damaged && history_standing(h)->pushed);
	assert_true(revision_equal(&history_standing(h)->current, &four->line.tip));
	history_close(h);
}

static void nothing_whole_is_nothing_to_run(void **state)
{
	struct bundle *all[] = { base, two, three_b, four };
	struct history *h = grown();
	char name[STANDING_NAME];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		standing_name(name, &all[i]->line.tip);
		if (find(model.now, name))
			spoil(name);
	}
	assert_int_equal(history_reread(h), 0);
	assert_true(revision_none(&history_standing(h)->running));
	assert_true(history_standing(h)->pushed);
	assert_true(revision_equal(&history_standing(h)->need, &four->line.tip));
	history_close(h);
}

/* --- rules ------------------------------------------------------------------------------------ */

static void rules_of_each_change(void **state)
{
	struct history *h;

	(void)state;
	wipe();
	assert_int_equal(history_open_on(&h, &model_ops, &model, true), 0);
	assert_int_equal(history_switch(h, &two->line.tip, 0), -ESTALE);
	assert_int_equal(history_stage(h, base), -EINVAL);
	assert_int_equal(history_adopt(h, base, 0), -EINVAL);
	assert_int_equal(history_base(h, two), -EPERM);
	assert_int_equal(history_stage(h, two), 0);
	assert_false(history_standing(h)->pushed);
	assert_int_equal(history_switch(h, &three->line.tip, 0), -ESTALE);
	assert_int_equal(history_switch(h, &two->line.tip, 0), 0);
	assert_int_equal(history_base(h, base), -EPERM);
	history_close(h);
	assert_int_equal(history_open_on(&h, &model_ops, &model, false), 0);
	assert_int_equal(history_stage(h, three), -EROFS);
	history_close(h);
}

static void fifty_are_kept(void **state)
{
	struct bundle *last = make(NULL, "first", false), *next;
	const struct revision *list;
	struct history *h;

	(void)state;
	wipe();
	assert_int_equal(history_open_on(&h, &model_ops, &model, true), 0);
	for (int i = 0; i < 60; i++) {
		assert_int_equal(history_stage(h, last), 0);
		assert_int_equal(history_switch(h, &last->line.tip, 0), 0);
		for (int k = 0; k < model.contents; k++)
			model.content[k].synced = true;
		next = make(&last->line, "more", false);
		bundle_free(last);
		last = next;
		if (model.contents > 2 * FILES) { /* the model never frees: start it anew */
			struct content *content = model.content;
			int used = 0;

			for (int k = 0; k < FILES; k++) {
				if (model.now[k].content < 0)
					continue;
				struct content *from = &content[model.now[k].content];
				struct content keep = *from;

				*from = content[used];
				for (int j = k + 1; j < FILES; j++)
					if (model.now[j].content == used)
						model.now[j].content = model.now[k].content;
				content[used] = keep;
				model.now[k].content = used++;
			}
			for (int k = used; k < model.contents; k++)
				free(content[k].bytes);
			model.contents = used;
			memcpy(model.disk, model.now, sizeof(model.disk));
			model.pendings = 0;
		}
	}
	assert_in_range(history_list(h, &list), HISTORY_KEEP, HISTORY_KEEP + 1);
	assert_int_equal(list[0].number, 60);
	assert_whole(h);
	bundle_free(last);
	history_close(h);
}

/* --- a real directory ------------------------------------------------------------------------- */

static void real_directory(void **state)
{
	char dir[] = "/tmp/history-XXXXXX", path[96], why[HISTORY_WHY];
	struct history *h, *reader, *second;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(history_open(&reader, dir, false, why), 0);
	assert_true(revision_none(&history_standing(reader)->current));
	history_close(reader);
	assert_int_equal(history_open(&h, dir, true, why), 0);
	assert_int_equal(history_open(&second, dir, true, why), -EBUSY);
	assert_non_null(strstr(why, "another process"));
	for (int i = 0; i < LIFE; i++)
		assert_int_equal(life[i](h), 0);
	assert_int_equal(history_open(&reader, dir, false, why), 0);
	assert_whole(reader);
	assert_true(revision_equal(&history_standing(reader)->current, &four->line.tip));
	history_close(reader);
	history_close(h);
	snprintf(path, sizeof(path), "%s/config", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(history_open(&h, dir, true, why), 0); /* the lock went with its holder */
	history_close(h);
	snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_cut_anywhere_leaves_old_or_new),
		cmocka_unit_test(failing_step_leaves_a_whole_store),
		cmocka_unit_test(damaged_revision_falls_back_and_is_mended),
		cmocka_unit_test(damaged_record_is_read_from_its_copy),
		cmocka_unit_test(both_records_lost_leave_the_newest),
		cmocka_unit_test(nothing_whole_is_nothing_to_run),
		cmocka_unit_test(rules_of_each_change),
		cmocka_unit_test(fifty_are_kept),
		cmocka_unit_test(real_directory),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
