// SPDX-License-Identifier: BSD-2-Clause
/* What waits for the next start of vrrpd, of a file against the one it was started with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "vrrp/pending.h"

#define PATH "tests/data/conf/small.conf"

/* Its vrrp block says `more`, too, and the second node has the address `peer`. */
static struct conf *read_with(const char *more, const char *peer)
{
	static const char mark[] = "vrid 7;", node[] = "10.0.0.2";
	char text[1 << 14] = "", changed[2 << 14], *vrrp, *second;
	struct conf_faults faults;
	struct conf *conf;
	FILE *in = fopen(PATH, "r");

	assert_non_null(in);
	assert_true(fread(text, 1, sizeof(text) - 1, in) > 0);
	fclose(in);
	vrrp = strstr(text, mark);
	second = strstr(text, node);
	assert_non_null(vrrp);
	assert_true(second && second < vrrp);
	*second = *vrrp = '\0';
	snprintf(changed, sizeof(changed), "%s%s%s%s%s", text, peer, second + strlen(node), more,
		 vrrp + strlen(mark));
	conf = conf_read(changed, strlen(changed), &faults);
	if (!conf)
		fail_msg("%s", faults.fault[0].text);
	conf_faults_free(&faults);
	return conf;
}

static const struct row {
	const char *first, *now, *peer, *text[2];
} rows[] = {
	{ "vrid 7;", "vrid 7;", "10.0.0.2", { NULL } },
	{ "vrid 7;", "vrid 8; advert 200ms;", "10.0.0.3", { NULL } },
	{ "vrid 7;",
	  "vrid 8; virtual-mac yes;",
	  "10.0.0.2",
	  { "vrrp / virtual-mac: no -> yes" } },
	{ "vrid 7; virtual-mac yes;",
	  "vrid 8; virtual-mac yes;",
	  "10.0.0.2",
	  { "the virtual MAC addresses: of vrid 7 -> of 8" } },
	{ "vrid 7;",
	  "vrid 7; fence-command /bin/true; fence-timeout 3s;",
	  "10.0.0.3",
	  { "vrrp / fence-command: nothing -> /bin/true", "vrrp / fence-timeout: 10s -> 3s" } },
	{ "vrid 7; fence-command /bin/true;",
	  "vrid 7; fence-command /bin/true;",
	  "10.0.0.3",
	  { "the address that the fence command is given: 10.0.0.2 -> 10.0.0.3" } },
};

static void what_waits(void **state)
{
	struct pending pending;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct conf *first = read_with(row->first, "10.0.0.2");
		struct conf *now = read_with(row->now, row->peer);
		size_t count = 0;

		while (count < 2 && row->text[count])
			count++;
		pending_find(&pending, first, now, 1);
		assert_int_equal(pending.count, count);
		for (size_t n = 0; n < count; n++)
			assert_string_equal(pending.text[n], row->text[n]);
		/* Taken back. */
		pending_find(&pending, first, first, 1);
		assert_int_equal(pending.count, 0);
		conf_free(now);
		conf_free(first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
