// SPDX-License-Identifier: BSD-2-Clause
/* One statement of a small file is exchanged; what is told of it is compared as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/diff.h"

#define PATH "tests/data/conf/small.conf"

static char *slurp(void)
{
	FILE *in = fopen(PATH, "r");
	char *text = calloc(1, 1 << 14);

	if (!in)
		fail_msg(PATH " cannot be opened: run the tests from the top of the tree");
	assert_true(fread(text, 1, (1 << 14) - 1, in) < (1 << 14) - 1);
	fclose(in);
	return text;
}

/* The file with one piece of it exchanged; the piece must be there. */
static struct conf *read_with(const char *piece, const char *other)
{
	char *text = slurp(), *at = strstr(text, piece), *changed = NULL;
	struct conf_faults faults;
	struct conf *conf;
	size_t size;
	FILE *out = open_memstream(&changed, &size);

	assert_non_null(at);
	fprintf(out, "%.*s%s%s", (int)(at - text), text, other, at + strlen(piece));
	fclose(out);
	conf = conf_read(changed, size, &faults);
	if (!conf)
		fail_msg("%s", faults.fault[0].text);
	conf_faults_free(&faults);
	free(changed);
	free(text);
	return conf;
}

static char *told(const struct diff *diff)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < diff->changes; i++) {
		const struct diff_change *c = &diff->change[i];
		const char *need = diff_need_text(c->need);

		fprintf(out, "%s: %s -> %s%s%s%s\n", c->where, c->before ? c->before : "nothing",
			c->after ? c->after : "nothing", *need ? " (" : "", need, *need ? ")" : "");
	}
	for (size_t i = 0; i < diff->effects; i++)
		fprintf(out, "%s\n", diff->effect[i]);
	for (size_t i = 0; i < diff->shares; i++)
		fprintf(out, "%s/%s %u -> %u\n", diff->share[i].array, diff->share[i].member,
			diff->share[i].before, diff->share[i].after);
	fclose(out);
	return text;
}

static const struct row {
	const char *name, *before, *after, *expected;
} rows[] = {
	{ "the same file", "vrid 7;", "vrid 7;", "" },
	{ "another order of statements is no change", "vrid 7; unicast yes", "unicast yes; vrid 7",
	  "" },
	{ "a default that is written is no change", "vrid 7;", "vrid 7; advert 100ms;", "" },
	{ "another order of blocks is no change",
	  "    member x { address 10.2.0.11; weight 1 }\n"
	  "    member y { address 10.2.0.12; backup yes }\n",
	  "    member y { address 10.2.0.12; backup yes }\n"
	  "    member x { address 10.2.0.11; weight 1 }\n",
	  "" },
	{ "a value", "vrid 7;", "vrid 7; advert 200ms;", "vrrp / advert: 100ms -> 200ms\n" },
	{ "a value that needs a restart", "vrid 7;", "vrid 7; virtual-mac yes;",
	  "vrrp / virtual-mac: no -> yes (restart of vrrpd)\n" },
	{ "what both nodes follow at once", "vrid 7; unicast yes", "vrid 8; version 2; advert 1s",
	  "vrrp / vrid: 7 -> 8\nvrrp / advert: 100ms -> 1s\n"
	  "vrrp / unicast: yes -> no\nvrrp / version: 3 -> 2\n" },
	{ "the tables' size", "profile mail", "forwarding { flows 5000 }\nprofile mail",
	  "forwarding / flows: 1000000 -> 5000 "
	  "(restart of lbd)\n" },
	{ "a profile's service once", "interval 500ms", "interval 700ms; timeout 500ms",
	  "profile mail / service smtp / check tcp / interval: 500ms -> 700ms\n" },
	{ "a group's timeout once", "affinity-timeout 2h", "affinity-timeout 3h",
	  "profile mail / service imaps / affinity-timeout: 2h -> 3h\n" },
	{ "one check of two of a type", "check tcp { interval 500ms }",
	  "check tcp { interval 500ms } check tcp { port 26 }",
	  "profile mail / service smtp / check tcp: nothing -> \n"
	  "profile mail / service smtp / check tcp / port: nothing -> 26\n" },
	{ "ports that are served no more", "8000-8010", "8005-8010",
	  "array one / service web / ports: 443, 8000-8010 -> 443, 8005-8010\n"
	  "array one: the sessions to ports 8000-8004 end, which no service has any more\n" },
	{ "a VIP", "vip 10.0.0.10", "vip 10.0.0.20",
	  "array one / vip: 10.0.0.10 -> 10.0.0.20\n"
	  "the sessions to 10.0.0.10 end: it is no VIP any more\n" },
	{ "a member more", "weight 1 }", "weight 1 }\n    member z { address 10.2.0.13; weight 3 }",
	  "array one / member z: nothing -> \n"
	  "array one / member z / address: nothing -> 10.2.0.13\n"
	  "array one / member z / weight: nothing -> 3\n"
	  "one/x 1000 -> 250\none/z 0 -> 750\n" },
	{ "a member less", "    member x { address 10.2.0.11; weight 1 }\n", "",
	  "array one / member x:  -> nothing\n"
	  "array one: the sessions on x go on until they end; new ones go elsewhere\n"
	  "one/x 1000 -> 0\none/y 0 -> 1000\n" },
	{ "a member by another name is the same", "member x", "member xx",
	  "array one / member x:  -> nothing\n"
	  "array one / member xx: nothing -> \n"
	  "array one / member xx / address: nothing -> 10.2.0.11\n"
	  "array one / member xx / weight: nothing -> 1\n" },
	{ "an array by another name is the same", "array one", "array uno",
	  "array one:  -> nothing\n"
	  "array uno: nothing -> \n"
	  "array uno / vip: nothing -> 10.0.0.10\n"
	  "array uno / gateway: nothing -> 10.2.0.1\n"
	  "array uno / use: nothing -> mail\n"
	  "array uno / service web: nothing -> \n"
	  "array uno / service web / ports: nothing -> 443, 8000-8010\n"
	  "array uno / member x: nothing -> \n"
	  "array uno / member x / address: nothing -> 10.2.0.11\n"
	  "array uno / member x / weight: nothing -> 1\n"
	  "array uno / member y: nothing -> \n"
	  "array uno / member y / address: nothing -> 10.2.0.12\n"
	  "array uno / member y / backup: nothing -> yes\n" },
};

static void a_row(void **state)
{
	const struct row *row = *state;
	struct conf *before = read_with("format 1", "format 1");
	struct conf *after = read_with(row->before, row->after);
	struct diff diff;
	char *text;

	assert_int_equal(diff_make(&diff, before, after), 0);
	text = told(&diff);
	assert_string_equal(text, row->expected);
	free(text);
	diff_free(&diff);
	conf_free(after);
	conf_free(before);
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	struct CMUnitTest tests[ROWS];

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name,
						.test_func = a_row,
						.initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests_name("conf_diff", tests, NULL, NULL);
}
