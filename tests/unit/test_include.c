// SPDX-License-Identifier: BSD-2-Clause
/* A configuration in several files: what is read, where faults are, and what a push takes along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "conf/files.h"
#include "conf/texts.h"

#define HEAD                                                                                       \
	"format 1\npair p\n"                                                                       \
	"node a { address 10.0.0.1; sync 10.1.0.1; public-key "                                    \
	"cpk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aA }\n"                                     \
	"node b { address 10.0.0.2; sync 10.1.0.2; public-key "                                    \
	"cpk1_b_Oy6CPSDzOknWiSPe4LiP09a1vw-QRnfRvdACPjtoc }\n"                                     \
	"vrrp { interface eth0; vrid 7 }\n"
#define ARRAY(name, vip, member)                                                                   \
	"# " name "\narray " name " {\n vip " vip "\n service s { ports 25 }\n"                    \
	" member m-" name " { address " member " }\n}\n"
#define MEL ARRAY("mel", "10.0.0.10", "10.0.0.21")
#define SYD ARRAY("syd", "10.0.0.11", "10.0.0.22")

static char dir[32], main_file[64];

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static int set_up(void **state)
{
	char path[64];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/include-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/arrays", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(main_file, sizeof(main_file), "%s/the.conf", dir);
	put("arrays/syd.conf", SYD);
	put("arrays/mel.conf", MEL);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* What is printed, with the directory's name cut out; freed by the caller. */
static char *faults_of(const char *text)
{
	struct conf_faults faults;
	struct conf *conf;
	char *out = NULL, *at;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	put("the.conf", text);
	conf = conf_read_file(main_file, &faults);
	conf_faults_print(&faults, main_file, stream);
	fclose(stream);
	assert_int_equal(conf != NULL, faults.errors == 0);
	conf_free(conf);
	conf_faults_free(&faults);
	while ((at = strstr(out, dir)))
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
	return out;
}

static void complains(const char *text, const char *expected)
{
	char *out = faults_of(text);

	if (!strstr(out, expected))
		fail_msg("expected \"%s\", got:\n%s", expected, out);
	free(out);
}

/* In the order of their names, as if all stood in one file. */
static void files_are_one_configuration(void **state)
{
	struct conf_faults faults;
	struct conf *parts, *whole;

	(void)state;
	put("the.conf", HEAD "include arrays/*.conf # all of them\n");
	parts = conf_read_file(main_file, &faults);
	assert_non_null(parts);
	conf_faults_free(&faults);
	whole = conf_read(HEAD MEL SYD, strlen(HEAD MEL SYD), &faults);
	assert_non_null(whole);
	conf_faults_free(&faults);
	assert_memory_equal(parts->digest, whole->digest, CONF_DIGEST_BYTES);
	assert_int_equal(parts->texts, 3);
	assert_string_equal(parts->text[0].name, "pair.conf");
	assert_string_equal(parts->text[1].name, "arrays/mel.conf");
	assert_string_equal((char *)parts->text[2].bytes, SYD);
	conf_free(whole);
	conf_free(parts);
}

/* What the other node reads out of the bundle is the same, though the files are not there. */
static void bundle_takes_all_files_along(void **state)
{
	struct bundle_plan plan = { .pair = "p" };
	struct conf_faults faults;
	struct conf_text *file;
	struct bundle *bundle;
	struct conf *here, *there;
	char why[KEY_WHY];

	(void)state;
	put("the.conf", HEAD "include arrays/*.conf\n");
	here = conf_read_file(main_file, &faults);
	conf_faults_free(&faults);
	assert_int_equal(bundle_files_load(&file, &plan.files, main_file, why), 0);
	plan.file = file;
	assert_int_equal(bundle_make(&bundle, &plan, NULL), 0);
	there = bundle_conf(bundle, &faults);
	assert_non_null(there);
	assert_memory_equal(here->digest, there->digest, CONF_DIGEST_BYTES);
	conf_faults_free(&faults);
	conf_free(there);
	bundle_free(bundle);

	/* A file that nobody includes would look as if it were in force. */
	file[2].name[0] = 'x';
	assert_int_equal(bundle_make(&bundle, &plan, NULL), 0);
	assert_null(bundle_conf(bundle, &faults));
	assert_string_equal(faults.fault[0].text, "xrrays/syd.conf is not included");
	conf_faults_free(&faults);
	bundle_free(bundle);
	bundle_files_free(file, plan.files);
	conf_free(here);
}

