// SPDX-License-Identifier: BSD-2-Clause
/* Syntax and values: small texts and exactly the faults they must give, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/read.h"

struct text {
	const char *text;
	const char *faults; /* "LINE:COLUMN: TEXT" lines, without what the whole file lacks */
};

/* What is required at the top is missing from all these texts and not their point. */
static bool is_beside_the_point(const struct conf_fault *fault)
{
	return fault->line == 0;
}

static char *read_faults(const char *text, size_t length)
{
	struct conf_faults faults = { 0 };
	struct conf_source *source = source_new();
	Conf__Config *file;
	struct texts texts;
	char *out = NULL, why[TEXTS_WHY];
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	texts_init(&texts);
	assert_true(texts_add(&texts, "pair.conf", text, length, why));
	file = read_text(&texts, source, &faults);
	texts_free(&texts);
	assert_non_null(file);
	faults_finish(&faults);
	for (size_t i = 0; i < faults.count; i++) {
		const struct conf_fault *fault = &faults.fault[i];

		if (!is_beside_the_point(fault))
			fprintf(stream, "%u:%u: %s\n", fault->line, fault->column, fault->text);
	}
	fclose(stream);
	conf__config__free_unpacked(file, NULL);
	conf_faults_free(&faults);
	source_free(source);
	return out;
}

static void run(const struct text *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *faults = read_faults(texts[i].text, strlen(texts[i].text));

		if (strcmp(faults, texts[i].faults) != 0)
			fail_msg("in:\n%s\nexpected:\n%s\nbut got:\n%s", texts[i].text,
				 texts[i].faults, faults);
		free(faults);
	}
}

static void grammar(void **state)
{
	static const struct text texts[] = {
		{ "", "" },
		{ "\n\n  \t\r\n;;;", "" },
		{ "# nothing but a comment", "" },
		{ "\xef\xbb\xbf"
		  "format 1",
		  "" },
		{ "format 1; pair x", "" },
		{ "format 1# comment\r\npair x\r\n", "" },
		{ "sync { port 1 }", "" },
		{ "sync\n{\nport 1\n}\n", "" },
		{ "sync { path a,\n\n  b,c\n port 5 }", "" },
		{ "sync{port 1}forwarding{xdp auto}", "" },
		{ "sync { path a , b }", "" },
		{ "profile p { service s { ports 2-5, 3-5, 2-4 } }", "" },
	};

	(void)state;
	run(texts, sizeof(texts) / sizeof(texts[0]));
}

