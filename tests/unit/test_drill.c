// SPDX-License-Identifier: BSD-2-Clause
/* Drills: what is refused, when a pair is well, what fails, and what is kept of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/pairctl/drill.h"
#include "conf/pairctl/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SET(message, field, value) ((message).has_##field = true, (message).field = (value))

/* --- a pair ---------------------------------------------------------------------------------- */

static char LB1[] = "lb1", LB2[] = "lb2", PROBLEM[] = "interface eth0 is down",
	    GATE[] = "not in sync yet", PHASE[] = "staging";

struct pair {
	Answer__Replication sync[2];
	Answer__Node node[2], *nodes[2];
	char *problem[1];
	Cas__LbdStatus lbd;
	Cas__VrrpStatus vrrp;
	Cas__SyncStatus syncd;
	Answer__Status status;
};

/* lb1 is asked, leads, and lb2 holds everything. */
static void make_pair(struct pair *p)
{
	answer__status__init(&p->status);
	cas__lbd_status__init(&p->lbd);
	cas__vrrp_status__init(&p->vrrp);
	cas__sync_status__init(&p->syncd);
	for (int i = 0; i < 2; i++) {
		answer__replication__init(&p->sync[i]);
		answer__node__init(&p->node[i]);
		SET(p->sync[i], state, CAS__SYNC_STATE__IN_SYNC);
		p->node[i].name = i ? LB2 : LB1;
		p->node[i].local = !i;
		p->node[i].known = true;
		p->node[i].sync = &p->sync[i];
		SET(p->node[i], role, i ? CAS__ROLE__STANDBY : CAS__ROLE__ACTIVE);
		p->nodes[i] = &p->node[i];
	}
	p->problem[0] = PROBLEM;
	p->status.nodes = p->nodes;
	p->status.n_nodes = 2;
	p->status.problems = p->problem;
	p->status.lbd = &p->lbd;
	p->status.vrrp = &p->vrrp;
	p->status.sync = &p->syncd;
}

/* All reasons in one, apart by bars. */
static void refused(const struct pair *p, uint32_t kinds, double since, const char *expected)
{
	struct drill_texts reasons = { 0 };
	char all[1024] = "";

	drill_refusals(&p->status, kinds, since, &reasons);
	for (size_t i = 0; i < reasons.count; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? " | " : "",
			 reasons.text[i]);
	drill_texts_free(&reasons);
	assert_string_equal(all, expected);
}

static void test_refusals(void **state)
{
	struct pair p;

	(void)state;
	make_pair(&p);
	refused(&p, 1u << DRILL_FAILOVER, -1, "");
	refused(&p, 1u << DRILL_FAILOVER, DRILL_APART_S, "");
	refused(&p, 1, 59, "a drill was begun 59 s ago: leave 60 s between them");
	/* All at once. */
	p.status.n_problems = 1;
	p.syncd.push_phase = PHASE;
	SET(p.syncd, confirm_left_ms, 5);
	p.lbd.switching = 1;
	refused(&p, 1, -1,
		"interface eth0 is down | a push is under way (staging) | a pushed configuration "
		"waits for its confirmation: pairctl confirm, or pairctl rollback | changes of "
		"members are under way");
	make_pair(&p);
	p.sync[1].state = CAS__SYNC_STATE__LOADING;
	refused(&p, 1, -1, "the standby does not hold everything: lb1 is in sync, lb2 loading");
	p.node[1].known = false;
	refused(&p, 1, -1,
		"there is not one active node and one standby: lb1 is active, lb2 unknown");
	make_pair(&p);
	SET(p.syncd, hold_left_ms, 500);
	refused(&p, 1, -1, "the channel is still held closed by a drill");
}

