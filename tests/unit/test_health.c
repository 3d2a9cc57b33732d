// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lbd/health.h"

#define HEAD                                                                                       \
	"format 1\npair t\n"                                                                       \
	"node a { address 10.20.0.11; sync 192.168.77.1; priority 254\n"                           \
	"public-key cpk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aA }\n"                          \
	"node b { address 10.20.0.12; sync 192.168.77.2; priority 253\n"                           \
	"public-key cpk1_b_Oy6CPSDzOknWiSPe4LiP09a1vw-QRnfRvdACPjtoc }\n"                          \
	"vrrp { interface eth0; vrid 51 }\n"                                                       \
	"sync { path eth2 }\n"

/* Group rpc: epm and mapi are probed, dynamic follows epm.  */
static const char text[] = HEAD
	"array x { vip 10.20.0.10; gateway 10.30.0.1\n"
	"service epm { ports 135; affinity-group rpc; check tcp { interval 1s; fall 2; rise 2 } }\n"
	"service dynamic { ports 6005-6010; affinity-group rpc; follow epm }\n"
	"service mapi { ports 59531; affinity-group rpc; check tcp { fall 1; rise 3 } }\n"
	"service smtp { ports 25 }\n"
	"service mail { ports 143, 110, 587, 995; check imap { port 143 }\n"
	"check pop3 { port 110 } check smtp { port 587 } check pop3s { port 995; verify-tls no } }\n"
	"service book { ports 59532; check rpc-epm { interface address-book } }\n"
	"member m1 { address 10.30.0.21 }\n"
	"member m2 { address 10.30.0.22 }\n}\n";

enum { M1 = 0, M2 = 1 };

/* Members that have the VIPs themselves: four checks, of which two ask for them. */
static const char direct[] = HEAD "array x { vip 10.20.0.10, 2001:db8:20::10; mode dsr\n"
				  "service smtp { ports 25 }\n"
				  "service imap { ports 143; check imap { vip-check no } }\n"
				  "service book { ports 59532; check rpc-epm { } check ping { } }\n"
				  "member m1 { address 10.30.0.21, 2001:db8:30::21 }\n"
				  "member m2 { address 10.30.0.22, 2001:db8:30::22 }\n}\n";

/* A member of both families. */
static const char dual[] = HEAD "array x { vip 10.20.0.10, 2001:db8:20::10\n"
				"service smtp { ports 25 }\n"
				"service book { ports 59532; check rpc-epm { } }\n"
				"member m1 { address 2001:db8:30::21, 10.30.0.21 }\n}\n";

struct fixture {
	struct conf *conf;
	struct plan *plan;
	struct health health;
	unsigned int rpc, smtp, book;
};

static unsigned int pool_named(const struct plan *plan, const char *name)
{
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		if (plan->name_of_pool[p] && !strcmp(plan->name_of_pool[p], name))
			return p;
	fail_msg("no pool %s", name);
	return 0;
}

static int make(void **state, const char *file)
{
	static struct fixture f;
	static const uint64_t flows[FLOW_MAX_MEMBERS];
	struct plan *none = plan_new();
	struct conf_faults faults;
	char error[PLAN_ERROR_TEXT];

	f.conf = conf_read(file, strlen(file), &faults);
	if (!f.conf)
		conf_faults_print(&faults, "test", stderr);
	conf_faults_free(&faults);
	assert_non_null(f.conf);
	f.plan = plan_make(f.conf, none, flows, 1, error);
	assert_non_null(f.plan);
	plan_free(none);
	assert_int_equal(health_plan(&f.health, f.plan, 1), 0);
	f.smtp = pool_named(f.plan, "smtp");
	f.book = pool_named(f.plan, "book");
	*state = &f;
	return 0;
}

static int setup(void **state)
{
	struct fixture *f;

	make(state, text);
	f = *state;
	f->rpc = pool_named(f->plan, "rpc");
	return 0;
}

static int setup_dual(void **state)
{
	return make(state, dual);
}

static int setup_direct(void **state)
{
	return make(state, direct);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	health_free(&f->health);
	plan_free(f->plan);
	conf_free(f->conf);
	return 0;
}

