// SPDX-License-Identifier: BSD-2-Clause
/* What the answers of resolvers come to (lbd/fqdn.h), and as metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/pairctl/pairctl.h"
#include "lbd/fqdn.h"
#include "proto/addr.h"

#define SECOND 1000000000ull

static struct flow_ip ip(const char *text)
{
	struct flow_ip ip;

	assert_true(addr_parse_flow(&ip, text));
	return ip;
}

/* One array of one or two VIPs, asked of one resolver. */
static void plan(struct fqdn *fqdn, size_t vips, bool outside)
{
	static char name[] = "outlook.example.com", array_name[] = "mel", resolver[] = "10.0.0.53",
		    vip4[] = "10.20.0.10", vip6[] = "2001:db8:20::10";
	static char *vip[] = { vip4, vip6 }, *resolvers[] = { resolver };
	Conf__Array array = CONF__ARRAY__INIT, *arrays[] = { &array };
	Conf__Config file = CONF__CONFIG__INIT;

	array.name = array_name;
	array.fqdn = name;
	array.vip = vip;
	array.n_vip = vips;
	file.array = arrays;
	file.n_array = 1;
	*(outside ? &file.resolve_outside : &file.resolve_inside) = resolvers;
	*(outside ? &file.n_resolve_outside : &file.n_resolve_inside) = 1;
	assert_int_equal(fqdn_plan(fqdn, &file), 0);
	assert_int_equal(fqdn->count, 1);
}

/* "-": no such name; "": silent; "?": garbage; "!": refused; else addresses. */
static struct fqdn_answer answer(const char *said)
{
	static const struct {
		const char *text;
		enum fqdn_said said;
	} words[] = {
		{ "", FQDN_SILENT },
		{ "-", FQDN_NONE },
		{ "?", FQDN_GARBLED },
		{ "!", FQDN_REFUSED },
	};
	struct fqdn_answer answer = { .said = FQDN_ADDRESSES };
	char text[200], *rest = text, *word;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(said, words[i].text) == 0)
			return (struct fqdn_answer){ .said = words[i].said };
	strcpy(text, said);
	while ((word = strsep(&rest, " "))) {
		struct flow_ip addr = ip(word);

		fqdn_add(&answer, &addr);
	}
	return answer;
}

static void hear(struct fqdn *fqdn, const char *four, const char *six)
{
	const struct fqdn_answer both[] = { answer(four), answer(six) };

	fqdn_hear(fqdn->question, both, SECOND);
}