static void test_refusals_of_a_standby(void **state)
{
	struct pair p;

	(void)state;
	make_pair(&p);
	p.node[0].role = CAS__ROLE__STANDBY;
	p.node[1].role = CAS__ROLE__ACTIVE;
	refused(&p, 1u << DRILL_KILL_LBD, -1, "");
	refused(&p, 1u << DRILL_FAILOVER, -1,
		"failover is for the active node: run that drill on lb2");
	p.vrrp.gate = GATE;
	refused(&p, 1, -1, "lb1 would not take over: not in sync yet");
	p.node[1].role = CAS__ROLE__STANDBY;
	refused(&p, 1, -1,
		"there is not one active node and one standby: lb1 is standby, lb2 standby | lb1 "
		"would not take over: not in sync yet");
}

static void test_well(void **state)
{
	struct pair p;
	char *text;

	(void)state;
	make_pair(&p);
	assert_true(drill_is_well(&p.status));
	text = drill_state_text(&p.status);
	assert_string_equal(text, "lb1 active, in sync; lb2 standby, in sync");
	free(text);
	p.status.n_problems = 1;
	assert_false(drill_is_well(&p.status));
	make_pair(&p);
	p.sync[1].state = CAS__SYNC_STATE__CATCHING_UP;
	assert_false(drill_is_well(&p.status));
	make_pair(&p);
	p.node[1].role = CAS__ROLE__ACTIVE;
	assert_false(drill_is_well(&p.status));
	make_pair(&p);
	p.node[1].sync = NULL;
	p.node[1].known = false;
	assert_false(drill_is_well(&p.status));
	text = drill_state_text(&p.status);
	assert_string_equal(text, "lb1 active, in sync; lb2 unknown, sync unknown");
	free(text);
}

/* --- kinds and verdicts ----------------------------------------------------------------------- */

static void test_kinds(void **state)
{
	static const struct drill_limits none = { 0 }, own = { 250, 4000 };
	uint32_t kinds;

	(void)state;
	assert_null(drill_read_kinds("kill-all,kill-lbd", &kinds));
	assert_int_equal(kinds, 1u << DRILL_KILL_ALL | 1u << DRILL_KILL_LBD);
	assert_string_equal(drill_read_kinds("kill-lbd,kill-lb", &kinds), "kill-lb");
	assert_string_equal(drill_read_kinds("", &kinds), "");
	assert_string_equal(drill_read_kinds("kill-lbd,", &kinds), "");
	assert_true(drill_usual_kinds(true) >> DRILL_FAILOVER & 1);
	assert_false(drill_usual_kinds(false) >> DRILL_FAILOVER & 1);
	assert_false(drill_usual_kinds(true) >> DRILL_KILL_ALL & 1);
	assert_false(drill_usual_kinds(true) >> DRILL_BY_HAND & 1);
	assert_int_equal(drill_blackout_limit(DRILL_KILL_VRRPD, &none, 100), 2000);
	assert_int_equal(drill_blackout_limit(DRILL_KILL_LBD, &none, 100), 1000);
	assert_int_equal(drill_blackout_limit(DRILL_KILL_VRRPD, &own, 100), 250);
	assert_int_equal(drill_heal_limit(DRILL_KILL_ALL, &none), 60000);
	assert_int_equal(drill_heal_limit(DRILL_KILL_ALL, &own), 4000);
	for (size_t i = 0; i < DRILL_KINDS; i++)
		assert_true(drill_kinds[i].name && drill_kinds[i].heal_ms);
}

/* The reason that part is given alone, NULL: it passes. */
static void judged(Answer__DrillPart part, const char *expected)
{
	drill_judge(&part);
	assert_int_equal(part.passed, expected == NULL);
	assert_int_equal(part.n_why, expected ? 1 : 0);
	if (expected)
		assert_string_equal(part.why[0], expected);
	for (size_t i = 0; i < part.n_why; i++)
		free(part.why[i]);
	free(part.why);
}

static void test_verdicts(void **state)
{
	Answer__DrillPart good = ANSWER__DRILL_PART__INIT, part;

	(void)state;
	good.blackout_limit_ms = 500;
	good.heal_limit_seconds = 30;
	SET(good, healed_seconds, 2);
	SET(good, canaries, 50);
	SET(good, canaries_lost, 0);
	SET(good, blackout_ms, 500);
	SET(good, stall_ms, 3000);
	judged(good, NULL);
	part = good;
	part.canaries_lost = 1;
	judged(part, "1 of 50 canary sessions were lost");
	part = good;
	part.blackout_ms = 501;
	judged(part, "no new connection came to be for 501 ms, over the limit of 500 ms");
	part = good;
	part.has_healed_seconds = false;
	judged(part, "the pair was not well again within 30 s");
	part = good;
	SET(part, handover_ms, 600);
	judged(part, "nobody led for 600 ms, over the limit of 500 ms");
}