static struct health_target *target(struct fixture *f, uint16_t member, uint16_t port)
{
	for (size_t i = 0; i < f->health.count; i++)
		if (f->health.target[i].member == member && f->health.target[i].port == port &&
		    f->health.target[i].kind == HEALTH_TCP)
			return &f->health.target[i];
	fail_msg("no target for port %u", port);
	return NULL;
}

static uint64_t bit(unsigned int pool)
{
	return (uint64_t)1 << pool;
}

static void test_targets(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->health.count, 16); /* eight checks, two members */
	assert_int_equal(target(f, M1, 135)->pools, bit(f->rpc));
	assert_int_equal(target(f, M1, 59531)->pools, bit(f->rpc));
	assert_int_equal(target(f, M2, 25)->pools, bit(f->smtp));
	assert_int_equal(target(f, M1, 135)->rule.fall, 2);
	assert_int_equal(target(f, M1, 135)->rule.interval_ms, 1000);
	/* what nobody wrote down */
	assert_int_equal(target(f, M1, 25)->rule.fall, 3);
	assert_int_equal(target(f, M1, 25)->rule.rise, 2);
	assert_int_equal(target(f, M1, 25)->rule.interval_ms, 2000);
	for (size_t i = 0; i < f->health.count; i++)
		assert_true(f->health.target[i].up && !f->health.target[i].confirmed);
}

/* Each letter is a result: o ok, r refused, t timeout, f fault, c congested; capital: the target is
 * up after. */
static void test_counting(void **state)
{
	static const struct {
		uint32_t fall, rise;
		bool up, fresh;
		const char *results, *verdicts;
	} cases[] = {
		{ 3, 2, true, false, "rrr", "110" },
		{ 3, 2, true, false, "rrorrr", "111110" },
		{ 3, 2, true, false, "rtr", "110" },
		{ 3, 2, false, false, "oo", "01" },
		{ 3, 2, false, false, "oroo", "0001" },
		{ 1, 1, true, false, "roro", "0101" },
		{ 3, 2, false, true, "o", "1" },     /* the first success at once */
		{ 3, 2, false, true, "roo", "001" }, /* but only the very first result */
		{ 3, 2, true, true, "rrr", "110" },
		{ 2, 2, true, false, "rfffr", "11110" }, /* a fault of ours says nothing */
		{ 2, 2, true, false, "ffff", "1111" },
		{ 2, 2, true, false, "cccc", "1111" }, /* it lives */
		{ 2, 2, true, false, "rcr", "110" },
		{ 2, 2, false, false, "occoo", "00001" },
	};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		struct health_target t = { .up = cases[c].up,
					   .fresh = cases[c].fresh,
					   .rule = { .fall = cases[c].fall,
						     .rise = cases[c].rise } };

		for (size_t i = 0; cases[c].results[i]; i++) {
			char r = cases[c].results[i];
			enum health_outcome outcome = r == 'o'   ? HEALTH_OK
						      : r == 'r' ? HEALTH_REFUSED
						      : r == 't' ? HEALTH_TIMEOUT
						      : r == 'c' ? HEALTH_CONGESTED
								 : HEALTH_FAULT;

			health_result(&t, outcome, 100, i + 10);
			if (t.up != (cases[c].verdicts[i] == '1'))
				fail_msg("case %zu, result %zu", c, i);
		}
	}
}

/* Told once when it turns and once when an assumption is confirmed. */
static void test_news(void **state)
{
	struct health_target t = { .up = true, .rule = { .fall = 2, .rise = 2 } };

	(void)state;
	assert_false(health_result(&t, HEALTH_OK, 1, 10));
	assert_true(health_result(&t, HEALTH_OK, 1, 11)); /* confirmed */
	assert_int_equal(t.since_ns, 0);                  /* but not changed */
	assert_false(health_result(&t, HEALTH_OK, 1, 12));
	assert_false(health_result(&t, HEALTH_TIMEOUT, 1, 13));
	assert_true(health_result(&t, HEALTH_TIMEOUT, 1, 14));
	assert_int_equal(t.since_ns, 14);
	assert_false(health_result(&t, HEALTH_TIMEOUT, 1, 15));
	assert_int_equal(t.heard_ns, 15);
}

static void feed(struct fixture *f, uint16_t member, uint16_t port, enum health_outcome outcome,
		 unsigned int times)
{
	while (times--)
		health_result(target(f, member, port), outcome, 200, 50);
}