static void syntax_faults(void **state)
{
	static const struct text texts[] = {
		{ "}", "1:1: unexpected \"}\"\n" },
		{ "{ a }", "1:1: unexpected \"{\"\n" },
		{ ", format 1", "1:1: unexpected \",\"\n" },
		{ "format", "1:7: format needs a value before end of file\n" },
		{ "format\n1", "1:7: format needs a value before end of line\n"
			       "2:1: unknown keyword \"1\" in the file\n" },
		{ "format ;", "1:8: format needs a value before \";\"\n" },
		{ "sync { port }", "1:13: port needs a value before \"}\"\n" },
		{ "format { 1 }\npair -",
		  "1:8: format needs a value before \"{\"\n"
		  "2:6: pair \"-\" does not begin with a letter or digit\n" },
		{ "format 1 { x }\npair -",
		  "1:10: format is not a block\n"
		  "2:6: pair \"-\" does not begin with a letter or digit\n" },
		{ "format 1, 1", "1:9: format takes one value: unexpected \",\"\n" },
		{ "format 1 2", "1:10: format takes one value: unexpected \"2\"\n" },
		{ "sync { path a b }", "1:15: path: write a comma between values, before \"b\"\n" },
		{ "sync { path a, }", "1:16: path needs a value before \"}\"\n" },
		{ "sync { path a,, b }", "1:15: path needs a value before \",\"\n" },
		{ "sync { path a, a }", "1:16: path has a twice\n" },
		{ "profile p { service s { ports 3-5, 3-5 } }", "1:36: ports has 3-5 twice\n" },
		{ "sync { port 1\n port 2 }", "2:2: port is already set in line 1\n" },
		{ "sync { path a\n path b }", "2:2: path is already set in line 1\n" },
		{ "sync { port x\n port 2 }", "1:13: port takes a whole number, not \"x\"\n"
					      "2:2: port is already set in line 1\n" },
		{ "sync { port 1 }\nsync { prot 2 }",
		  "2:1: sync is given twice, first in line 1; blocks are not merged\n"
		  "2:8: unknown keyword \"prot\" in sync; did you mean \"port\"?\n" },
		{ "sync", "1:5: sync needs \"{\" here\n" },
		{ "sync x { port 0 }", "1:6: sync needs \"{\" before \"x\"\n"
				       "1:15: port 0 is out of range: 1 to 65535\n" },
		{ "sync\n port 0\n}", "1:5: sync needs \"{\" here\n"
				      "2:7: port 0 is out of range: 1 to 65535\n" },
		{ "profile { }", "1:9: profile needs a name before \"{\"\n" },
		{ "profile a b { }", "1:11: profile needs \"{\" before \"b\"\n" },
		{ "profile a, b { }", "1:10: profile needs \"{\" before \",\"\n" },
		{ "profile a {\n service {",
		  "2:2: service needs \"ports\"\n"
		  "2:10: service needs a name before \"{\"\n"
		  "2:11: the file ends inside service, opened in line 2\n"
		  "2:11: the file ends inside profile \"a\", opened in line 1\n" },
	};

	(void)state;
	run(texts, sizeof(texts) / sizeof(texts[0]));
}

static void recovery(void **state)
{
	static const struct text texts[] = {
		/* An unknown block is one fault, whatever it holds. */
		{ "zzzzzz { a { b { c } } d }\nsync { port 0 }",
		  "1:1: unknown keyword \"zzzzzz\" in the file\n"
		  "2:13: port 0 is out of range: 1 to 65535\n" },
		{ "zzzzzz { a ", "1:1: unknown keyword \"zzzzzz\" in the file\n" },
		/* A misspelt one is read as what was meant. */
		{ "snyc { port 0 }", "1:1: unknown keyword \"snyc\" in the file; did you mean "
				     "\"sync\"?\n"
				     "1:13: port 0 is out of range: 1 to 65535\n" },
		{ "profile p { service s { prots 0; prots 1 } }",
		  "1:25: unknown keyword \"prots\" in service \"s\"; did you mean \"ports\"?\n"
		  "1:31: ports 0 is out of range: 1 to 65535\n"
		  "1:34: unknown keyword \"prots\" in service \"s\"; did you mean \"ports\"?\n" },
		/* A forgotten brace, and one that was not forgotten but misplaced. */
		{ "profile p {\n service s { ports 1\n service t { ports 2 }\n}\nsync { }",
		  "3:2: the \"}\" of service \"s\", opened in line 2, is missing before this "
		  "\"service\"\n" },
		{ "profile p {\n service s { ports 1\n service t { ports 2 } }\n}\nsync { }",
		  "3:2: the \"}\" of service \"s\", opened in line 2, is missing before this "
		  "\"service\"\n" },
		/* Only so many braces as were taken as forgotten are let pass. */
		{ "profile p {\n service s { ports 1\n service t { ports 2 } }\n}\n}",
		  "3:2: the \"}\" of service \"s\", opened in line 2, is missing before this "
		  "\"service\"\n5:1: unexpected \"}\"\n" },
		{ "profile p { service s { ports 1; check tcp {\nweb { listen 1.1.1.1:1 }",
		  "2:1: the \"}\" of check tcp, opened in line 1, is missing before this \"web\"\n"
		  "2:1: the \"}\" of service \"s\", opened in line 1, is missing before this "
		  "\"web\"\n"
		  "2:1: the \"}\" of profile \"p\", opened in line 1, is missing before this "
		  "\"web\"\n" },
		/* A word that is a value here and a block outside. */
		{ "node n {\n sync 1.1.1.1\nsync { port 0 }",
		  "1:1: node \"n\" needs \"address\"\n1:1: node \"n\" needs \"public-key\"\n"
		  "3:1: the \"}\" of node \"n\", opened in line 1, is missing before this "
		  "\"sync\"\n"
		  "3:13: port 0 is out of range: 1 to 65535\n" },
		/* The title is not a statement. */
		{ "profile p { name q }", "1:13: unknown keyword \"name\" in profile \"p\"\n" },
		{ "sync { vrid 1 }",
		  "1:8: unknown keyword \"vrid\" in sync; it belongs to vrrp\n" },
	};

	(void)state;
	run(texts, sizeof(texts) / sizeof(texts[0]));
}