static void verdicts(void **state)
{
	static const struct {
		size_t vips;
		bool outside;
		const char *four, *six;
		enum fqdn_verdict verdict;
		const char *why;
	} rows[] = {
		{ 1, false, "10.20.0.10", "-", FQDN_OK, "" },
		{ 2, false, "10.20.0.10", "2001:db8:20::10", FQDN_OK, "" },
		{ 2, false, "10.20.0.10", "-", FQDN_OK, "" },
		{ 2, false, "-", "2001:db8:20::10", FQDN_OK, "" },
		{ 1, false, "10.20.0.10 10.20.0.10", "-", FQDN_OK, "" },
		{ 1, false, "10.20.0.10 10.20.0.10 10.20.0.10 10.20.0.10 10.20.0.99", "-",
		  FQDN_WRONG, "leads to 10.20.0.99, which is not the VIP" },
		{ 1, false, "10.20.0.99", "-", FQDN_WRONG,
		  "leads to 10.20.0.99, which is not the VIP" },
		{ 1, false, "10.20.0.10 10.20.0.99", "-", FQDN_WRONG,
		  "leads to 10.20.0.99, which is not the VIP" },
		{ 1, false, "10.20.0.10 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5", "", FQDN_WRONG,
		  "leads to 1.1.1.1, which is not the VIP" },
		{ 1, false, "10.20.0.10", "2001:db8::1", FQDN_WRONG,
		  "leads to 2001:db8::1, which is not the VIP" },
		{ 1, false, "10.20.0.10", "::", FQDN_WRONG, "leads to ::, which is not the VIP" },
		{ 2, false, "10.20.0.10", "2001:db8::1", FQDN_WRONG,
		  "leads to 2001:db8::1, which is not the VIP" },
		{ 1, false, "10.20.0.99", "", FQDN_WRONG,
		  "leads to 10.20.0.99, which is not the VIP" },
		{ 1, false, "-", "-", FQDN_WRONG, "does not resolve" },
		{ 1, false, "-", "", FQDN_WRONG, "does not resolve" },
		{ 2, false, "-", "-", FQDN_WRONG, "does not resolve" },
		{ 2, false, "-", "", FQDN_UNKNOWN, "the resolver does not answer" },
		{ 1, false, "", "", FQDN_UNKNOWN, "the resolver does not answer" },
		{ 1, false, "10.20.0.10", "", FQDN_UNKNOWN, "the resolver does not answer" },
		{ 1, false, "?", "?", FQDN_UNKNOWN, "the resolver's answer cannot be read" },
		{ 1, false, "!", "!", FQDN_UNKNOWN, "the resolver refuses to answer, or fails to" },
		{ 1, true, "-", "-", FQDN_OK, "" },
		{ 1, true, "-", "", FQDN_UNKNOWN, "the resolver does not answer" },
		{ 1, true, "", "", FQDN_UNKNOWN, "the resolver does not answer" },
		{ 1, true, "10.20.0.10", "-", FQDN_WRONG,
		  "resolves outside, to 10.20.0.10: Outlook would wait for it there" },
		{ 1, true, "", "2001:db8::1", FQDN_WRONG,
		  "resolves outside, to 2001:db8::1: Outlook would wait for it there" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fqdn_view view;
		struct fqdn fqdn;

		plan(&fqdn, rows[i].vips, rows[i].outside);
		hear(&fqdn, rows[i].four, rows[i].six);
		view = fqdn_judge(&fqdn, fqdn.question, 2 * SECOND);
		assert_string_equal(view.why, rows[i].why);
		assert_int_equal(view.verdict, rows[i].verdict);
		fqdn_free(&fqdn);
	}
}

/* Nobody knows what an answer of long ago would be now. */
static void ages(void **state)
{
	struct fqdn fqdn;

	(void)state;
	plan(&fqdn, 1, false);
	assert_int_equal(fqdn_judge(&fqdn, fqdn.question, 1000 * SECOND).verdict, FQDN_UNKNOWN);
	hear(&fqdn, "10.20.0.10", "-");
	assert_int_equal(fqdn.interval_ms, 60000);
	assert_int_equal(fqdn_judge(&fqdn, fqdn.question, 191 * SECOND).verdict, FQDN_OK);
	assert_int_equal(fqdn_judge(&fqdn, fqdn.question, 192 * SECOND).verdict, FQDN_UNKNOWN);
	fqdn_free(&fqdn);
}

static bool news(struct fqdn *fqdn)
{
	struct fqdn_view view = fqdn_judge(fqdn, fqdn->question, 2 * SECOND);

	return fqdn_news(fqdn->question, &view);
}

static void told_once(void **state)
{
	struct fqdn fqdn, next, last;

	(void)state;
	plan(&fqdn, 1, false);
	assert_false(news(&fqdn));
	hear(&fqdn, "10.20.0.10", "-");
	assert_true(news(&fqdn));
	assert_false(news(&fqdn));
	hear(&fqdn, "10.20.0.99", "-");
	assert_true(news(&fqdn));
	assert_false(news(&fqdn));
	hear(&fqdn, "10.20.0.98", "-");
	assert_true(news(&fqdn));
	hear(&fqdn, "", "");
	assert_true(news(&fqdn));
	assert_false(news(&fqdn));

	/* A reload forgets nothing, unless the question is another. */
	plan(&next, 1, false);
	fqdn_carry(&next, &fqdn);
	assert_false(news(&next));
	hear(&next, "10.20.0.10", "-");
	assert_true(news(&next));
	plan(&last, 1, false);
	fqdn_carry(&last, &next);
	assert_false(news(&last));
	fqdn_free(&last);
	hear(&next, "", "");
	assert_int_equal(next.question->answer[FLOW_IPV4].said, FQDN_SILENT);
	fqdn_free(&fqdn);
	plan(&fqdn, 1, true);
	fqdn_carry(&fqdn, &next);
	assert_int_equal(fqdn.question->answer[FLOW_IPV4].said, FQDN_NOT_YET);
	fqdn_free(&fqdn);
	fqdn_free(&next);
}

/* Without resolvers or names there is nothing to ask. */
static void nothing_to_ask(void **state)
{
	char resolver[] = "10.0.0.53", *resolvers[] = { resolver }, name[] = "mel";
	Conf__Array array = CONF__ARRAY__INIT, *arrays[] = { &array };
	Conf__Config file = CONF__CONFIG__INIT;
	struct fqdn fqdn;

	(void)state;
	array.name = name;
	file.array = arrays;
	file.n_array = 1;
	assert_int_equal(fqdn_plan(&fqdn, &file), 0);
	assert_int_equal(fqdn.count, 0);
	fqdn_free(&fqdn);
	file.resolve_inside = resolvers;
	file.n_resolve_inside = 1;
	assert_int_equal(fqdn_plan(&fqdn, &file), 0);
	assert_int_equal(fqdn.count, 0);
	fqdn_free(&fqdn);
}

static void metrics(void **state)
{
	static char array[] = "mel", here[] = "10.0.0.53", there[] = "2001:db8::53";
	Cas__NameStatus name[] = { CAS__NAME_STATUS__INIT, CAS__NAME_STATUS__INIT,
				   CAS__NAME_STATUS__INIT, CAS__NAME_STATUS__INIT };
	Cas__NameStatus *names[] = { &name[0], &name[1], &name[2], &name[3] };
	Cas__LbdStatus status = CAS__LBD_STATUS__INIT;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		name[i].array = array;
		name[i].resolver = i % 2 ? there : here;
		name[i].outside = i >= 2;
	}
	name[0].verdict = name[2].verdict = CAS__NAME_STATUS__VERDICT__WRONG;
	name[1].verdict = CAS__NAME_STATUS__VERDICT__OK;
	status.fqdn = names;
	status.n_fqdn = 4;
	metrics_print_names(&status, out);
	fclose(out);
	assert_string_equal(
		text,
		"# HELP caspair_fqdn_matches_vip Whether a resolver inside leads the name of an "
		"array to its VIP and nowhere else.\n"
		"# TYPE caspair_fqdn_matches_vip gauge\n"
		"caspair_fqdn_matches_vip{array=\"mel\",resolver=\"10.0.0.53\"} 0\n"
		"caspair_fqdn_matches_vip{array=\"mel\",resolver=\"2001:db8::53\"} 1\n"
		"# HELP caspair_fqdn_known_outside Whether a resolver outside knows the name of an "
		"array, which it should not.\n"
		"# TYPE caspair_fqdn_known_outside gauge\n"
		"caspair_fqdn_known_outside{array=\"mel\",resolver=\"10.0.0.53\"} 1\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),  cmocka_unit_test(ages),
		cmocka_unit_test(told_once), cmocka_unit_test(nothing_to_ask),
		cmocka_unit_test(metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