/* A group is one unit: one service that is down takes the member out of it. */
static void test_group_is_one_unit(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(health_verdict(&f->health, f->rpc, M1), HEALTH_UNDECIDED);
	feed(f, M1, 135, HEALTH_OK, 1); /* the first success counts */
	assert_int_equal(health_verdict(&f->health, f->rpc, M1), HEALTH_UNDECIDED);
	feed(f, M1, 59531, HEALTH_OK, 1);
	assert_int_equal(health_verdict(&f->health, f->rpc, M1), HEALTH_UP);
	feed(f, M1, 59531, HEALTH_REFUSED, 1);
	assert_int_equal(health_verdict(&f->health, f->rpc, M1), HEALTH_DOWN);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UNDECIDED);
	assert_int_equal(health_verdict(&f->health, f->rpc, M2), HEALTH_UNDECIDED);
	feed(f, M1, 135, HEALTH_TIMEOUT, 2);
	feed(f, M1, 59531, HEALTH_OK, 3);
	assert_int_equal(health_verdict(&f->health, f->rpc, M1), HEALTH_DOWN);
	feed(f, M1, 135, HEALTH_OK, 2);
	assert_int_equal(health_verdict(&f->health, f->rpc, M1), HEALTH_UP);
}

/* A standby's word against a verdict counts when its probes have seen something since. */
static void test_objection(void **state)
{
	struct fixture *f = *state;
	const struct health *h = &f->health;

	assert_false(health_objects(h, f->smtp, M1, true, 0)); /* nothing is known yet */
	feed(f, M1, 25, HEALTH_REFUSED, 3);                    /* at 50 */
	assert_true(health_objects(h, f->smtp, M1, true, 49));
	assert_false(health_objects(h, f->smtp, M1, true, 50));  /* before the verdict */
	assert_false(health_objects(h, f->smtp, M1, false, 49)); /* the same verdict */
	feed(f, M1, 25, HEALTH_OK, 3);
	assert_false(health_objects(h, f->smtp, M1, true, 49));
	assert_true(health_objects(h, f->smtp, M1, false, 49));
	feed(f, M1, 25, HEALTH_CONGESTED, 1); /* no reason to come back */
	assert_false(health_objects(h, f->smtp, M1, false, 49));
	/* Of a group it takes one to be down, and all to be up. */
	feed(f, M1, 135, HEALTH_OK, 3);
	feed(f, M1, 59531, HEALTH_REFUSED, 1);
	assert_true(health_objects(h, f->rpc, M1, true, 49));
	feed(f, M1, 59531, HEALTH_OK, 3);
	assert_true(health_objects(h, f->rpc, M1, false, 49));
	target(f, M1, 135)->heard_ns = 40;
	assert_false(health_objects(h, f->rpc, M1, false, 49));
}

/* A new active begins with what is in force and changes it on its own evidence only. */
static void test_promotion(void **state)
{
	struct fixture *f = *state;

	feed(f, M1, 25, HEALTH_REFUSED, 5); /* what it saw as a bystander */
	f->plan->standing[f->smtp][M1].up = true;
	f->plan->standing[f->smtp][M2].up = false;
	health_restart(&f->health, f->plan, 100);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UNDECIDED);
	assert_int_equal(health_verdict(&f->health, f->smtp, M2), HEALTH_UNDECIDED);
	feed(f, M1, 25, HEALTH_REFUSED, 2);
	feed(f, M2, 25, HEALTH_OK, 1); /* not the first success of a start: it must rise */
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UNDECIDED);
	assert_int_equal(health_verdict(&f->health, f->smtp, M2), HEALTH_UNDECIDED);
	feed(f, M1, 25, HEALTH_REFUSED, 1);
	feed(f, M2, 25, HEALTH_OK, 1);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_DOWN);
	assert_int_equal(health_verdict(&f->health, f->smtp, M2), HEALTH_UP);
}

static void test_reload_forgets_nothing(void **state)
{
	struct fixture *f = *state;
	struct health next;

	feed(f, M1, 25, HEALTH_REFUSED, 3);
	feed(f, M2, 25, HEALTH_REFUSED, 2);
	assert_int_equal(health_plan(&next, f->plan, 100), 0);
	health_carry(&next, &f->health);
	health_free(&f->health);
	f->health = next;
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_DOWN);
	feed(f, M2, 25, HEALTH_REFUSED, 1); /* the third in a row */
	assert_int_equal(health_verdict(&f->health, f->smtp, M2), HEALTH_DOWN);
	assert_true(target(f, M1, 135)->fresh);
}