/* --- records ---------------------------------------------------------------------------------- */

static void setup_directory(char directory[64])
{
	snprintf(directory, 64, "/tmp/drill.XXXXXX");
	assert_non_null(mkdtemp(directory));
}

static void remove_directory(const char *directory)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", directory);
	assert_int_equal(system(command), 0);
}

static Answer__Drill a_drill(uint64_t number, bool passed)
{
	Answer__Drill drill = ANSWER__DRILL__INIT;

	drill.schema = 1;
	drill.number = number;
	drill.began_ms = number * 1000;
	drill.passed = passed;
	drill.node = LB1;
	return drill;
}

static void test_records(void **state)
{
	uint64_t number[DRILL_KEEP];
	struct drill_store store, other;
	Answer__Drill *loaded;
	Answer__LastDrill *last;
	char directory[64];
	size_t count;

	(void)state;
	setup_directory(directory);
	assert_int_equal(drill_store_open(&store, directory, false), -ENOENT);
	assert_int_equal(drill_last(directory, 5, &last), 0);
	assert_null(last);
	assert_int_equal(drill_store_open(&store, directory, true), 0);
	assert_int_equal(drill_store_open(&other, directory, true), -EBUSY);
	assert_null(drill_load(&store, 1));
	for (uint64_t i = 1; i <= DRILL_KEEP + 5; i++) {
		Answer__Drill drill = a_drill(i, i == 50 || i == 60);

		assert_int_equal(drill_save(&store, &drill), 0);
	}
	assert_int_equal(drill_numbers(&store, number, &count), 0);
	assert_int_equal(count, DRILL_KEEP);
	assert_int_equal(number[0], DRILL_KEEP + 5);
	assert_int_equal(number[DRILL_KEEP - 1], 6);
	assert_null(drill_load(&store, 5));
	loaded = drill_load(&store, 6);
	assert_non_null(loaded);
	assert_string_equal(loaded->node, "lb1");
	answer__drill__free_unpacked(loaded, NULL);
	assert_int_equal(drill_last(directory, 200000, &last), 0);
	assert_int_equal(last->number, DRILL_KEEP + 5);
	assert_false(last->passed);
	assert_float_equal(last->age_seconds, 95, 0.01);
	assert_true(last->has_last_success_seconds);
	assert_float_equal(last->last_success_seconds, 140, 0.01);
	free(last);
	drill_store_close(&store);
	remove_directory(directory);
}

static void write_file(const char *directory, const char *name, const void *bytes, size_t length)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/drills/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

/* What is damaged, and what others have put there, is no record and hides none. */
static void test_damage(void **state)
{
	Answer__Drill drill = a_drill(3, true);
	uint64_t number[DRILL_KEEP];
	struct drill_store store;
	Answer__LastDrill *last;
	char directory[64];
	size_t count;

	(void)state;
	setup_directory(directory);
	assert_int_equal(drill_store_open(&store, directory, true), 0);
	assert_int_equal(drill_save(&store, &drill), 0);
	write_file(directory, "0004.drill", "\xff\xff\xff", 3);
	write_file(directory, "0005.drill", "", 0);
	write_file(directory, "6.drill", "x", 1);
	write_file(directory, "0007.drill~", "x", 1);
	assert_int_equal(drill_numbers(&store, number, &count), 0);
	assert_int_equal(count, 3);
	assert_null(drill_load(&store, 4));
	assert_null(drill_load(&store, 5));
	assert_int_equal(drill_last(directory, 3000, &last), 0);
	assert_int_equal(last->number, 3);
	free(last);
	drill_store_close(&store);
	remove_directory(directory);
}

