// SPDX-License-Identifier: BSD-2-Clause
/* Learned ports: what is known, and which ports are open for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lbd/health.h"
#include "lbd/learned.h"

#define UNUSED __attribute__((unused))

/* Two arrays; in the first, one service of a range is learned and one is not. */
static const char text[] =
	"format 1\npair t\n"
	"node a { address 10.20.0.11; sync 192.168.77.1; priority 254\n"
	"public-key cpk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aA }\n"
	"node b { address 10.20.0.12; sync 192.168.77.2; priority 253\n"
	"public-key cpk1_b_Oy6CPSDzOknWiSPe4LiP09a1vw-QRnfRvdACPjtoc }\n"
	"vrrp { interface eth0; vrid 51 }\nsync { path eth2 }\n"
	"array x { vip 10.20.0.10; gateway 10.30.0.1\n"
	"service epm { ports 135; affinity-group rpc; check rpc-epm { } }\n"
	"service mapi { ports 6005-6100, 59531; affinity-group rpc; follow epm; pinholes learned "
	"}\n"
	"service other { ports 7000-7010; check tcp { } }\n"
	"member m1 { address 10.30.0.21 }\nmember m2 { address 10.30.0.22 }\n}\n"
	"array y { vip 10.20.0.20; gateway 10.30.0.1\n"
	"service epm { ports 135; affinity-group rpc; check rpc-epm { } }\n"
	"service mapi { ports 6005-6100; affinity-group rpc; follow epm; pinholes learned }\n"
	"member m1 { address 10.30.0.31 }\n}\n";

static struct conf *conf;
static struct plan *plan;
static struct learned learned;
static unsigned int x, y; /* port tables */

static int set_up(void **state UNUSED)
{
	static const uint64_t flows[FLOW_MAX_MEMBERS];
	char error[PLAN_ERROR_TEXT];
	struct conf_faults faults;
	struct plan *none = plan_new();
	struct flow_ip vip;

	conf = conf_read(text, strlen(text), &faults);
	if (!conf)
		conf_faults_print(&faults, "test", stderr);
	conf_faults_free(&faults);
	assert_non_null(conf);
	plan = plan_make(conf, none, flows, 1, error);
	plan_free(none);
	assert_non_null(plan);
	assert_true(conf_vip(conf->file->array[0], FLOW_IPV4, &vip));
	x = (unsigned int)plan_vip(plan, &vip);
	assert_true(conf_vip(conf->file->array[1], FLOW_IPV4, &vip));
	y = (unsigned int)plan_vip(plan, &vip);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	learned_free(&learned);
	plan_free(plan);
	conf_free(conf);
	return 0;
}

static int put(const char *array, const char *member, uint16_t one, uint16_t other)
{
	struct learned_ports ports = { 0 };

	snprintf(ports.array, sizeof(ports.array), "%s", array);
	snprintf(ports.member, sizeof(ports.member), "%s", member);
	learned_add(&ports, one);
	if (other)
		learned_add(&ports, other);
	return learned_put(&learned, &ports);
}

static bool open(unsigned int table, uint16_t port)
{
	assert_true(plan->ports[table].service[port] & ~FLOW_PORT_CLOSED);
	return !(plan->ports[table].service[port] & FLOW_PORT_CLOSED);
}

static void test_unknown_is_open(void **state UNUSED)
{
	assert_int_equal(learned_plan(&learned, plan), 0);
	assert_true(open(x, 6005) && open(x, 59531) && open(y, 6100));
}