static void faults_name_the_file_they_are_in(void **state)
{
	(void)state;
	put("arrays/syd.conf", ARRAY("mel", "10.0.0.10", "10.0.0.22") "nonsense 1\n");
	complains(HEAD "include arrays/*.conf\n",
		  "arrays/syd.conf:2:7: array \"mel\" is already defined in line 2 of "
		  "arrays/mel.conf\n");
	complains(HEAD "include arrays/*.conf\n",
		  "arrays/syd.conf:7:1: unknown keyword \"nonsense\"");
	complains(HEAD "include arrays/syd.conf\nvrrp { vrid 8; interface eth1 }\n",
		  "the.conf:7:1: vrrp is given twice, first in line 5; blocks are not merged\n");
	put("arrays/syd.conf", "array syd {\n");
	complains(HEAD "include arrays/syd.conf\npair q\n",
		  "arrays/syd.conf:2:1: the file ends inside array \"syd\", opened in line 1 of "
		  "arrays/syd.conf\n");
	complains(HEAD "include arrays/syd.conf\npair q\n",
		  "the.conf:7:1: pair is already set in line 2\n");
}

static void nothing_leads_out_of_the_directory(void **state)
{
	char link[64];

	(void)state;
	complains(HEAD "include ../x.conf\n", "takes NAME or FOLDER/NAME beside this file");
	complains(HEAD "include /etc/passwd\n", "takes NAME or FOLDER/NAME beside this file");
	complains(HEAD "include a/b/c.conf\n", "takes NAME or FOLDER/NAME beside this file");
	complains(HEAD "include */mel.conf\n", "takes NAME or FOLDER/NAME beside this file");
	complains(HEAD "include .hidden\n", "takes NAME or FOLDER/NAME beside this file");
	snprintf(link, sizeof(link), "%s/arrays/link.conf", dir);
	assert_int_equal(symlink("/etc/hostname", link), 0);
	complains(HEAD "include arrays/*.conf\n", "arrays/link.conf is a symbolic link\n");
	snprintf(link, sizeof(link), "%s/away", dir);
	assert_int_equal(symlink("/etc", link), 0);
	complains(HEAD "include away/hostname\n", "the.conf:6:9: include: cannot open away: ");
}

static void misuse_is_told(void **state)
{
	(void)state;
	complains(HEAD "include arrays/none.conf\n",
		  "the.conf:6:9: include: cannot open arrays/none.conf: No such file");
	complains(HEAD MEL "include none*.conf\n", "warning: include: none*.conf names no file\n");
	complains(HEAD "include\n", "the.conf:6:8: include needs a file before end of line\n");
	complains(HEAD "include arrays/mel.conf arrays/syd.conf\n",
		  "include takes one file or pattern: unexpected \"arrays/syd.conf\"\n");
	complains(HEAD "include arrays/mel.conf\ninclude arrays/*.conf\n",
		  "the.conf:7:9: arrays/mel.conf is included already in line 6\n");
	complains(HEAD "vrrp { include arrays/mel.conf }\n",
		  "include stands outside of all blocks");
	put("arrays/mel.conf", "include arrays/syd.conf\n");
	complains(HEAD "include arrays/mel.conf\n",
		  "arrays/mel.conf:1:1: an included file includes nothing itself\n");
	put("odd name.conf", "");
	complains(HEAD "include *.conf\n", "odd name.conf: names of included files have letters");
}

static void text_alone_includes_nothing(void **state)
{
	static const char text[] = HEAD MEL "include arrays/syd.conf\n";
	struct conf_faults faults;

	(void)state;
	assert_null(conf_read(text, strlen(text), &faults));
	assert_string_equal(faults.fault[0].text, "include: there is no arrays/syd.conf");
	conf_faults_free(&faults);
}

static void too_many_files(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < TEXTS_FILES; i++) {
		snprintf(name, sizeof(name), "arrays/n%d.inc", i);
		put(name, "");
	}
	complains(HEAD "include arrays/*.inc\n", "more than 64 files\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_one_configuration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bundle_takes_all_files_along, set_up, tear_down),
		cmocka_unit_test_setup_teardown(faults_name_the_file_they_are_in, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nothing_leads_out_of_the_directory, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(misuse_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(text_alone_includes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many_files, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
