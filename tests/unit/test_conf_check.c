// SPDX-License-Identifier: BSD-2-Clause
/* The checks across blocks: a good file, one edit, and the faults that the edit must give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "proto/flow_limits.h"

#define KEY_A "cpk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aA"
#define KEY_B "cpk1_b_Oy6CPSDzOknWiSPe4LiP09a1vw-QRnfRvdACPjtoc"

static const char good[] =
	"format 1; pair p\n"                                                         /* 1 */
	"node a { address 10.0.0.1; sync 10.1.0.1; public-key " KEY_A " }\n"         /* 2 */
	"node b { address 10.0.0.2; sync 10.1.0.2; public-key " KEY_B " }\n"         /* 3 */
	"vrrp { interface eth0; vrid 7 }\n"                                          /* 4 */
	"sync { path eth1 }\n"                                                       /* 5 */
	"profile mail {\n"                                                           /* 6 */
	"service map { ports 135; affinity-group rpc; check tcp { interval 2s } }\n" /* 7 */
	"service dyn { ports 6000-7000; affinity-group rpc; follow map }\n"          /* 8 */
	"service web { ports 443; affinity-group web; affinity-timeout 1h }\n"       /* 9 */
	"}\n"                                                                        /* 10 */
	"array one {\n"                                                              /* 11 */
	"vip 10.0.0.10; gateway 10.2.0.1; use mail\n"                                /* 12 */
	"service smtp { ports 25 }\n"                                                /* 13 */
	"member x { address 10.2.0.11 }\n"                                           /* 14 */
	"member y { address 10.2.0.12 }\n"                                           /* 15 */
	"}\n"                                                                        /* 16 */
	"array two { vip 10.0.0.20; gateway 10.2.0.1; use mail\n"                    /* 17 */
	"member x { address 10.2.0.21 } }\n";                                        /* 18 */

struct edit {
	const char *from, *to;
	const char *faults; /* as printed, without a name; "" when the file must stay clean */
};

static char *apply(const struct edit *edit)
{
	const char *at = strstr(good, edit->from);
	size_t size = sizeof(good) + strlen(edit->to);
	char *text = malloc(size);

	if (!at)
		fail_msg("the good file has no \"%s\"", edit->from);
	snprintf(text, size, "%.*s%s%s", (int)(at - good), good, edit->to, at + strlen(edit->from));
	return text;
}

static char *print(const struct conf_faults *faults)
{
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	for (size_t i = 0; i < faults->count; i++) {
		const struct conf_fault *fault = &faults->fault[i];

		fprintf(stream, "%u:%u: %s%s\n", fault->line, fault->column,
			fault->severity == CONF_WARNING ? "warning: " : "", fault->text);
	}
	fclose(stream);
	return out;
}

static bool has_faults(const char *text, const char *expected)
{
	struct conf_faults faults;
	struct conf *conf = conf_read(text, strlen(text), &faults);
	char *printed = print(&faults);
	bool same = strcmp(printed, expected) == 0;

	if (!same)
		print_error("expected:\n%s\nbut got:\n%s", expected, printed);
	assert_int_equal(conf != NULL, faults.errors == 0);
	conf_free(conf);
	conf_faults_free(&faults);
	free(printed);
	return same;
}

/* Tries them all before it fails: one shift of a line would otherwise take many runs to repair. */
static void run(const struct edit *edits, size_t count)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < count; i++) {
		char *text = apply(&edits[i]);

		if (!has_faults(text, edits[i].faults)) {
			print_error("with \"%s\" for \"%s\"\n", edits[i].to, edits[i].from);
			wrong++;
		}
		free(text);
	}
	assert_int_equal(wrong, 0);
}

static void the_good_file_is_good(void **state)
{
	static const struct edit none = { "pair p", "pair p", "" };

	(void)state;
	run(&none, 1);
}

#define SIGN_A "cvk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aA"
#define SIGN_B "cvk1_b_Oy6CPSDzOknWiSPe4LiP09a1vw-QRnfRvdACPjtoc"

