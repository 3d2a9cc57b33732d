// SPDX-License-Identifier: BSD-2-Clause
/* pairctl history, show and diff over a store that the test has filled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "conf/files.h"
#include "conf/history.h"

#define GOOD "tests/data/conf/small.conf"

enum { OUTPUT = 32768, COMMAND = 1024 };

static char program[PATH_MAX], dir[32];
static struct sign_key *key;
static struct bundle *base, *two, *three;

/* The good file with another VRID and a comment, to know it by. */
static struct bundle *make(const struct lineage *parent, const char *vrid, uint64_t rolls_back)
{
	struct conf_text *file;
	struct bundle_plan plan = { .parent = parent,
				    .pair = "small",
				    .who = "ops@lb1",
				    .message = "CHG-7 tidy",
				    .when_ms = 1900000000000,
				    .rolls_back = rolls_back };
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
	char why[HISTORY_WHY];
	struct history *history;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/revision-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(sign_key_of_node(&key, &pair), 0);
	base = make(NULL, "1", 0);
	two = make(&base->line, "2", 0);
	three = make(&two->line, "1", 1);
	assert_int_equal(history_open(&history, dir, true, why), 0);
	assert_int_equal(history_base(history, base), 0);
	assert_int_equal(history_adopt(history, two, 0), 0);
	assert_int_equal(history_adopt(history, three, UINT64_C(4000000000000)), 0);
	history_close(history);
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

static int run(const char *arguments, const char *state_dir, char output[OUTPUT])
{
	char command[COMMAND + PATH_MAX];
	size_t used;
	FILE *in;
	int status;

	snprintf(command, sizeof(command), "TZ=UTC %s %s --state-dir %s --config %s 2>&1", program,
		 arguments, state_dir, GOOD);
	if (strncmp(arguments, "history", 7) == 0 || strcmp(arguments, "diff 1 2") == 0)
		*strstr(command, " --config") = '\0'; /* which it does not take */
	in = popen(command, "r");
	assert_non_null(in);
	used = fread(output, 1, OUTPUT - 1, in);
	output[used] = '\0';
	status = pclose(in);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void says(const char *arguments, const char *state_dir, int status, const char *const *words)
{
	char output[OUTPUT];
	int got = run(arguments, state_dir, output);

	if (got != status)
		fail_msg("%s: exit %d\n%s", arguments, got, output);
	for (; *words; words++)
		if (!strstr(output, *words))
			fail_msg("%s: no \"%s\" in\n%s", arguments, *words, output);
}

static void history_tells_who_when_and_why(void **state)
{
	static const char *const text[] = { "2030-03-17 17:46:40",
					    "ops@lb1",
					    "back to 1: CHG-7 tidy",
					    "cvk1_",
					    "from the working copy",
					    "current",
					    "previous",
					    "unless you run: pairctl confirm",
					    NULL };
	static const char *const json[] = { "\"pushed\":true",
					    "\"number\":3",
					    "\"state\":\"current\"",
					    "\"rolls_back\":1",
					    "\"time_ms\":1900000000000",
					    "\"message\":\"CHG-7 tidy\"",
					    "\"confirm_left_seconds\":",
					    NULL };

	(void)state;
	says("history", dir, 0, text);
	says("history -j", dir, 0, json);
}

static void empty_history_says_what_runs(void **state)
{
	static const char *const text[] = { "nothing was pushed yet: the working copy runs", NULL };
	static const char *const json[] = { "{\"schema\":1,\"pushed\":false,\"revision\":[]}",
					    NULL };

	(void)state;
	says("history", "/nonexistent", 0, text);
	says("history -j", "/nonexistent", 0, json);
}

/* Comments and all, byte for byte. */
static void show_gives_back_what_was_pushed(void **state)
{
	char output[OUTPUT];

	(void)state;
	assert_int_equal(run("show 2", dir, output), 0);
	assert_int_equal(strlen(output), two->file[0].length);
	assert_memory_equal(output, two->file[0].bytes, two->file[0].length);
	assert_int_equal(run("show running", dir, output), 0);
	assert_memory_equal(output, three->file[0].bytes, three->file[0].length);
	assert_int_equal(run("show running", "/nonexistent", output), 0);
	assert_non_null(strstr(output, "vrid 7"));
}

static void show_in_full(void **state)
{
	static const char *const canonical[] = { "vrid 1\n", NULL };
	static const char *const working[] = { "vrid 7\n", NULL };
	static const char *const json[] = { "\"revision\":2", "\"name\":\"pair.conf\"",
					    "\"text\":\"", NULL };
	static const char *const missing[] = { "revision 9 is not kept here", NULL };
	static const char *const wrong[] = { "running, canonical or the number", NULL };

	(void)state;
	says("show canonical", dir, 0, canonical);
	says("show canonical", "/nonexistent", 0, working);
	says("show 2 -j", dir, 0, json);
	says("show 9", dir, 1, missing);
	says("show nonsense", dir, 2, wrong);
}

static void diff_names_revisions_and_files(void **state)
{
	static const char *const revisions[] = { "(revision 1) -> ", "(revision 2)", "1 -> 2",
						 NULL };
	static const char *const default_one[] = { "(revision 3) -> ", "1 -> 7", NULL };
	static const char *const none[] = { "no difference", NULL };
	static const char *const mixed[] = { "7 -> 2", NULL };

	(void)state;
	says("diff 1 2", dir, 0, revisions);
	says("diff", dir, 0, default_one);
	says("diff", "/nonexistent", 0, none);
	says("diff 2", dir, 0, mixed); /* of the file that is named */
}

static void damage_is_told(void **state)
{
	static const char *const text[] = { "problem: damaged: the current revision 3 (", "damaged",
					    NULL };
	static const char *const shown[] = { "vrid 2", NULL };
	char name[STANDING_NAME], path[256];

	(void)state;
	standing_name(name, &three->line.tip);
	snprintf(path, sizeof(path), "%s/config/%s", dir, name);
	assert_int_equal(truncate(path, 99), 0);
	says("history", dir, 1, text);
	says("show running", dir, 0, shown);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(history_tells_who_when_and_why),
		cmocka_unit_test(empty_history_says_what_runs),
		cmocka_unit_test(show_gives_back_what_was_pushed),
		cmocka_unit_test(show_in_full),
		cmocka_unit_test(diff_names_revisions_and_files),
		cmocka_unit_test(damage_is_told), /* last: nothing is whole after it */
	};

	(void)argc;
	snprintf(program, sizeof(program), "%.*s/../pairctl",
		 (int)(strrchr(argv[0], '/') - argv[0]), argv[0]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