static void test_text(void **state)
{
	struct fixture *f = *state;
	char line[HEALTH_TEXT];

	assert_string_equal(health_text(line, &f->health, f->smtp, M1), "tcp 25 not probed yet");
	feed(f, M1, 25, HEALTH_OK, 1);
	assert_string_equal(health_text(line, &f->health, f->smtp, M1), "tcp 25 0.2 ms");
	feed(f, M1, 135, HEALTH_OK, 1);
	feed(f, M1, 59531, HEALTH_REFUSED, 1); /* the worst of the pool is shown */
	assert_string_equal(health_text(line, &f->health, f->rpc, M1), "tcp 59531 refused");
	assert_string_equal(health_text(line, &f->health, 63, M1), "");
}

static struct health_target *rpc_target(struct fixture *f)
{
	for (size_t i = 0; i < f->health.count; i++)
		if (f->health.target[i].kind == HEALTH_RPC)
			return &f->health.target[i];
	fail_msg("no RPC target");
	return NULL;
}

/* The mapper's port, whatever the service's own is. */
static void test_rpc_target(void **state)
{
	const struct health_target *t = rpc_target(*state);
	char name[RPCIF_TEXT];

	assert_int_equal(t->port, 135);
	assert_int_equal(t->interfaces, 2);
	assert_string_equal(rpcif_print(name, &t->interface[0]), "nspi");
	assert_string_equal(rpcif_print(name, &t->interface[1]), "rfr");
}

static void test_kinds(void **state)
{
	static const struct {
		uint16_t port;
		enum health_kind kind;
	} cases[] = {
		{ 143, HEALTH_IMAP },  { 110, HEALTH_POP3 }, { 587, HEALTH_SMTP },
		{ 995, HEALTH_POP3S }, { 25, HEALTH_TCP },   { 135, HEALTH_TCP },
		{ 59531, HEALTH_TCP },
	};
	struct fixture *f = *state;

	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		bool found = false;

		for (size_t i = 0; i < f->health.count; i++)
			found |= f->health.target[i].port == cases[c].port &&
				 f->health.target[i].kind == cases[c].kind;
		if (!found)
			fail_msg("port %u", cases[c].port);
	}
}

static void test_rpc_outcomes(void **state)
{
	static const struct {
		enum health_outcome probe, meant;
		uint16_t mapped[2], port, interface;
		const char *text;
	} cases[] = {
		{ HEALTH_OK,
		  HEALTH_OK,
		  { 59531, 59532 },
		  0,
		  0,
		  "rpc 135 0.2 ms: connect 0.1, bind 0.2, map 0.3; 59531,59532: connect 0.4, "
		  "bind 0.5" },
		{ HEALTH_OK,
		  HEALTH_OK,
		  { 6005, 6005 },
		  0,
		  0,
		  "rpc 135 0.2 ms: connect 0.1, bind 0.2, map 0.3; 6005: connect 0.4, bind 0.5" },
		/* What the VIP does not forward is of no use to anybody. */
		{ HEALTH_OK,
		  HEALTH_PORT_DRIFT,
		  { 59531, 6011 },
		  0,
		  0,
		  "rpc 6011 port-drift (rfr)" },
		{ HEALTH_TIMEOUT,
		  HEALTH_PORT_DRIFT,
		  { 6004, 0 },
		  6004,
		  0,
		  "rpc 6004 port-drift (nspi)" },
		{ HEALTH_FAULT,
		  HEALTH_FAULT,
		  { 6004, 0 },
		  6004,
		  0,
		  "rpc 6004 cannot probe (nspi)" },
		{ HEALTH_HUNG,
		  HEALTH_HUNG,
		  { 0, 0 },
		  135,
		  0,
		  "rpc 135 hung in connect after 0 ms" },
		{ HEALTH_NOT_REGISTERED,
		  HEALTH_NOT_REGISTERED,
		  { 59531, 0 },
		  135,
		  1,
		  "rpc 135 not-registered (rfr)" },
		{ HEALTH_WRONG_SERVICE,
		  HEALTH_WRONG_SERVICE,
		  { 59531, 59532 },
		  59532,
		  1,
		  "rpc 59532 wrong-service (rfr)" },
		{ HEALTH_HUNG,
		  HEALTH_HUNG,
		  { 0, 0 },
		  135,
		  RPCIF_MAX,
		  "rpc 135 hung in connect after 0 ms" },
	};
	struct fixture *f = *state;
	struct health_target *t = rpc_target(f);
	char line[HEALTH_TEXT];

	assert_string_equal(health_text(line, &f->health, f->book, t->member),
			    "rpc 135 not probed yet");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		t->trace = (struct health_trace){ .port = cases[i].port,
						  .interface = cases[i].interface,
						  .step_us = { 100, 200, 300, 400, 500 } };
		memcpy(t->trace.mapped, cases[i].mapped, sizeof(cases[i].mapped));
		assert_int_equal(health_outcome(f->plan, t, cases[i].probe, &t->trace),
				 cases[i].meant);
		health_result(t, cases[i].meant, 200, 50);
		t->latency_us = 200;
		assert_string_equal(health_text(line, &f->health, f->book, t->member),
				    cases[i].text);
	}
}