static void test_what_is_known_is_open(void **state UNUSED)
{
	assert_int_equal(put("x", "m1", 6050, 59531), 1);
	assert_int_equal(learned_plan(&learned, plan), (uint64_t)1 << x);
	assert_int_equal(learned_plan(&learned, plan), 0);
	assert_true(open(x, 6050) && open(x, 59531));
	assert_false(open(x, 6005) || open(x, 6049) || open(x, 6051) || open(x, 6100));
	/* Other services and arrays have nothing to do with it. */
	assert_true(open(x, 135) && open(x, 7000) && open(y, 6005));
	/* One member is enough. */
	assert_int_equal(put("x", "m2", 6005, 0), 1);
	assert_int_equal(learned_plan(&learned, plan), (uint64_t)1 << x);
	assert_true(open(x, 6005) && open(x, 6050));
	/* It moves. */
	assert_int_equal(put("x", "m1", 6051, 59531), 1);
	assert_int_equal(learned_plan(&learned, plan), (uint64_t)1 << x);
	assert_true(open(x, 6051) && open(x, 6005) && !open(x, 6050));
	/* Somebody who is no member of the array. */
	assert_int_equal(put("x", "m9", 6100, 0), 1);
	assert_int_equal(learned_plan(&learned, plan), 0);
}

static void test_list(void **state UNUSED)
{
	struct learned_ports ports = { 0 };

	for (uint16_t i = 0; i < 3 * LEARNED_PORTS; i++)
		learned_add(&ports, (uint16_t)(100 - i % LEARNED_PORTS));
	assert_int_equal(ports.ports, LEARNED_PORTS);
	for (size_t i = 1; i < ports.ports; i++)
		assert_true(ports.port[i - 1] < ports.port[i]);
	learned_add(&ports, 9);
	assert_int_equal(ports.port[0], 101 - LEARNED_PORTS);
	assert_int_equal(put("x", "m1", 1, 2), 1);
	assert_int_equal(put("x", "m1", 2, 1), 0); /* no news */
	assert_int_equal(put("x", "m1", 2, 3), 1);
	assert_null(learned_find(&learned, "y", "m1"));
	assert_int_equal(learned_find(&learned, "x", "m1")->ports, 2);
}

static void test_messages(void **state UNUSED)
{
	static char name[] = "x", empty[] = "", huge[100];
	uint32_t number[LEARNED_PORTS], many[LEARNED_PORTS + 1];
	struct learned_ports back;
	Cas__LearnedPorts message;

	put("x", "m1", 6050, 59531);
	learned_write(&message, learned_find(&learned, "x", "m1"), number);
	assert_true(learned_read(&back, &message));
	assert_int_equal(learned_put(&learned, &back), 0);
	assert_int_equal(back.ports, 2);
	number[0] = 0;
	assert_false(learned_read(&back, &message));
	number[0] = 65536;
	assert_false(learned_read(&back, &message));
	message.n_port = 0;
	assert_false(learned_read(&back, &message));
	for (size_t i = 0; i <= LEARNED_PORTS; i++)
		many[i] = 1;
	message.port = many;
	message.n_port = LEARNED_PORTS + 1;
	assert_false(learned_read(&back, &message));
	message.n_port = 1;
	assert_true(learned_read(&back, &message));
	message.member = empty;
	assert_false(learned_read(&back, &message));
	memset(huge, 'x', sizeof(huge) - 1);
	message.member = huge;
	assert_false(learned_read(&back, &message));
	message.member = name;
	message.array = huge;
	assert_false(learned_read(&back, &message));
}

/* A mapper that cannot be asked has not forgotten. */
static void test_mapper(void **state UNUSED)
{
	struct health_target target = { .interfaces = 2 };
	struct health_trace trace = { .mapped = { 6001, 6002, 9 } };
	const struct health_trace none = { 0 };
	unsigned int moved;

	assert_true(health_learn(&target, &trace, &moved));
	assert_int_equal(moved, 3);
	assert_false(health_learn(&target, &trace, &moved));
	assert_false(health_learn(&target, &none, &moved));
	assert_int_equal(target.learned[1], 6002);
	assert_int_equal(target.learned[2], 0);
	trace.mapped[1] = 6003;
	assert_true(health_learn(&target, &trace, &moved));
	assert_int_equal(moved, 2);
	assert_int_equal(target.learned[0], 6001);
	assert_int_equal(target.learned[1], 6003);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_unknown_is_open),
		CASE(test_what_is_known_is_open),
		CASE(test_list),
		CASE(test_messages),
		CASE(test_mapper),
	};

	return cmocka_run_group_tests_name("learned", tests, NULL, NULL);
}