static void signers(void **state)
{
	static const struct edit edits[] = {
		{ "vrrp {", "operator anna { signing-key " SIGN_A " }; vrrp {", "" },
		{ "vrrp {", "operator anna { }; vrrp {",
		  "4:1: operator \"anna\" needs \"signing-key\"\n" },
		{ "vrrp {",
		  "operator anna { signing-key " SIGN_A " }; operator anna { signing-key " SIGN_B
		  " }; vrrp {",
		  "4:90: operator \"anna\" is already defined in line 4\n" },
		{ "vrrp {",
		  "operator anna { signing-key " SIGN_A " }; operator bert { signing-key " SIGN_A
		  " }; vrrp {",
		  "4:109: signing-key is the same as that of operator anna (line 4)\n" },
		{ "vrrp {",
		  "operator anna { signing-key " SIGN_A
		  " }; require-operator-signature yes; vrrp {",
		  "" },
		{ "vrrp {", "require-operator-signature yes; vrrp {",
		  "4:28: require-operator-signature without any operator: nothing could be pushed "
		  "any more; make a key with pairctl keygen --operator NAME FILE\n" },
		{ "node a {", "node a { signing-key " SIGN_A ";",
		  "3:1: warning: node b has no signing-key: it cannot sign what is pushed on it; "
		  "run there: pairctl keygen --show\n" },
		{ "node a {", "node a { signing-key csk1_x;",
		  "2:22: signing-key is given a secret key: it must never stand in this file; "
		  "make a new one with pairctl keygen\n" },
		{ "node a {", "node a { signing-key " KEY_A ";",
		  "2:22: signing-key takes a key as pairctl keygen prints it (cvk1_ and 43 "
		  "characters), not \"" KEY_A "\"\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

static void nodes(void **state)
{
	static const struct edit edits[] = {
		{ "node b {", "node a {", "3:6: node \"a\" is already defined in line 2\n" },
		{ "node b { address 10.0.0.2; sync 10.1.0.2; public-key " KEY_B " }", "",
		  "0:0: a pair needs two node blocks; there is one\n" },
		{ "vrrp {",
		  "node c { address 10.0.0.3; sync 10.1.0.3; public-key " KEY_A " } vrrp {",
		  "4:6: a pair has two nodes; this is one too many\n" },
		{ KEY_B, KEY_A,
		  "3:54: public-key is the same as the other node's public-key (line 2)\n" },
		{ KEY_B, KEY_B "; next-public-key " KEY_B,
		  "3:120: next-public-key is the same as this node's public-key (line 3)\n" },
		{ KEY_B, KEY_B "; next-public-key " KEY_A,
		  "3:120: next-public-key is the same as the other node's public-key (line 2)\n" },
		{ "node b {", "node b { priority 254;",
		  "3:19: priority 254 is the same as the other node's default\n" },
		{ "node a {", "node a { priority 253;",
		  "2:19: priority 253 is the same as the other node's default\n" },
		{ "node a {", "node a { priority 100;", "" },
		{ "address 10.0.0.2", "address 2001:db8::2",
		  "2:18: address: node \"a\" needs an IPv6 address too, since node \"b\" has one "
		  "(line 3)\n"
		  "3:18: address: node \"b\" needs an IPv4 address too, since node \"a\" has one "
		  "(line 2)\n" },
		{ "address 10.0.0.2", "address 10.0.0.2, 10.0.0.3",
		  "3:28: address has two IPv4 addresses, 10.0.0.2 and 10.0.0.3: there may be one "
		  "of "
		  "each family\n" },
		{ "sync 10.1.0.2", "sync fd00::2", "" },
		{ "address 10.0.0.2", "address 10.0.0.1",
		  "3:18: address 10.0.0.1 is already the address of node \"a\" (line 2)\n" },
		{ "sync 10.1.0.2", "sync 10.1.0.1",
		  "3:33: sync 10.1.0.1 is already the sync address of node \"a\" (line 2)\n" },
		{ "sync 10.1.0.2", "sync 10.0.0.1",
		  "3:33: sync 10.0.0.1 is already the address of node \"a\" (line 2)\n" },
		/* One network for everything is allowed. */
		{ "sync 10.1.0.2", "sync 10.0.0.2", "" },
		{ "vrrp { interface eth0; vrid 7 }", "", "0:0: the file needs a vrrp block\n" },
		{ "vrid 7", "", "4:1: vrrp needs \"vrid\"\n" },
		{ "format 1;", "", "0:0: the file needs \"format\"\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

static void addresses(void **state)
{
	static const struct edit edits[] = {
		{ "vip 10.0.0.20", "vip 10.0.0.10",
		  "17:17: vip 10.0.0.10 is already the vip of array \"one\" (line 12)\n" },
		{ "vip 10.0.0.20", "vip 10.0.0.2",
		  "17:17: vip 10.0.0.2 is already the address of node \"b\" (line 3)\n" },
		{ "vip 10.0.0.20", "vip 10.1.0.2",
		  "17:17: vip 10.1.0.2 is already the sync address of node \"b\" (line 3)\n" },
		{ "vip 10.0.0.20", "vip 10.2.0.12",
		  "17:17: vip 10.2.0.12 is already the address of member \"y\" (line 15)\n" },
		{ "vip 10.0.0.20; gateway 10.2.0.1", "vip 10.0.0.20; gateway 10.0.0.20",
		  "17:36: gateway 10.0.0.20 is already the vip of array \"two\" (line 17)\n" },
		{ "vip 10.0.0.20; gateway 10.2.0.1", "vip 10.0.0.20; gateway 10.2.0.11",
		  "17:36: gateway 10.2.0.11 is already the address of member \"x\" (line 14)\n" },
		{ "10.2.0.12", "10.2.0.11",
		  "15:20: address 10.2.0.11 is already the address of member \"x\" (line 14)\n" },
		{ "10.2.0.21", "10.2.0.11",
		  "18:20: address 10.2.0.11 is already the address of member \"x\" (line 14); a "
		  "server can be in one array only\n" },
		{ "10.2.0.21", "10.0.0.1",
		  "18:20: address 10.0.0.1 is already the address of node \"a\" (line 2)\n" },
		{ "10.2.0.21", "10.2.0.1",
		  "18:20: address 10.2.0.1 is already the gateway of array \"one\" (line 12)\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

/* The good file's arrays are of IPv4. */
static void families(void **state)
{
	static const char member[] = "member x { address 10.2.0.21 } }";
	const struct edit edits[] = {
		{ "vip 10.0.0.20; gateway 10.2.0.1; use mail\nmember x { address 10.2.0.21 }",
		  "vip 10.0.0.20, 2001:db8::20; gateway 10.2.0.1, 2001:db8:2::1; use mail\n"
		  "member x { address 2001:db8:2::21, 10.2.0.21 }",
		  "" },
		{ "vip 10.0.0.20; gateway 10.2.0.1; use mail\nmember x { address 10.2.0.21 }",
		  "vip 2001:db8::20; gateway 2001:db8:2::1; use mail\n"
		  "member x { address 2001:db8:2::21 }",
		  "" },
		{ "vip 10.0.0.20", "vip 10.0.0.20, 10.0.0.21",
		  "17:28: vip has two IPv4 addresses, 10.0.0.20 and 10.0.0.21: there may be one of "
		  "each family\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "gateway 10.2.0.1, 10.2.0.2; use mail\nmember",
		  "17:46: gateway has two IPv4 addresses, 10.2.0.1 and 10.2.0.2: there may be one "
		  "of each family\n" },
		{ member, "member x { address 10.2.0.21, 10.2.0.22 } }",
		  "18:31: address has two IPv4 addresses, 10.2.0.21 and 10.2.0.22: there may be "
		  "one of each family\n" },
		{ "vip 10.0.0.20; gateway 10.2.0.1; use mail\nmember x { address 10.2.0.21 }",
		  "vip 2001:db8::20, 2001:DB8::21; use mail\nmember x { address 2001:db8:2::21 }",
		  "17:31: vip has two IPv6 addresses, 2001:db8::20 and 2001:DB8::21: there may be "
		  "one of each family\n" },
		/* Every member serves both, or the array does not. */
		{ "vip 10.0.0.20", "vip 10.0.0.20, 2001:db8::20",
		  "18:20: address: member \"x\" needs an IPv6 address too, since its array has the "
		  "vip 2001:db8::20 (line 17)\n" },
		{ member, "member x { address 2001:db8:2::21 } }",
		  "18:20: address: member \"x\" needs an IPv4 address too, since its array has the "
		  "vip 10.0.0.20 (line 17)\n" },
		{ member, "member x { address 2001:db8:2::21, 10.2.0.21 } }",
		  "18:20: warning: address 2001:db8:2::21 is not used: the array has no IPv6 "
		  "vip\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "gateway 10.2.0.1, 2001:db8:2::1; use mail\nmember",
		  "17:36: gateway 2001:db8:2::1 is of no use: the array has no IPv6 vip\n" },
		/* An address has one use in either family, however it is spelt. */
		{ "vip 10.0.0.20; gateway 10.2.0.1; use mail\nmember x { address 10.2.0.21 }",
		  "vip 10.0.0.20, 2001:db8::20; gateway 10.2.0.1; use mail\n"
		  "member x { address 10.2.0.21, 2001:DB8:0::20 }",
		  "18:31: address 2001:db8::20 is already the vip of array \"two\" (line 17)\n" },
		{ member,
		  "member x { address 10.2.0.21, 2001:db8::1 }\n"
		  "member z { address 10.2.0.22, 2001:db8::1 } }",
		  "18:20: warning: address 2001:db8::1 is not used: the array has no IPv6 vip "
		  "(also "
		  "in line 19)\n"
		  "19:31: address 2001:db8::1 is already the address of member \"x\" (line 18)\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

static void modes(void **state)
{
	static const struct edit edits[] = {
		{ "gateway 10.2.0.1; use mail\nmember", "mode dsr; use mail\nmember", "" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "mode snat; snat-pool 10.2.0.200-10.2.0.203, 10.2.0.210; use mail\nmember", "" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "gateway 10.2.0.1; snat-pool 10.2.0.200; use mail\nmember", "" },
		{ "gateway 10.2.0.1; use mail\nmember", "mode bridge; use mail\nmember",
		  "17:33: mode \"bridge\" is not known; there are: nat, dsr, snat\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "mode dsr; gateway 10.2.0.1; use mail\nmember",
		  "17:46: warning: gateway in mode dsr serves only sessions that began in mode "
		  "nat\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "mode snat; snat-pool 10.2.0.200; gateway 10.2.0.1; use mail\nmember",
		  "17:69: warning: gateway in mode snat serves only sessions that began in mode "
		  "nat\n" },
		{ "gateway 10.2.0.1; use mail\nmember", "mode snat; use mail\nmember",
		  "17:33: mode snat needs a snat-pool with an IPv4 address too, since the array "
		  "has "
		  "the vip 10.0.0.20\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "gateway 10.2.0.1; snat-pool 2001:db8::1; use mail\nmember",
		  "17:56: snat-pool has IPv6 addresses, but the array has no IPv6 vip\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "mode dsr; snat-pool 10.2.0.200; use mail\nmember",
		  "17:48: warning: snat-pool in mode dsr serves only sessions that began in "
		  "another mode\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "gateway 10.2.0.1; snat-pool 10.2.0.210-10.2.0.200; use mail\nmember",
		  "17:56: snat-pool 10.2.0.210-10.2.0.200 ends before it begins\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "gateway 10.2.0.1; snat-pool 10.2.0.200-10.2.1.200; use mail\nmember",
		  "17:56: snat-pool 10.2.0.200-10.2.1.200 has 257 addresses: 16 of a family are "
		  "the "
		  "most\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "gateway 10.2.0.1; snat-pool 10.2.0.200-10.2.0.208, 10.2.0.100-10.2.0.108; use "
		  "mail\nmember",
		  "17:56: snat-pool has 18 IPv4 addresses: an array can use 16 of a family\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "gateway 10.2.0.1; snat-pool 10.2.0.9-10.2.0.12; use mail\nmember",
		  "17:56: snat-pool 10.2.0.11 is already the address of member \"x\" (line 14)\n"
		  "17:56: snat-pool 10.2.0.12 is already the address of member \"y\" (line 15)\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "gateway 10.2.0.1; snat-pool 10.2.0.200, 10.2.0.199-10.2.0.201; use mail\nmember",
		  "17:68: snat-pool 10.2.0.200 is already in the snat-pool of array \"two\" (line "
		  "17)\n" },
		{ "gateway 10.2.0.1; use mail\nmember",
		  "gateway 10.2.0.1; snat-pool 10.2.0.0/24; use mail\nmember",
		  "17:56: snat-pool takes an address or a range such as 10.30.0.200-10.30.0.207, "
		  "not \"10.2.0.0/24\"\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

static void arrays(void **state)
{
	static const struct edit edits[] = {
		{ "array two", "array one", "17:7: array \"one\" is already defined in line 11\n" },
		{ "member y", "member x", "15:8: member \"x\" is already defined in line 14\n" },
		{ "member x { address 10.2.0.21 }", "", "17:7: array \"two\" has no member\n" },
		{ "gateway 10.2.0.1; use mail\nmember", "\nmember",
		  "17:7: array \"two\" has no service: use a profile or write one\n" },
		{ "use mail\nservice", "use mall\nservice",
		  "12:38: use: there is no profile \"mall\"; did you mean \"mail\"?\n" },
		/* A bad word was meant as a profile: no second fault about missing services. */
		{ "gateway 10.2.0.1; use mail\nmember", "use /\nmember",
		  "17:32: use \"/\" does not begin with a letter or digit\n" },
		{ "service smtp", "service web",
		  "13:9: service \"web\" is in the profile already (line 9)\n" },
		{ "address 10.2.0.12", "", "15:1: member \"y\" needs \"address\"\n" },
		{ "array two { vip 10.0.0.20",
		  "array two { vip 10.0.0.20; fqdn A.example } "
		  "array three { fqdn a.Example; vip 10.0.0.30",
		  "17:7: array \"two\" has no member\n"
		  "17:7: array \"two\" has no service: use a profile or write one\n"
		  "17:64: warning: fqdn a.Example is also that of array \"two\" (line 17)\n" },
		/* The names that clients outside use are not the array's, whoever has them. */
		{ "array two { vip 10.0.0.20",
		  "array two { vip 10.0.0.20; fqdn a.example; outlook-anywhere A.Example",
		  "17:33: warning: fqdn a.example is the outlook-anywhere name of array \"two\" "
		  "(line 17): clients outside would wait for it before they use HTTPS; give the "
		  "array a name of its own\n" },
		{ "array two { vip 10.0.0.20",
		  "array two { vip 10.0.0.20; fqdn a.example; outlook-anywhere mail.example", "" },
		/* Who is asked for the names. */
		{ "pair p", "pair p; resolve-inside 10.9.9.1; resolve-outside 10.9.9.2",
		  "1:34: resolvers are asked for the fqdn of arrays, but no array has one\n" },
		{ "pair p", "pair p; resolve-interval 5s",
		  "1:36: resolve-interval needs resolve-inside or resolve-outside\n" },
		{ "array two { vip 10.0.0.20",
		  "resolve-inside 10.9.9.1, 2001:db8::1, 2001:db8:0::1; "
		  "resolve-outside 10.9.9.2, 10.9.9.1; array two { vip 10.0.0.20; fqdn a.example",
		  "17:39: 2001:db8:0::1 is in this list twice\n"
		  "17:80: 10.9.9.1 is in resolve-inside already\n" },
		{ "array two { vip 10.0.0.20",
		  "resolve-inside 10.9.9.1; resolve-outside 10.9.9.2; resolve-interval 5s; "
		  "array two { vip 10.0.0.20; fqdn a.example", "" },
		{ "array two { vip 10.0.0.20",
		  "array two { vip 10.0.0.20; site Mel } array three { site mel; vip 10.0.0.30",
		  "17:7: array \"two\" has no member\n"
		  "17:7: array \"two\" has no service: use a profile or write one\n"
		  "17:58: warning: site mel has array \"two\" already (line 17): Exchange knows "
		  "one "
		  "for a site\n" },
		{ "member x { address 10.2.0.21 }",
		  "site mel; member x { address 10.2.0.21; site Mel } "
		  "member y { address 10.2.0.22; site syd }",
		  "18:87: warning: member \"y\" is in site syd, and array \"two\" in mel: the "
		  "members of an array are in one site; give the other one an array of its own\n" },
		{ "member x { address 10.2.0.21 }", "member x { address 10.2.0.21; backup yes }",
		  "17:7: warning: all members of array \"two\" are backup: they serve as if none "
		  "was\n" },
		{ "profile mail", "profile other { service s { ports 1 } }\nprofile mail",
		  "6:9: warning: profile \"other\" is not used by any array\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

static void services(void **state)
{
	static const struct edit edits[] = {
		{ "ports 443;", "ports 443; max-flows-per-source 100; max-new-per-source 20;", "" },
		{ "ports 25 }", "ports 25; max-new-per-source 20 }", "" },
		{ "ports 25 }", "ports 25; max-flows-per-source 20 }",
		  "13:47: max-flows-per-source needs an affinity-group, in which a client's flows "
		  "are counted\n" },
		{ "ports 25 }", "ports 25; require-encryption yes }",
		  "13:45: require-encryption needs \"inspect rpc\" in the same service\n" },
		{ "ports 25 }", "ports 25; inspect rpc; require-encryption yes }", "" },
		{ "ports 25 }", "ports 25; max-new-per-source 1000001 }",
		  "13:45: max-new-per-source 1000001 is out of range: 0 to 1000000\n" },
		{ "ports 25", "ports 25, 20-30", "13:26: ports: port 25 is in this list twice\n" },
		{ "ports 25", "ports 25, 443",
		  "13:26: ports: port 443 belongs to service \"web\" already (line 9)\n" },
		{ "ports 25", "ports 1-65535",
		  "13:22: ports: port 135 belongs to service \"map\" already (line 7)\n"
		  "13:22: warning: service \"smtp\" has neither check nor follow: of the whole "
		  "range "
		  "only port 1 is probed\n" },
		/* In a profile that two arrays use: named once, in the profile. */
		{ "ports 443", "ports 6500",
		  "9:21: ports: port 6500 belongs to service \"dyn\" already (line 8)\n" },
		{ "service web", "service dyn",
		  "9:9: service \"dyn\" is already defined in line 8\n" },
		{ "follow map", "follow dyn", "8:59: follow: a service cannot follow itself\n" },
		{ "follow map", "follow mpa",
		  "8:59: follow: there is no service \"mpa\" here; did you mean \"map\"?\n" },
		{ "follow map", "follow web",
		  "8:59: follow: \"web\" (line 9) is not in the same affinity-group\n" },
		{ "affinity-group web;", "affinity-group rpc; follow dyn;",
		  "9:53: follow: \"dyn\" has no probe either, it follows \"map\" (line 8)\n" },
		/* An array's own service may follow its profile's. */
		{ "ports 25", "ports 25; affinity-group rpc; follow map", "" },
		{ "ports 25", "ports 25; affinity-group rpc; follow smtp",
		  "13:53: follow: a service cannot follow itself\n" },
		{ "follow map", "follow map; check tcp { }",
		  "8:70: a service that follows another (line 8) has no check of its own\n"
		  "8:70: warning: check tcp without port: of the whole range only port 6000 is "
		  "probed\n" },
		{ "follow map", "follow map; affinity-timeout 2h", "" },
		{ "affinity-group rpc; check", "affinity-group web; affinity-timeout 2h; check",
		  "8:59: follow: \"map\" (line 7) is not in the same affinity-group\n"
		  "9:63: affinity-timeout differs from that of service \"map\" (line 7) in the "
		  "same "
		  "affinity-group \"web\"; give it once\n" },
		{ "ports 25", "ports 25; affinity-group web; affinity-timeout 2h",
		  "13:63: affinity-timeout differs from that of service \"web\" (line 9) in the "
		  "same "
		  "affinity-group \"web\"; give it once\n" },
		{ "ports 25", "ports 25; affinity-group web; affinity-timeout 60min", "" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

static void probes(void **state)
{
	static const struct edit edits[] = {
		{ "interval 2s", "interval 2s; timeout 2001ms",
		  "7:79: timeout 2001ms is longer than the interval of 2000ms\n" },
		{ "interval 2s", "interval 2s; timeout 2s", "" },
		{ "interval 2s", "interval 100ms", "" },
		{ "interval 2s", "port 99; fall 1; rise 1", "" },
		{ "follow map", "follow map; pinholes learned",
		  "8:73: pinholes learned: no service here has a check rpc-epm that learns "
		  "ports\n" },
		{ "follow map", "follow map; pinholes configured", "" },
		{ "interval 2s", "status 200", "7:65: status means nothing to check tcp\n" },
		{ "interval 2s", "interface address-book",
		  "7:68: interface means nothing to check tcp\n" },
		{ "interval 2s", "verify-tls yes",
		  "7:69: verify-tls means nothing to check tcp\n" },
		{ "interval 2s", "silent-syns 5",
		  "7:70: silent-syns means nothing to check tcp\n" },
		{ "check tcp { interval 2s }", "check passive { port 1 }",
		  "7:52: warning: check passive stands alone: port 1 is probed by TCP as well\n"
		  "7:67: port means nothing to check passive\n" },
		{ "check tcp { interval 2s }", "check tcp { }; check passive { silent-syns 9 }",
		  "" },
		{ "check tcp", "check rpc-epm", "" },
		{ "check tcp", "check smtp", "" },
		{ "check tcp", "check imap", "" },
		{ "check tcp", "check pop3", "" },
		{ "check tcp", "check http", "" },
		{ "interval 2s", "warn-latency 5ms", "" },
		{ "interval 2s", "recheck 100ms", "" },
		{ "interval 2s", "vip-check no", "" },
		{ "check tcp { interval 2s }", "check passive { vip-check no }",
		  "7:52: warning: check passive stands alone: port 135 is probed by TCP as well\n"
		  "7:72: vip-check means nothing to check passive\n" },
		{ "interval 2s", "host a.example.com", "7:63: host means nothing to check tcp\n" },
		{ "interval 2s", "ca-file /a", "7:66: ca-file means nothing to check tcp\n" },
		{ "check tcp { interval 2s }", "check ping { }",
		  "7:52: warning: check ping tells that the machine runs, not that the service "
		  "does\n" },
		{ "check tcp { interval 2s }", "check ping { }; check tcp { }", "" },
		{ "check tcp { interval 2s }", "check ping { port 1 }",
		  "7:52: warning: check ping tells that the machine runs, not that the service "
		  "does\n7:64: port means nothing to check ping\n" },
		{ "check tcp { interval 2s }", "check pop3s { verify-tls no }", "" },
		{ "check tcp { interval 2s }", "check imaps { host a.example.com; ca-file /a }",
		  "" },
		{ "check tcp { interval 2s }", "check imaps { }",
		  "7:52: the certificate is verified against a name: array \"one\" needs an "
		  "fqdn, the check a host, or verify-tls no\n"
		  "7:52: the certificate is verified against a name: array \"two\" needs an "
		  "fqdn, the check a host, or verify-tls no\n" },
		{ "check tcp { interval 2s }", "check imaps { ca-file /a; verify-tls no }",
		  "7:68: ca-file is of no use with verify-tls no\n" },
		{ "check tcp { interval 2s }", "check https { port 8443; path /x; verify-tls no }",
		  "" },
		{ "check tcp { interval 2s }", "check http { path /x, /y^z }",
		  "7:68: path: /y^z has characters that a request cannot have; write them as "
		  "%xx\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

static void paths(void **state)
{
	static const struct edit edits[] = {
		{ "sync 10.1.0.2", "sync 10.1.0.2, 10.0.0.2",
		  "3:33: sync: 2 of this node and 1 of the other (line 2): each path needs an "
		  "address at both ends\n" },
		{ "sync 10.1.0.1; public-key " KEY_A " }\n"
		  "node b { address 10.0.0.2; sync 10.1.0.2; public-key " KEY_B " }\n"
		  "vrrp { interface eth0; vrid 7 }\nsync { path eth1 }",
		  "sync 10.1.0.1, 10.0.0.1; public-key " KEY_A " }\n"
		  "node b { address 10.0.0.2; sync 10.1.0.2, 10.0.0.2; public-key " KEY_B " }\n"
		  "vrrp { interface eth0; vrid 7 }\nsync { path eth1, eth0 }",
		  "" },
		{ "sync 10.1.0.1; public-key " KEY_A " }\n"
		  "node b { address 10.0.0.2; sync 10.1.0.2; public-key " KEY_B " }\n",
		  "sync 10.1.0.1, 10.0.0.1; public-key " KEY_A " }\n"
		  "node b { address 10.0.0.2; sync 10.1.0.2, 10.0.0.2; public-key " KEY_B " }\n",
		  "5:13: path: 1 for 2 sync addresses of each node\n" },
		{ "sync 10.1.0.2", "sync 10.1.0.2, 10.1.0.3, 10.1.0.4",
		  "3:33: sync: 2 of this node and 1 of the other (line 2): each path needs an "
		  "address at both ends\n"
		  "3:53: sync takes at most 2 values\n" },
		{ "sync 10.1.0.2", "sync 10.1.0.2, 10.0.0.1",
		  "3:33: sync: 2 of this node and 1 of the other (line 2): each path needs an "
		  "address at both ends\n"
		  "3:43: sync 10.0.0.1 is already the address of node \"a\" (line 2)\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

static void advice(void **state)
{
	static const struct edit edits[] = {
		{ "path eth1", "path eth1, eth0, eth2",
		  "5:13: warning: path: the nodes have one sync address each, so there is one way "
		  "between them; give each an address for every path\n" },
		{ "path eth1 }", "path eth1 } web { listen 127.0.0.1:9745; metrics /m }",
		  "5:20: warning: web: no status page is served by this version\n" },
		{ "follow map", "follow map; idle-timeout 2h",
		  "8:77: warning: idle-timeout of an RPC service below 125min cuts idle sessions "
		  "before "
		  "Windows' first TCP keep-alive (2h); use 24h\n" },
		{ "follow map", "follow map; idle-timeout 7500s", "" },
		/* The mapper is asked and left; the web group has no mapper. */
		{ "ports 135;", "ports 135; idle-timeout 5min;", "" },
		{ "ports 443;", "ports 443; idle-timeout 30min;", "" },
		{ "affinity-timeout 1h", "affinity-timeout 44min",
		  "9:63: warning: affinity-timeout of https below 45min breaks Exchange Web "
		  "Services\n" },
		{ "affinity-timeout 1h", "affinity-timeout 45min", "" },
		{ "ports 25", "ports 25; affinity-timeout 1h",
		  "13:43: warning: affinity-timeout has no effect without affinity-group\n" },
		{ "ports 25", "ports 25; on-member-down reset; on-idle silent; unknown reset", "" },
		{ "ports 25", "ports 25; on-member-down keep", "" },
		/* Done by this version, so nothing is said. */
		{ "vrid 7", "vrid 7; unicast yes; preempt yes; hold-after-boot 0s; advert 50ms",
		  "" },
		{ "address 10.2.0.12", "address 10.2.0.12; backup yes; weight 7", "" },
		{ "address 10.2.0.12", "address 10.2.0.12; slow-start 1min", "" },
		{ "sync { path eth1 }", "forwarding { xdp generic; flows 5000; pins 100 }", "" },
		{ "sync { path eth1 }", "forwarding { hook tc; xdp auto }", "" },
		{ "sync { path eth1 }", "forwarding { hook xdp; xdp native }", "" },
		{ "sync { path eth1 }", "forwarding { hook tc; xdp native }",
		  "5:27: hook tc runs no XDP: leave one of the two out\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

/* What vrrpd does besides the protocol; the line of the vrrp block is 4. */
static void judgement_of_vrrp(void **state)
{
	static const struct edit edits[] = {
		{ "vrid 7", "vrid 7; preempt yes; preempt-delay 5s", "" },
		{ "vrid 7", "vrid 7; preempt-delay 5s", "4:46: preempt-delay needs preempt yes\n" },
		{ "vrid 7", "vrid 7; fence-command /sbin/f; fence-timeout 5s; policy consistency",
		  "" },
		{ "vrid 7", "vrid 7; policy consistency",
		  "4:39: policy consistency needs a fence-command: without one a dead peer would "
		  "never be relieved\n" },
		{ "vrid 7", "vrid 7; fence-timeout 5s",
		  "4:46: fence-timeout needs a fence-command\n" },
		{ "vrid 7", "vrid 7; witness 10.0.0.254, 10.0.0.253", "" },
		{ "vrid 7", "vrid 7; witness 10.0.0.254; strict-rfc yes",
		  "4:40: strict-rfc yes asks no witness: leave one of the two out\n" },
		{ "vrid 7", "vrid 7; fence-command /sbin/f; strict-rfc yes",
		  "4:46: strict-rfc yes fences nobody: leave one of the two out\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

/* In which families adverts go, and what becomes of the others. */
static void families_of_adverts(void **state)
{
	static const char form[] = "format 1; pair p\n"
				   "node a { address %s; sync 10.1.0.1; public-key " KEY_A " }\n"
				   "node b { address %s; sync 10.1.0.2; public-key " KEY_B " }\n"
				   "vrrp { interface eth0; vrid 7; %s }\n"
				   "sync { path eth1 }\n"
				   "array one { vip %s\n"
				   "service s { ports 25 }\n"
				   "member x { address %s } }\n";
	static const char two[] = "unicast no; version 2; advert 1s", one[] = "unicast yes";
	static const char *const four[] = { "10.0.0.1", "10.0.0.2", "10.0.0.10", "10.2.0.11" };
	static const char *const six[] = { "2001:db8::1", "2001:db8::2", "2001:db8::10",
					   "2001:db8:2::11" };
	static const char *const both[] = { "10.0.0.1, fe80::1", "fe80::2, 10.0.0.2",
					    "10.0.0.10, 2001:db8::10",
					    "10.2.0.11, 2001:db8:2::11" };
	static const struct {
		const char *const *nodes, *vrrp, *const *vips, *faults;
	} cases[] = {
		{ four, "", four, "" },
		{ four, "", six, "" },
		{ four, "", both, "" },
		{ six, "", six, "" },
		{ both, "", both, "" },
		{ both, "", four, "" },
		{ six, "", four,
		  "4:18: adverts over IPv4 come from the nodes' addresses: give each node an IPv4 "
		  "address\n" },
		{ six, "", both,
		  "4:18: warning: IPv4 vips follow the election over IPv6: for adverts over both, "
		  "give each node an IPv4 address\n" },
		{ four, one, four, "" },
		{ six, one, six, "" },
		{ both, one, both, "" },
		{ both, one, six, "" },
		{ four, one, six,
		  "4:40: unicast is between the nodes' addresses, and no array has a vip of their "
		  "family\n" },
		{ six, one, four,
		  "4:40: unicast is between the nodes' addresses, and no array has a vip of their "
		  "family\n" },
		{ four, one, both,
		  "4:40: warning: IPv6 vips follow the election over IPv4: for adverts over both, "
		  "give each node an IPv6 address\n" },
		{ six, one, both,
		  "4:40: warning: IPv4 vips follow the election over IPv6: for adverts over both, "
		  "give each node an IPv4 address\n" },
		{ four, two, four, "" },
		{ both, two, four, "" },
		{ both, two, six,
		  "4:52: version 2 of VRRP is for IPv4, and no array has an IPv4 vip\n" },
		{ six, two, four,
		  "4:18: adverts over IPv4 come from the nodes' addresses: give each node an IPv4 "
		  "address\n" },
		{ both, two, both,
		  "4:52: warning: version 2 of VRRP is for IPv4: IPv6 vips follow its "
		  "election\n" },
	};
	unsigned int wrong = 0;
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), form, cases[i].nodes[0], cases[i].nodes[1],
			 cases[i].vrrp, cases[i].vips[2], cases[i].vips[3]);
		if (!has_faults(text, cases[i].faults)) {
			print_error("for\n%s\n", text);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* What the adverts can say; the line of the vrrp block is 4. */
static void versions_of_vrrp(void **state)
{
	static const struct edit edits[] = {
		{ "vrid 7", "vrid 7; version 2; advert 1s", "" },
		{ "vrid 7", "vrid 7; version 2; advert 40s; unicast yes", "" },
		{ "vrid 7", "vrid 7; version 3; checksum rfc9568", "" },
		{ "vrid 7", "vrid 7; version 2",
		  "4:40: version 2 of VRRP knows whole seconds only: advert 100ms is not; write "
		  "advert 1s\n" },
		{ "vrid 7", "vrid 7; version 2; advert 1500ms",
		  "4:50: version 2 of VRRP knows whole seconds only: advert 1500ms is not; write "
		  "advert 1s\n" },
		{ "vrid 7", "vrid 7; version 2; advert 1s; checksum rfc5798",
		  "4:63: version 2 of VRRP has one form of the checksum: leave it out\n" },
		{ "vrid 7", "vrid 7; unicast yes; unicast-ttl-min 250", "" },
		{ "vrid 7", "vrid 7; unicast-ttl-min 250",
		  "4:48: unicast-ttl-min needs unicast: adverts to the group never cross a "
		  "router\n" },
	};

	(void)state;
	run(edits, sizeof(edits) / sizeof(edits[0]));
}

/*
 * The tables' sizes.  `count` times `each` stands between `before` and `after` in place of the good
 * file's second array; its arguments are a number and the last two bytes of an address.
 */
struct limit {
	unsigned int count;
	const char *before, *each, *after;
	const char *fault; /* the only error, in part; NULL: none */
};

static void expect_limit(const struct limit *limit)
{
	const char *rest = strstr(good, "array two");
	struct conf_faults faults;
	char *text = NULL, *printed;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "%.*s%s\n", (int)(rest - good), good, limit->before);
	for (unsigned int i = 0; i < limit->count; i++) {
		char number[16], net[16], host[16];
		const char *parts[] = { number, net, host };
		size_t part = 0;

		snprintf(number, sizeof(number), "%u", i + 1);
		snprintf(net, sizeof(net), "%u", i / 250);
		snprintf(host, sizeof(host), "%u", i % 250 + 1);
		for (const char *at = limit->each; *at; at++) {
			if (*at == '@')
				fputs(parts[part++ % 3], out);
			else
				fputc(*at, out);
		}
		fputc('\n', out);
	}
	fprintf(out, "%s\n", limit->after);
	fclose(out);
	conf_free(conf_read(text, size, &faults));
	printed = print(&faults);
	if (limit->fault ? !strstr(printed, limit->fault) || faults.errors != 1
			 : faults.errors != 0)
		fail_msg("%u times: expected %s, got %s", limit->count,
			 limit->fault ? limit->fault : "nothing", printed);
	conf_faults_free(&faults);
	free(printed);
	free(text);
}

/* The good file's first array has 4 services in 3 pools, and 2 members. */
static void limits(void **state)
{
	static const char array[] = "array t@ { vip 10.8.@.@; use empty\nmember x { address "
				    "10.9.1@.1 } }";
	static const char member[] = "member m@ { address 10.9.@.@ }";
	static const char service[] = "service s@ { affinity-group g; ports 2@@ }";
	static const char pool[] = "service s@ { ports 2@@ }";
	static const char open[] = "array two { vip 10.0.0.20; service s { ports 1 }";
	static const char lone[] = "array two { vip 10.0.0.20; member m { address 10.9.0.1 }";
	static const char empty[] = "profile empty { }";
	const struct limit limits_of[] = {
		{ FLOW_MAX_ARRAYS - 1, empty, array, "", NULL },
		{ FLOW_MAX_ARRAYS, empty, array, "", "more than 64 arrays" },
		{ FLOW_MAX_MEMBERS - 2, open, member, "}", NULL },
		{ FLOW_MAX_MEMBERS - 1, open, member, "}", "more than 512 members" },
		{ FLOW_MAX_POOLS - 3, lone, pool, "}", NULL },
		{ FLOW_MAX_POOLS - 2, lone, pool, "}", "more than 64 affinity groups" },
		{ FLOW_MAX_SERVICES - 4, lone, service, "}", NULL },
		{ FLOW_MAX_SERVICES - 3, lone, service, "}", "more than 512 services" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(limits_of) / sizeof(limits_of[0]); i++)
		expect_limit(&limits_of[i]);
}

/* What the tables take beside flows and pins depends a little on the machine's processors. */
static void memory(void **state)
{
	static const struct {
		const char *block, *fault; /* NULL: none */
	} cases[] = {
		{ "flows 1000000; memory 300M", NULL },
		{ "flows 1000000; memory 200M",
		  "6:36: memory 200M is not enough: the tables take 2" },
		{ "flows 10000000; memory 2G", NULL },
		{ "flows 10000000; pins 5000000; memory 2G", "memory 2G is not enough" },
		{ "flows 10000000; memory 1G", ": flows 1745.9M, pins 20.8M, the rest " },
		{ "memory 2", "memory 2 has no unit: write K, M or G after the number" },
		{ "memory 2T", "memory 2T has an unknown unit: write K, M or G" },
		{ "memory 2GB", "memory 2GB has an unknown unit" },
		{ "memory G", "memory takes a size such as 512M or 2G, not \"G\"" },
		{ "memory 1023K", "memory 1023K is out of range: 1M to 1024G" },
		{ "memory 9999999999G", "memory 9999999999G is out of range" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char to[256], *text, *printed;
		struct edit edit = { "sync { path eth1 }\n", to, "" };
		struct conf_faults faults;
		const char *fault = cases[i].fault;

		snprintf(to, sizeof(to), "sync { path eth1 }\nforwarding { %s }\n", cases[i].block);
		text = apply(&edit);
		conf_free(conf_read(text, strlen(text), &faults));
		printed = print(&faults);
		if (fault ? !strstr(printed, fault) || faults.errors != 1 : faults.errors != 0)
			fail_msg("%s: expected %s, got %s", cases[i].block,
				 fault ? fault : "nothing", printed);
		conf_faults_free(&faults);
		free(printed);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory),
		cmocka_unit_test(the_good_file_is_good),
		cmocka_unit_test(nodes),
		cmocka_unit_test(signers),
		cmocka_unit_test(addresses),
		cmocka_unit_test(families),
		cmocka_unit_test(modes),
		cmocka_unit_test(arrays),
		cmocka_unit_test(services),
		cmocka_unit_test(probes),
		cmocka_unit_test(paths),
		cmocka_unit_test(advice),
		cmocka_unit_test(families_of_adverts),
		cmocka_unit_test(versions_of_vrrp),
		cmocka_unit_test(judgement_of_vrrp),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
