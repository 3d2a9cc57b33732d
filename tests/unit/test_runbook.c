// SPDX-License-Identifier: BSD-2-Clause
/* The runbook of the sample's arrays, word for word, and what of it depends on what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/pairctl/runbook.h"

#define DATA "tests/data/runbook/"

static char SITE[] = "Melbourne", ACCOUNT[] = "EXAMPLE\\CAS-ASA$";

static char *slurp(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 1 << 16);

	if (!in)
		fail_msg("%s cannot be opened: run the tests from the top of the tree", path);
	assert_true(fread(text, 1, (1 << 16) - 1, in) < (1 << 16) - 1);
	fclose(in);
	return text;
}

static char *book_in_mode(Conf__Array__Mode mode, size_t array, enum runbook_version version,
			  bool undo)
{
	struct runbook_site site = { version, SITE, ACCOUNT };
	struct conf_faults faults;
	struct conf *conf = conf_read_file("conf/dist/pair.conf", &faults);
	struct runbook book = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(conf);
	conf->file->array[array]->mode = mode;
	runbook_array(&book, conf, conf->file->array[array], &site);
	runbook_print(&book, undo, out);
	fclose(out);
	runbook_free(&book);
	conf_faults_free(&faults);
	conf_free(conf);
	return text;
}

static char *book_text(size_t array, enum runbook_version version, bool undo)
{
	return book_in_mode(CONF__ARRAY__MODE__NAT, array, version, undo);
}

static void expect_golden(size_t array, enum runbook_version version, bool undo, const char *path)
{
	char *text = book_text(array, version, undo), *expected = slurp(path);

	assert_string_equal(text, expected);
	free(expected);
	free(text);
}

static void golden(void **state)
{
	(void)state;
	expect_golden(0, RUNBOOK_2010_SP3, false, DATA "mel-sp3.expected");
}

static void golden_undo(void **state)
{
	(void)state;
	expect_golden(0, RUNBOOK_2010_SP3, true, DATA "mel-sp3-undo.expected");
}

static void golden_rtm(void **state)
{
	(void)state;
	expect_golden(1, RUNBOOK_2010_RTM, false, DATA "syd-rtm.expected");
}

static unsigned int count(const char *text, const char *word)
{
	unsigned int found = 0;

	while ((text = strstr(text, word))) {
		found++;
		text++;
	}
	return found;
}

/* The address book's port is a string in the registry, or stands in a file; never both. */
static void the_port_has_one_place(void **state)
{
	char *rtm = book_text(1, RUNBOOK_2010_RTM, false);
	char *sp1 = book_text(1, RUNBOOK_2010_SP1, false);

	(void)state;
	assert_int_equal(count(rtm, "/v \"RpcTcpPort\" /t REG_SZ"), 0);
	assert_int_equal(count(rtm, "AddressBook.Service.exe.config"), 3);
	assert_int_equal(count(sp1, "/v \"RpcTcpPort\" /t REG_SZ"), 3);
	assert_int_equal(count(sp1, "AddressBook.Service.exe.config"), 0);
	free(sp1);
	free(rtm);
}

/* What was set is deleted, what was saved is read again, for every server. */
static void what_is_done_is_undone(void **state)
{
	char *run = book_text(0, RUNBOOK_2010_SP3, false);
	char *undo = book_text(0, RUNBOOK_2010_SP3, true);

	(void)state;
	assert_int_equal(count(run, "/t REG_"), 12);
	assert_int_equal(count(undo, "reg delete "), 12);
	assert_int_equal(count(run, "reg export "), count(undo, "reg import "));
	assert_int_equal(count(run, "setspn -S "), count(undo, "setspn -D "));
	assert_int_equal(count(run, " add rule "), count(undo, " delete rule "));
	assert_int_equal(count(run, "Export-Csv"), count(undo, "Import-Csv"));
	assert_true(strstr(undo, "databases.csv") < strstr(undo, "reg delete"));
	free(undo);
	free(run);
}

/* Who answers by itself holds the VIP and keeps its gateway; who answers the pair needs neither. */
static void the_way_of_each_mode(void **state)
{
	char *dsr = book_in_mode(CONF__ARRAY__MODE__DSR, 0, RUNBOOK_2010_SP3, false);
	char *undo = book_in_mode(CONF__ARRAY__MODE__DSR, 0, RUNBOOK_2010_SP3, true);
	char *snat = book_in_mode(CONF__ARRAY__MODE__SNAT, 0, RUNBOOK_2010_SP3, false);
	char *nat = book_text(0, RUNBOOK_2010_SP3, false);
	unsigned int servers = count(nat, "add route 0.0.0.0/0");

	(void)state;
	assert_true(servers > 0);
	assert_int_equal(count(nat, "\"caspair\""), 0);
	assert_int_equal(count(dsr, "add route"), 0);
	assert_int_equal(count(dsr, "ipv4 add address \"caspair\" 10.20.0.10 255.255.255.255"),
			 servers);
	assert_int_equal(count(dsr, "ipv4 set interface \"caspair\" metric=254 "
				    "weakhostreceive=enabled weakhostsend=enabled"),
			 servers);
	assert_int_equal(count(dsr, "ipv4 set interface \"<INTERFACE>\" weakhostreceive=enabled"),
			 servers);
	assert_int_equal(count(undo, "ipv4 set interface \"<INTERFACE>\" weakhostreceive=disabled"),
			 servers);
	assert_int_equal(count(undo, "delete address \"caspair\" 10.20.0.10"), servers);
	assert_int_equal(count(snat, "add route") + count(snat, "\"caspair\""), 0);
	free(nat);
	free(snat);
	free(undo);
	free(dsr);
}

/* --site comes first, then what the array says. */
static void the_site_of_the_array(void **state)
{
	struct runbook_site site = { .version = RUNBOOK_2010_SP3 };
	struct conf_faults faults;
	struct conf *conf = conf_read_file("conf/dist/pair.conf", &faults);
	char own[] = "Sydney", *text = NULL;
	struct runbook book = { 0 };
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(conf);
	conf->file->array[1]->site = own;
	runbook_array(&book, conf, conf->file->array[1], &site);
	runbook_print(&book, false, out);
	fclose(out);
	assert_int_equal(count(text, "<AD SITE>"), 0);
	assert_true(count(text, "Sydney") > 0);
	free(text);
	runbook_free(&book);
	conf->file->array[1]->site = NULL;
	conf_faults_free(&faults);
	conf_free(conf);
}

static void versions(void **state)
{
	(void)state;
	assert_int_equal(runbook_version("2010-rtm"), RUNBOOK_2010_RTM);
	assert_int_equal(runbook_version("2010-sp3"), RUNBOOK_2010_SP3);
	assert_int_equal(runbook_version("2013"), RUNBOOK_UNKNOWN);
	assert_int_equal(runbook_version(""), RUNBOOK_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(golden_undo),
		cmocka_unit_test(golden_rtm),
		cmocka_unit_test(the_port_has_one_place),
		cmocka_unit_test(what_is_done_is_undone),
		cmocka_unit_test(the_way_of_each_mode),
		cmocka_unit_test(the_site_of_the_array),
		cmocka_unit_test(versions),
	};

	return cmocka_run_group_tests_name("runbook", tests, NULL, NULL);
}