/* --- metrics ---------------------------------------------------------------------------------- */

static char *metrics_text(const Answer__LastDrill *last)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	metrics_print(last, 1700000000000, out);
	fclose(out);
	return text;
}

/* Whether a sample stands there, as a line of its own that names its type before it. */
static bool has_sample(const char *text, const char *name, const char *value)
{
	char type[128], sample[256];
	const char *at;

	snprintf(type, sizeof(type), "\n# TYPE %s gauge\n", name);
	snprintf(sample, sizeof(sample), "%s%s %s\n", type, name, value);
	at = strstr(text, type);
	return at && strncmp(at, sample, strlen(sample)) == 0;
}

static void test_metrics(void **state)
{
	static const char success[] = "caspair_drill_last_success_timestamp_seconds",
			  latest[] = "caspair_drill_last_timestamp_seconds",
			  passed[] = "caspair_drill_last_passed";
	Answer__LastDrill last = ANSWER__LAST_DRILL__INIT;
	char *text = metrics_text(NULL);

	(void)state;
	assert_true(has_sample(text, success, "0"));
	assert_null(strstr(text, latest));
	assert_null(strstr(text, passed));
	free(text);

	last.age_seconds = 50;
	text = metrics_text(&last);
	assert_true(has_sample(text, success, "0"));
	assert_true(has_sample(text, latest, "1699999950"));
	assert_true(has_sample(text, passed, "0"));
	free(text);

	SET(last, last_success_seconds, 1000000);
	text = metrics_text(&last);
	assert_true(has_sample(text, success, "1699000000"));
	assert_true(has_sample(text, passed, "0"));
	free(text);

	last.passed = true;
	text = metrics_text(&last);
	assert_true(has_sample(text, passed, "1"));
	free(text);
}

/* A directory that cannot be read is not one without records. */
static void test_unreadable(void **state)
{
	char directory[64], path[128];
	Answer__LastDrill *last;
	FILE *file;

	(void)state;
	setup_directory(directory);
	snprintf(path, sizeof(path), "%s/drills", directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(drill_last(directory, 5, &last), -ENOTDIR);
	assert_null(last);
	remove_directory(directory);
}

/* --- a disk that fails ------------------------------------------------------------------------ */

struct bad_disk {
	int fails_at, calls;
	bool renamed;
};

static int step(struct bad_disk *disk)
{
	return ++disk->calls == disk->fails_at ? -EIO : 0;
}
static int bad_write(void *arg, const char *name, const uint8_t *bytes, size_t length)
{
	(void)name;
	(void)bytes;
	(void)length;
	return step(arg);
}
static int bad_sync(void *arg, const char *name)
{
	(void)name;
	return step(arg);
}
static int bad_rename(void *arg, const char *from, const char *to)
{
	struct bad_disk *disk = arg;

	assert_string_equal(from, "new");
	assert_string_equal(to, "0007.drill");
	assert_int_equal(disk->calls, 2); /* it was written, and is on disk */
	disk->renamed = true;
	return step(arg);
}
static int bad_sync_names(void *arg)
{
	return step(arg);
}
static int bad_list(void *arg, void (*found)(void *to, const char *name), void *to)
{
	(void)arg;
	(void)found;
	(void)to;
	return 0;
}

static void test_full_disk(void **state)
{
	static const struct disk_ops ops = { .list = bad_list,
					     .write = bad_write,
					     .sync = bad_sync,
					     .rename = bad_rename,
					     .sync_names = bad_sync_names };
	Answer__Drill drill = a_drill(7, true);

	(void)state;
	for (int i = 1; i <= 5; i++) {
		struct bad_disk disk = { .fails_at = i };
		struct drill_store store = { .ops = &ops, .arg = &disk };

		assert_int_equal(drill_save(&store, &drill), i < 5 ? -EIO : 0);
		assert_int_equal(disk.renamed, i > 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_refusals_of_a_standby),
		cmocka_unit_test(test_well),     cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_records),
		cmocka_unit_test(test_damage),   cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_metrics),  cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