/* Eight interfaces on eight ports do not fit the line: it is cut, not overrun. */
static void test_long_text(void **state)
{
	struct fixture *f = *state;
	struct health_target *t = rpc_target(f);
	char line[HEALTH_TEXT];

	t->interfaces = RPCIF_MAX;
	memset(&t->trace, 0xff, sizeof(t->trace));
	for (int i = 0; i < RPCIF_MAX; i++)
		t->trace.mapped[i] = (uint16_t)(65535 - i);
	health_result(t, HEALTH_OK, UINT32_MAX, 50);
	health_text(line, &f->health, f->book, t->member);
	assert_true(strlen(line) < HEALTH_TEXT);
	assert_non_null(strstr(line, "65535,65534"));
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < HEALTH_OUTCOMES; i++)
		assert_non_null(health_outcome_names[i]);
}

/* A client of either family may be sent to the member: it is up when it answers to both. */
static void test_both_families(void **state)
{
	struct fixture *f = *state;
	struct health_target *four = target(f, M1, 25), *six = four + 1;
	char line[HEALTH_TEXT];

	assert_int_equal(f->health.count, 4); /* two checks, two addresses */
	assert_int_equal(flow_ip_family(&four->addr), FLOW_IPV4);
	assert_int_equal(flow_ip_family(&six->addr), FLOW_IPV6);
	assert_int_equal(six->port, 25);
	health_result(four, HEALTH_OK, 200, 10);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UNDECIDED);
	health_result(six, HEALTH_OK, 300, 10);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UP);
	assert_string_equal(health_text(line, &f->health, f->smtp, M1), "tcp 25 0.2 ms");
	for (int i = 0; i < 3; i++)
		health_result(six, HEALTH_REFUSED, 100, 20);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_DOWN);
	assert_string_equal(health_text(line, &f->health, f->smtp, M1), "IPv6 tcp 25 refused");
	for (int i = 0; i < 3; i++) {
		health_result(four, HEALTH_REFUSED, 100, 30);
		health_result(six, HEALTH_OK, 300, 30);
	}
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_DOWN);
	assert_string_equal(health_text(line, &f->health, f->smtp, M1), "tcp 25 refused");
}

/* A reload that brings the second family leaves the first one's verdict alone. */
static void test_second_family_comes(void **state)
{
	struct fixture *f = *state;
	struct health old;

	assert_int_equal(health_plan(&old, f->plan, 5), 0);
	for (size_t i = 0; i < old.count; i++)
		if (flow_ip_family(&old.target[i].addr) == FLOW_IPV4)
			health_result(&old.target[i], HEALTH_OK, 200, 10);
	health_carry(&f->health, &old);
	assert_true(target(f, M1, 25)->confirmed);
	assert_false((target(f, M1, 25) + 1)->confirmed);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UNDECIDED);
	health_free(&old);
}