static void bytes_that_do_not_belong(void **state)
{
	static const struct text texts[] = {
		{ "# caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "" },
		{ "# caf\xe9 \xe9\nformat 2",
		  "1:6: byte 0xe9 is not UTF-8\n"
		  "2:8: format 2 is not known to this version: write 1\n" },
		{ "# \xc0\xaf", "1:3: byte 0xc0 is not UTF-8\n" },
		{ "# \xed\xa0\x80", "1:3: byte 0xed is not UTF-8\n" },
		{ "# \xf4\x90\x80\x80", "1:3: byte 0xf4 is not UTF-8\n" },
		{ "# \xe2\x82", "1:3: byte 0xe2 is not UTF-8\n" },
		{ "# \x1b[31m", "1:3: control character 0x1b\n" },
		{ "pair caf\xc3\xa9", "1:9: character U+00E9 outside of a comment\n" },
		{ "pair\xc2\xa0x\nformat 1",
		  "1:5: no-break space U+00A0: write an ordinary space\n" },
		{ "pair x\x7f", "1:7: control character 0x7f\n" },
		/* Columns count characters, not bytes. */
		{ "sync { # \xe2\x82\xac\n}\n/**/ x",
		  "3:1: unknown keyword \"/**/\" in the file\n" },
	};
	static const char nul[] = "format 1\npair a\0b\nsync { port 0 }";
	char *faults;

	(void)state;
	run(texts, sizeof(texts) / sizeof(texts[0]));
	faults = read_faults(nul, sizeof(nul) - 1);
	assert_string_equal(faults, "2:7: control character 0x00\n"
				    "3:13: port 0 is out of range: 1 to 65535\n");
	free(faults);
}

static void long_words_and_deep_blocks(void **state)
{
	enum { DEPTH = 100000 };
	char word[400] = "pair ", *deep = malloc(2 * DEPTH + 1), *faults;

	(void)state;
	memset(word + 5, 'a', 300);
	faults = read_faults(word, strlen(word));
	assert_string_equal(faults, "1:6: word of 300 characters: at most 255 are allowed\n");
	free(faults);
	for (size_t i = 0; i < DEPTH; i++)
		memcpy(deep + 2 * i, "q{", 2);
	faults = read_faults(deep, 2 * DEPTH);
	assert_string_equal(faults, "1:1: unknown keyword \"q\" in the file\n");
	free(faults);
	free(deep);
}

/* A statement of each kind of value, in the block where it is at home. */
static void values(void **state)
{
	static const struct {
		const char *block, *statement, *fault; /* NULL: good */
	} cases[] = {
		{ "vrrp", "advert 10ms", NULL },
		{ "vrrp", "advert 40950ms", NULL },
		{ "vrrp", "advert 15ms", "advert 15ms is not a multiple of 10ms" },
		{ "vrrp", "advert 41s", "advert 41s is out of range: 10ms to 40950ms" },
		{ "vrrp", "advert 0s", "advert 0s is out of range: 10ms to 40950ms" },
		{ "vrrp", "advert 2", "advert 2 has no unit: write 2s or 2000ms" },
		{ "vrrp", "advert 100", "advert 100 has no unit: write 100ms" },
		{ "vrrp", "advert 99999999",
		  "advert 99999999 has no unit: write ms, s, min, h or d after the number" },
		{ "vrrp", "advert 1.5s",
		  "advert 1.5s has an unknown unit: write ms, s, min, h or d" },
		{ "vrrp", "advert fast",
		  "advert takes a time such as 250ms, 2s, 15min or 24h, not \"fast\"" },
		{ "vrrp", "advert 99999999999s",
		  "advert takes a time such as 250ms, 2s, 15min or 24h, not \"99999999999s\"" },
		{ "vrrp", "advert -1s",
		  "advert takes a time such as 250ms, 2s, 15min or 24h, not \"-1s\"" },
		{ "vrrp", "hold-after-boot 0s", NULL },
		{ "vrrp", "hold-after-boot 1h", NULL },
		{ "vrrp", "hold-after-boot 61m", "hold-after-boot 61m is out of range: 0s to 1h" },
		{ "vrrp", "vrid 0", "vrid 0 is out of range: 1 to 255" },
		{ "vrrp", "vrid 255", NULL },
		{ "vrrp", "vrid 256", "vrid 256 is out of range: 1 to 255" },
		{ "vrrp", "vrid 99999999999", "vrid 99999999999 is out of range: 1 to 255" },
		{ "vrrp", "vrid 0x10", "vrid takes a whole number, not \"0x10\"" },
		{ "vrrp", "vrid -1", "vrid takes a whole number, not \"-1\"" },
		{ "vrrp", "preempt true", "preempt is yes or no, not \"true\"" },
		{ "vrrp", "preempt YES", "preempt is yes or no, not \"YES\"" },
		{ "vrrp", "interface eth0.100", NULL },
		{ "vrrp", "interface enp0s31f6abcdefg",
		  "interface \"enp0s31f6abcdefg\" is longer than the 15 characters of an "
		  "interface" },
		{ "vrrp", "interface a/b", "interface \"a/b\" is not the name of an interface" },
		{ "vrrp", "interface ..", "interface \"..\" is not the name of an interface" },
		{ "sync", "rekey 24h", NULL },
		{ "sync", "rekey 2d", "rekey 2d is out of range: 1s to 24h" },
		{ "forwarding", "xdp native", NULL },
		{ "forwarding", "xdp nativ",
		  "xdp \"nativ\" is not known; did you mean \"native\"?" },
		{ "forwarding", "xdp NATIVE",
		  "xdp \"NATIVE\" is not known; there are: auto, native, generic" },
		{ "forwarding", "flows 15", "flows 15 is out of range: 16 to 16777216" },
		{ "node n", "address 10.0.0.1", NULL },
		{ "node n", "address 2001:db8::1", NULL },
		{ "node n", "address fe80::1, 10.0.0.1", NULL },
		{ "node n", "address 10.0.0",
		  "address takes an IPv4 or IPv6 address, not \"10.0.0\"" },
		{ "node n", "address 10.0.0.1/24",
		  "address takes an IPv4 or IPv6 address, not \"10.0.0.1/24\"" },
		{ "node n", "address fe80::1%eth0",
		  "address takes an IPv4 or IPv6 address, not \"fe80::1%eth0\"" },
		{ "node n", "address ::1", "address ::1 is a loopback address" },
		{ "node n", "address ff02::12", "address ff02::12 is not an address of a host" },
		{ "node n", "address 0.0.0.0", "address 0.0.0.0 is not an address of a host" },
		{ "node n", "address 224.0.0.18",
		  "address 224.0.0.18 is not an address of a host" },
		{ "node n", "address 127.0.0.1", "address 127.0.0.1 is a loopback address" },
		{ "node n", "sync 127.0.0.1", NULL },
		{ "node n", "sync ::1", NULL },
		{ "node n", "sync fd00:77::1", NULL },
		{ "node n", "sync ff02::1", "sync ff02::1 is not an address of a host" },
		{ "array a", "vip 10.0.0.1, 2001:db8::1", NULL },
		{ "array a", "vip 2001:db8::1", NULL },
		{ "array a", "vip fd00::ffff:0a00:1", NULL },
		{ "array a", "vip 10.0.0", "vip takes an IPv4 or IPv6 address, not \"10.0.0\"" },
		{ "array a", "vip 2001:db8::1/64",
		  "vip takes an IPv4 or IPv6 address, not \"2001:db8::1/64\"" },
		{ "array a", "vip fe80::1%eth0",
		  "vip takes an IPv4 or IPv6 address, not \"fe80::1%eth0\"" },
		{ "array a", "vip ::ffff:10.0.0.1",
		  "vip takes an IPv4 or IPv6 address, not \"::ffff:10.0.0.1\"" },
		{ "array a", "vip ::1", "vip ::1 is a loopback address" },
		{ "array a", "vip 127.0.0.1", "vip 127.0.0.1 is a loopback address" },
		{ "array a", "vip ::", "vip :: is not an address of a host" },
		{ "array a", "vip ::10.0.0.1", "vip ::10.0.0.1 is not an address of a host" },
		{ "array a", "vip 255.255.255.255",
		  "vip 255.255.255.255 is not an address of a host" },
		{ "array a", "gateway fe80::1", "gateway fe80::1 is a link-local address" },
		{ "array a", "gateway febf::1", "gateway febf::1 is a link-local address" },
		{ "array a", "gateway 169.254.0.1", "gateway 169.254.0.1 is a link-local address" },
		{ "array a", "gateway ff02::1", "gateway ff02::1 is not an address of a host" },
		{ "array a { vip 1.1.1.1; member m", "address ff0e::1",
		  "address ff0e::1 is not an address of a host" },
		{ "array a { vip 1.1.1.1; member m", "address 10.0.0.1, 10.0.0.1",
		  "address has 10.0.0.1 twice" },
		{ "node n", "public-key csk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aA",
		  "public-key is given a secret key: it must never stand in this file; make a new "
		  "one with pairctl keygen" },
		{ "node n", "public-key cpk1_",
		  "public-key takes a key as pairctl keygen prints it (cpk1_ and 43 characters), "
		  "not "
		  "\"cpk1_\"" },
		{ "node n", "public-key cpk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aAA",
		  "public-key takes a key as pairctl keygen prints it (cpk1_ and 43 characters), "
		  "not "
		  "\"cpk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aAA\"" },
		{ "web", "listen 127.0.0.1:80", NULL },
		{ "web", "listen [::1]:80", NULL },
		{ "web", "listen ::1:80", "listen takes ADDRESS:PORT, not \"::1:80\"" },
		{ "web", "listen :80", "listen takes ADDRESS:PORT, not \":80\"" },
		{ "web", "listen 1.2.3.4:", "listen takes ADDRESS:PORT, not \"1.2.3.4:\"" },
		{ "web", "listen 1.2.3.4:65536", "listen port 65536 is out of range: 1 to 65535" },
		{ "web", "metrics metrics",
		  "metrics takes a path that begins with \"/\", not \"metrics\"" },
		{ "array a", "fqdn outlook.mel.example.com", NULL },
		{ "array a", "fqdn outlook", NULL },
		{ "array a", "fqdn 10.0.0.1", "fqdn takes a DNS name, not \"10.0.0.1\"" },
		{ "array a", "fqdn a..b", "fqdn \"a..b\" is not a DNS name" },
		{ "array a", "fqdn -a.b", "fqdn \"-a.b\" is not a DNS name" },
		{ "array a", "fqdn a-.b", "fqdn \"a-.b\" is not a DNS name" },
		{ "array a", "fqdn a_b", "fqdn \"a_b\" is not a DNS name" },
		{ "array a", "use _x", "use \"_x\" does not begin with a letter or digit" },
		{ "array a", "use a/b",
		  "use \"a/b\" has the character '/': letters, digits and . _ - make a name" },
		{ "array a { vip 1.1.1.1; service s", "ports 1-65535", NULL },
		{ "array a { vip 1.1.1.1; service s", "ports 0",
		  "ports 0 is out of range: 1 to 65535" },
		{ "array a { vip 1.1.1.1; service s", "ports 9-8",
		  "ports 9-8 ends before it begins" },
		{ "array a { vip 1.1.1.1; service s", "ports 1-",
		  "ports takes ports such as 443 or 6005-59530, not \"1-\"" },
		{ "array a { vip 1.1.1.1; service s", "ports http",
		  "ports takes ports such as 443 or 6005-59530, not \"http\"" },
		{ "array a { vip 1.1.1.1; service s { ports 1; check rpc-epm",
		  "interface rpc-client-access, address-book", NULL },
		{ "array a { vip 1.1.1.1; service s { ports 1; check rpc-epm",
		  "interface addressbook",
		  "interface \"addressbook\" is not known; did you mean \"address-book\"?" },
		{ "array a { vip 1.1.1.1; service s { ports 1; check rpc-epm", "interface zz",
		  "interface \"zz\" is not known; there are: rpc-client-access, address-book, "
		  "UUID/VERSION" },
		{ "array a { vip 1.1.1.1; service s { ports 1; check rpc-epm",
		  "interface 12345778-1234-abcd-ef00-0123456789ac/1.0, address-book", NULL },
		{ "array a { vip 1.1.1.1; member m", "weight 1001",
		  "weight 1001 is out of range: 1 to 1000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512], expected[400] = "";
		char *faults, *found;

		snprintf(text, sizeof(text), "%s {\n%s\n}", cases[i].block, cases[i].statement);
		if (cases[i].fault)
			snprintf(expected, sizeof(expected), ": %s\n", cases[i].fault);
		faults = read_faults(text, strlen(text));
		found = strncmp(faults, "2:", 2) == 0 ? faults : strstr(faults, "\n2:");
		/* The value's line: there is just this fault, or none. */
		if (cases[i].fault ? !found || !strstr(found, expected) : found != NULL)
			fail_msg("%s\nexpected%s\nbut got:\n%s", text, expected, faults);
		free(faults);
	}
}

static void lists_have_an_end(void **state)
{
	char *text = NULL, *faults;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fprintf(out, "sync { path eth0");
	for (unsigned int i = 1; i < 20; i++)
		fprintf(out, ",\neth%u", i);
	fprintf(out, "\n}");
	fclose(out);
	faults = read_faults(text, size);
	assert_string_equal(faults, "17:1: path takes at most 16 values\n");
	free(faults);
	free(text);
}

/* Faults without end cost memory without end: the text of the later ones is not kept. */
static void faults_have_an_end(void **state)
{
	enum { LINES = 3 * FAULT_MAX };
	char *text = malloc(3 * LINES), *printed = NULL;
	struct conf_faults faults;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	for (size_t i = 0; i < LINES; i++)
		memcpy(text + 3 * i, "zz\n", 3);
	assert_null(conf_read(text, 3 * LINES, &faults));
	assert_int_equal(faults.count, FAULT_MAX);
	assert_true(faults.errors >= LINES);
	conf_faults_print(&faults, "x", out);
	fclose(out);
	assert_non_null(strstr(printed, "more faults are not shown\n"));
	conf_faults_free(&faults);
	free(printed);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grammar),
		cmocka_unit_test(syntax_faults),
		cmocka_unit_test(recovery),
		cmocka_unit_test(bytes_that_do_not_belong),
		cmocka_unit_test(long_words_and_deep_blocks),
		cmocka_unit_test(values),
		cmocka_unit_test(lists_have_an_end),
		cmocka_unit_test(faults_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
