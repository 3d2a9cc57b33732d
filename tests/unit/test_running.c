// SPDX-License-Identifier: BSD-2-Clause
/* Which configuration a daemon reads: the working copy, the current revision, the last good one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "conf/drift.h"
#include "conf/files.h"
#include "conf/running.h"

#define GOOD "tests/data/conf/small.conf"

static char dir[32], working[64];
static struct sign_key *key;
static struct bundle *base, *two, *three;

static void write_text(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

/* The good file with another VRID, to know it by. */
static struct bundle *with_vrid(const struct lineage *parent, const char *vrid)
{
	struct conf_text *file;
	struct bundle_plan plan = { .parent = parent, .pair = "small", .files = 1 };
	char why[KEY_WHY], *at;
	struct bundle *bundle;

	assert_int_equal(bundle_files_load(&file, &plan.files, GOOD, why), 0);
	at = strstr((char *)file->bytes, "vrid 7");
	assert_non_null(at);
	at[5] = *vrid;
	plan.file = file;
	assert_int_equal(bundle_make(&bundle, &plan, parent ? key : NULL), 0);
	bundle_files_free(file, plan.files);
	return bundle;
}

static int set_up(void **state)
{
	struct seal_keypair pair = { .secret = { 1 } };

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/running-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(working, sizeof(working), "%s/pair.conf", dir);
	assert_int_equal(sign_key_of_node(&key, &pair), 0);
	base = with_vrid(NULL, "1");
	two = with_vrid(&base->line, "2");
	three = with_vrid(&two->line, "3");
	write_text(working, (char *)base->file[0].bytes);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	bundle_free(base);
	bundle_free(two);
	bundle_free(three);
	sign_key_free(key);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static struct history *writer(void)
{
	char why[HISTORY_WHY];
	struct history *history;

	assert_int_equal(history_open(&history, dir, true, why), 0);
	return history;
}

static void assert_runs(uint32_t vrid, const struct revision *revision, bool damaged)
{
	struct running running;

	running_read(&running, dir, working);
	assert_non_null(running.conf);
	assert_int_equal(running.conf->file->vrrp->vrid, vrid);
	assert_true(revision_equal(&running.conf->revision, revision));
	assert_int_equal(running.note[0] != '\0', damaged);
	conf_faults_free(&running.faults);
	conf_free(running.conf);
}

static void spoil(const struct bundle *bundle)
{
	char name[STANDING_NAME], path[256];

	standing_name(name, &bundle->line.tip);
	snprintf(path, sizeof(path), "%s/config/%s", dir, name);
	assert_int_equal(truncate(path, 200), 0);
}

static void working_copy_runs_until_something_is_pushed(void **state)
{
	static const struct revision none;
	struct history *history;

	(void)state;
	assert_runs(1, &none, false);
	history = writer();
	assert_int_equal(history_base(history, base), 0);
	assert_runs(1, &none, false);
	assert_int_equal(history_stage(history, two), 0);
	assert_runs(1, &none, false);
	assert_int_equal(history_switch(history, &two->line.tip, 0), 0);
	assert_runs(2, &two->line.tip, false);
	write_text(working, "not a configuration");
	assert_runs(2, &two->line.tip, false);
	assert_int_equal(history_adopt(history, three, 0), 0);
	assert_runs(3, &three->line.tip, false);
	history_close(history);
}

static void last_good_one_runs(void **state)
{
	static const struct revision none;
	struct history *history = writer();

	(void)state;
	assert_int_equal(history_base(history, base), 0);
	assert_int_equal(history_adopt(history, two, 0), 0);
	assert_int_equal(history_adopt(history, three, 0), 0);
	spoil(three);
	assert_runs(2, &two->line.tip, true);
	spoil(two);
	assert_runs(1, &base->line.tip, true);
	spoil(base);
	assert_runs(1, &none, true); /* the working copy is all there is */
	history_close(history);
}

static void faults_name_their_file(void **state)
{
	struct running running;

	(void)state;
	write_text(working, "format 1\nnonsense 2\n");
	running_read(&running, dir, working);
	assert_null(running.conf);
	assert_string_equal(running.name, working);
	assert_true(running.faults.errors > 0);
	conf_faults_free(&running.faults);
}

static void store_that_cannot_be_read_is_no_empty_store(void **state)
{
	struct running running;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/config", dir);
	write_text(path, "a file where the directory should be");
	running_read(&running, dir, working);
	assert_null(running.conf);
	assert_int_equal(running.faults.errors, 1);
	conf_faults_free(&running.faults);
}

/* Edits by hand are told, and told no more when they are taken back; comments are no edits. */
static void edits_are_seen(void **state)
{
	const uint64_t s = 1000000000;
	struct drift drift = { 0 };
	struct running running;
	struct history *history;
	char edited[16384];

	(void)state;
	running_read(&running, dir, working);
	assert_null(drift_look(&drift, running.conf, working, s));
	snprintf(edited, sizeof(edited), "# a comment\n%s", (char *)base->file[0].bytes);
	write_text(working, edited);
	assert_null(drift_look(&drift, running.conf, working, 6 * s));
	write_text(working, (char *)two->file[0].bytes);
	assert_null(drift_look(&drift, running.conf, working, 10 * s)); /* not that soon */
	assert_non_null(strstr(drift_look(&drift, running.conf, working, 11 * s),
			       "differs from what runs: SIGHUP reads it"));
	write_text(working, "nonsense");
	assert_non_null(strstr(drift_look(&drift, running.conf, working, 16 * s), "see pairctl check"));
	conf_free(running.conf);
	conf_faults_free(&running.faults);

	history = writer();
	assert_int_equal(history_adopt(history, two, 0), 0);
	history_close(history);
	write_text(working, (char *)base->file[0].bytes);
	running_read(&running, dir, working);
	assert_non_null(strstr(drift_look(&drift, running.conf, working, 17 * s),
			       "differs from revision 2, which runs: see pairctl diff"));
	write_text(working, (char *)two->file[0].bytes);
	assert_null(drift_look(&drift, running.conf, working, 22 * s));
	conf_free(running.conf);
	conf_faults_free(&running.faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(working_copy_runs_until_something_is_pushed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(last_good_one_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(faults_name_their_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(store_that_cannot_be_read_is_no_empty_store, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(edits_are_seen, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