/* Behind the child's targets, each with the one that it comes after. */
static void test_vip_targets(void **state)
{
	struct fixture *f = *state;
	size_t found = 0;

	assert_int_equal(f->health.probed, 16); /* four checks, four addresses */
	assert_int_equal(f->health.count - f->health.probed, 8);
	for (size_t i = 0; i < f->health.count; i++) {
		const struct health_target *own = &f->health.target[i], *vip;

		assert_int_equal(own->kind == HEALTH_VIP, i >= f->health.probed);
		assert_int_equal(flow_ip_is_none(&own->vip), i < f->health.probed);
		if (!own->vip_target)
			continue;
		found++;
		vip = &f->health.target[own->vip_target];
		assert_true(own->port == 25 || own->port == 135);
		assert_int_equal(vip->port, own->port);
		assert_int_equal(vip->member, own->member);
		assert_true(vip->pools == own->pools);
		assert_true(flow_ip_equal(&vip->addr, &own->addr));
		assert_int_equal(flow_ip_family(&vip->vip), flow_ip_family(&own->addr));
	}
	assert_int_equal(found, 8);
}

/* What is not looked at: the other family is well. */
static void begin_v6(struct fixture *f)
{
	for (size_t i = 0; i < f->health.count; i++)
		if (flow_ip_family(&f->health.target[i].addr) == FLOW_IPV6)
			health_result(&f->health.target[i], HEALTH_OK, 100, 5);
}

static void test_vip_decides(void **state)
{
	struct fixture *f = *state;
	struct health_target *own = target(f, M1, 25);
	struct health_target *vip = &f->health.target[own->vip_target];
	char line[HEALTH_TEXT];

	begin_v6(f);
	health_result(own, HEALTH_OK, 200, 10);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UNDECIDED);
	health_result(vip, HEALTH_OK, 300, 10);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UP);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UP);
		health_result(own, HEALTH_OK, 200, 20);
		health_result(vip, HEALTH_NO_VIP, 1000, 20);
	}
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_DOWN);
	assert_string_equal(health_text(line, &f->health, f->smtp, M1),
			    "vip 25 no-answer-for-vip (loopback adapter missing?)");
	health_result(vip, HEALTH_REFUSED, 1000, 20);
	assert_string_equal(health_text(line, &f->health, f->smtp, M1),
			    "vip 25 refused (not bound to the VIP?)");
	for (int i = 0; i < 2; i++)
		health_result(vip, HEALTH_OK, 300, 30);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UP);
}

/* A node that may not ask keeps no member out for that; what it has learned once, it keeps. */
static void test_vip_cannot_be_asked(void **state)
{
	struct fixture *f = *state;
	struct health_target *own = target(f, M1, 25);
	struct health_target *vip = &f->health.target[own->vip_target];

	begin_v6(f);
	health_result(own, HEALTH_OK, 200, 10);
	health_result(vip, HEALTH_FAULT, 0, 10);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_UP);
	for (int i = 0; i < 3; i++)
		health_result(vip, HEALTH_NO_VIP, 1000, 20);
	health_result(vip, HEALTH_FAULT, 0, 30);
	assert_int_equal(health_verdict(&f->health, f->smtp, M1), HEALTH_DOWN);
}

/* All members have one VIP, and each its own results. */
static void test_vip_reload(void **state)
{
	struct fixture *f = *state;
	size_t vip = target(f, M1, 25)->vip_target;
	struct health next;

	for (int i = 0; i < 3; i++)
		health_result(&f->health.target[vip], HEALTH_NO_VIP, 1000, 20);
	assert_int_equal(health_plan(&next, f->plan, 100), 0);
	health_carry(&next, &f->health);
	for (size_t i = next.probed; i < next.count; i++)
		assert_int_equal(next.target[i].confirmed, i == vip);
	health_free(&next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_targets, setup, teardown),
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_news),
		cmocka_unit_test_setup_teardown(test_group_is_one_unit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_objection, setup, teardown),
		cmocka_unit_test_setup_teardown(test_promotion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_forgets_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rpc_target, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rpc_outcomes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both_families, setup_dual, teardown),
		cmocka_unit_test_setup_teardown(test_second_family_comes, setup_dual, teardown),
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_vip_targets, setup_direct, teardown),
		cmocka_unit_test_setup_teardown(test_vip_decides, setup_direct, teardown),
		cmocka_unit_test_setup_teardown(test_vip_cannot_be_asked, setup_direct, teardown),
		cmocka_unit_test_setup_teardown(test_vip_reload, setup_direct, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
