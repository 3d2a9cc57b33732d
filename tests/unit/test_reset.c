// SPDX-License-Identifier: BSD-2-Clause
/* Which flows are ended: by verdicts, removal, drain and silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "lbd/health.h"
#include "lbd/reset.h"
#include "proto/flow_event.h"

#define MS     1000000ull
#define UNUSED __attribute__((unused))

/* One group of two services, of which one says reset; fall after 2 of 1 s. */
static const char text[] =
	"format 1\npair t\n"
	"node a { address 10.20.0.11; sync 192.168.77.1; priority 254\n"
	"public-key cpk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aA }\n"
	"node b { address 10.20.0.12; sync 192.168.77.2; priority 253\n"
	"public-key cpk1_b_Oy6CPSDzOknWiSPe4LiP09a1vw-QRnfRvdACPjtoc }\n"
	"vrrp { interface eth0; vrid 51 }\nsync { path eth2 }\n"
	"array x { vip 10.20.0.10; gateway 10.30.0.1; reset-rate 100\n"
	"service epm { ports 135; affinity-group rpc; on-member-down reset\n"
	"check tcp { interval 1s; timeout 500ms; fall 2; rise 1 } }\n"
	"service mapi { ports 59531; affinity-group rpc; follow epm; on-idle silent }\n"
	"service smtp { ports 25; check tcp { fall 2 } }\n"
	"member m1 { address 10.30.0.21 }\nmember m2 { address 10.30.0.22 }\n}\n";

enum { M1, M2 };

static struct {
	struct conf *conf;
	struct plan *plan;
	struct health health;
	struct reset reset;
	unsigned int table, rpc;
} f;

static int set_up(void **state UNUSED)
{
	static const uint64_t flows[FLOW_MAX_MEMBERS];
	char error[PLAN_ERROR_TEXT];
	struct conf_faults faults;
	struct plan *none = plan_new();

	memset(&f, 0, sizeof(f));
	f.conf = conf_read(text, strlen(text), &faults);
	if (!f.conf)
		conf_faults_print(&faults, "test", stderr);
	conf_faults_free(&faults);
	assert_non_null(f.conf);
	f.plan = plan_make(f.conf, none, flows, 1, error);
	plan_free(none);
	assert_non_null(f.plan);
	assert_int_equal(health_plan(&f.health, f.plan, 1), 0);
	reset_start(&f.reset, NULL, NULL, NULL, f.plan);
	f.table = (unsigned int)plan_vip(f.plan, &f.plan->vip[0][FLOW_IPV4]);
	f.rpc = f.plan->services[plan_service(f.plan, &f.plan->vip[0][FLOW_IPV4], 135)].pool;
	return 0;
}

static int tear_down(void **state UNUSED)
{
	for (unsigned int i = 0; i < RESET_ARRAYS; i++) {
		pace_free(&f.reset.lost[i]);
		pace_free(&f.reset.again[i]);
		pace_free(&f.reset.idle[i]);
	}
	health_free(&f.health);
	plan_free(f.plan);
	conf_free(f.conf);
	return 0;
}

/* A result of each probe of the group's first service on a member; the judge follows at once. */
static void probe(unsigned int member, bool good, uint64_t ms)
{
	struct standing *standing = &f.plan->standing[f.rpc][member];

	for (size_t i = 0; i < f.health.count; i++) {
		struct health_target *target = &f.health.target[i];

		if (target->member == member && target->port == 135)
			health_result(target, good ? HEALTH_OK : HEALTH_TIMEOUT, 1, ms * MS);
	}
	switch (health_verdict(&f.health, f.rpc, member)) {
	case HEALTH_UNDECIDED:
		return;
	case HEALTH_UP:
		standing->up = standing->judged = true;
		return;
	case HEALTH_DOWN:
		standing->up = false;
		standing->judged = true;
	}
}

static bool survey(void)
{
	return reset_survey(&f.reset, &f.health);
}

/* Whether a flow of this kind is gathered. */
static uint32_t gathered(unsigned int member, uint16_t port, uint8_t state, uint8_t flags)
{
	struct flow_key key = { .client = flow_ip4(7),
				.vip = f.plan->vip[0][FLOW_IPV4],
				.client_port = 1,
				.vip_port = htons(port) };
	struct flow flow = { .member = (uint16_t)member, .state = state, .flags = flags };
	uint32_t before = f.reset.lost[f.table].count;

	reset_consider(&f.reset, &key, &flow, 0);
	return f.reset.lost[f.table].count - before;
}

static void fail_m1(void)
{
	for (uint64_t ms = 0; ms <= 3000; ms += 1000) {
		probe(M2, true, ms + 100);
		probe(M1, ms == 0, ms + 200);
	}
	assert_true(survey());
}

static void test_down_by_itself(void **state UNUSED)
{
	assert_int_equal(gathered(M1, 135, FLOW_ESTABLISHED, 0), 0);
	fail_m1();
	assert_false(survey()); /* nothing more */
	assert_int_equal(gathered(M1, 135, FLOW_ESTABLISHED, 0), 1);
	/* The group moves as one. */
	assert_int_equal(gathered(M1, 59531, FLOW_CLIENT_FIN, 0), 1);
	assert_int_equal(gathered(M2, 135, FLOW_ESTABLISHED, 0), 0);
	assert_int_equal(gathered(M1, 25, FLOW_ESTABLISHED, 0), 0);
	assert_int_equal(gathered(M1, 135, FLOW_CLOSING, 0), 0);
	assert_int_equal(gathered(M1, 135, FLOW_RESET, 0), 0);
	assert_int_equal(gathered(M1, 135, FLOW_ESTABLISHED, FLOW_OUTBOUND), 0);
	assert_int_equal(gathered(M1, 135, FLOW_RESET, FLOW_DOOMED), 0);
	/* Until it is up again. */
	probe(M1, true, 9000);
	assert_false(survey());
	assert_int_equal(gathered(M1, 135, FLOW_ESTABLISHED, 0), 0);
}

/* In DSR no more is seen of an end than the client's FIN. */
static void test_ended_in_dsr(void **state UNUSED)
{
	struct flow_key key = { .client = flow_ip4(7),
				.vip = f.plan->vip[0][FLOW_IPV4],
				.vip_port = htons(135) };
	struct flow flow = { .member = M1, .mode = MODE_DSR, .state = FLOW_CLAIMED };
	const uint32_t *count = &f.reset.lost[f.table].count;

	fail_m1();
	survey();
	reset_consider(&f.reset, &key, &flow, 0);
	assert_int_equal(*count, 1);
	flow.state = FLOW_CLIENT_FIN;
	reset_consider(&f.reset, &key, &flow, 0);
	assert_int_equal(*count, 1);
	flow.mode = MODE_NAT;
	reset_consider(&f.reset, &key, &flow, 0);
	assert_int_equal(*count, 2);
}

/* One after the other, as when the fault is ours: each may look like the first of all. */
static void test_all_at_once(void **state UNUSED)
{
	probe(M1, true, 100);
	probe(M2, true, 900);
	probe(M1, false, 1500);
	probe(M1, false, 2500);
	assert_false(survey());
	probe(M2, false, 2300);
	probe(M2, false, 3300);
	assert_false(survey());
	/* They come back one after the other, too. */
	probe(M2, true, 6000);
	assert_false(survey());
	probe(M1, false, 6900);
	probe(M2, true, 7000);
	assert_false(survey());
	assert_int_equal(gathered(M1, 135, FLOW_ESTABLISHED, 0), 0);
	/* But this one does not. */
	probe(M1, false, 7900);
	probe(M2, true, 8000);
	assert_false(survey());
	probe(M1, false, 8900);
	assert_true(survey());
	assert_int_equal(gathered(M1, 135, FLOW_ESTABLISHED, 0), 1);
}

static void test_gone(void **state UNUSED)
{
	f.plan->members[M1].flags |= MEMBER_GONE;
	assert_int_equal(gathered(M1, 25, FLOW_ESTABLISHED, 0), 1);
	assert_int_equal(gathered(M2, 25, FLOW_ESTABLISHED, 0), 0);
}

static void test_drained(void **state UNUSED)
{
	assert_true(reset_member(&f.reset, M2, (uint64_t)1 << f.rpc, UINT32_MAX));
	assert_false(reset_member(&f.reset, M2, (uint64_t)1 << f.rpc, UINT32_MAX));
	assert_false(survey()); /* no verdict */
	assert_int_equal(gathered(M2, 135, FLOW_ESTABLISHED, 0), 1);
	assert_int_equal(gathered(M2, 25, FLOW_ESTABLISHED, 0), 0);
	assert_false(reset_member(&f.reset, M2, 0, 0));
	assert_false(reset_member(&f.reset, FLOW_MAX_MEMBERS, 1, UINT32_MAX));
	assert_int_equal(gathered(M2, 135, FLOW_ESTABLISHED, 0), 0);
}

static bool ends(uint32_t client, uint16_t port)
{
	struct flow_key key = { .client = flow_ip4(client),
				.vip = f.plan->vip[0][FLOW_IPV4],
				.client_port = 1,
				.vip_port = htons(port) };
	struct flow flow = { .member = M2, .state = FLOW_ESTABLISHED };

	pace_clear(&f.reset.lost[f.table]);
	reset_consider(&f.reset, &key, &flow, 0);
	return f.reset.lost[f.table].count;
}

/* Client by client, with all that one has; whose turn has come stays among them. */
static void test_drained_little_by_little(void **state UNUSED)
{
	enum { CLIENTS = 4000, STEPS = 8 };
	static bool ended[CLIENTS];
	const uint64_t pools = (uint64_t)1 << f.rpc;

	memset(ended, 0, sizeof(ended));
	for (unsigned int step = 1; step <= STEPS; step++) {
		unsigned int count = 0;

		reset_member(&f.reset, M2, pools, UINT32_MAX / STEPS * step);
		for (unsigned int i = 0; i < CLIENTS; i++) {
			bool now = ends(htonl(0x0a000000 + i), 135);

			assert_int_equal(ends(htonl(0x0a000000 + i), 59531), now);
			assert_true(now || !ended[i]);
			ended[i] = now;
			count += now;
		}
		assert_in_range(count, CLIENTS * step / STEPS - CLIENTS / 20,
				CLIENTS * step / STEPS + CLIENTS / 20);
	}
	reset_member(&f.reset, M2, pools, UINT32_MAX);
	for (unsigned int i = 0; i < CLIENTS; i++)
		assert_true(ends(htonl(0x0a000000 + i), 135));
}

static void test_idle(void **state UNUSED)
{
	struct flow_key key = { .client = flow_ip4(7),
				.vip = f.plan->vip[0][FLOW_IPV4],
				.client_port = 1,
				.vip_port = htons(135) };
	struct flow flow = { .state = FLOW_ESTABLISHED };

	assert_true(reset_idle(&f.reset, &key, &flow));
	assert_int_equal(f.reset.idle[f.table].count, 1);
	flow.state = FLOW_CLOSING;
	assert_false(reset_idle(&f.reset, &key, &flow));
	flow.state = FLOW_ESTABLISHED;
	key.vip_port = htons(59531); /* on-idle silent */
	assert_false(reset_idle(&f.reset, &key, &flow));
	key.vip_port = htons(135);
	pace_rate(&f.reset.idle[f.table], 0);
	assert_false(reset_idle(&f.reset, &key, &flow));
}

/* Silent flows are on their way already when a member fails: its clients go before them. */
static void test_lost_go_before_idle(void **state UNUSED)
{
	struct flow_key key = { .client = flow_ip4(9),
				.vip = f.plan->vip[0][FLOW_IPV4],
				.vip_port = htons(135) };
	struct flow flow = { .member = M2, .state = FLOW_ESTABLISHED };
	const struct pace_order *order;
	uint64_t now = 5000 * MS;
	struct pace *turn;

	for (uint16_t i = 0; i < 100; i++) {
		key.client_port = i;
		assert_true(reset_idle(&f.reset, &key, &flow));
	}
	assert_int_equal(pace_go(&f.reset.idle[f.table], now), 100);
	assert_ptr_equal(reset_turn(&f.reset, f.table), &f.reset.idle[f.table]);
	fail_m1();
	assert_int_equal(gathered(M1, 135, FLOW_ESTABLISHED, 0), 1);
	assert_int_equal(gathered(M1, 59531, FLOW_ESTABLISHED, 0), 1);
	assert_int_equal(pace_go(&f.reset.lost[f.table], now), 2);
	for (unsigned int i = 0; i < 2; i++) {
		turn = reset_turn(&f.reset, f.table);
		now += 10 * MS;
		assert_int_equal(pace_take(turn, now, 1, &order), 1);
		assert_int_equal(order->reason, RESET_MEMBER);
	}
	turn = reset_turn(&f.reset, f.table);
	assert_int_equal(pace_take(turn, now, 1, &order), 1);
	assert_int_equal(order->reason, RESET_IDLE);
}

static void test_again(void **state UNUSED)
{
	static const struct {
		uint32_t age; /* tenths of a second */
		uint8_t flags;
		uint32_t told;
	} rows[] = {
		{ 5, FLOW_DOOMED, 0 },
		{ 20, FLOW_DOOMED, 1 },
		{ 20, FLOW_DOOMED | FLOW_HEARD, 0 },
		{ 110, FLOW_DOOMED, 0 },
	};
	struct flow_key key = { .vip = f.plan->vip[0][FLOW_IPV4] };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct flow flow = { .state = FLOW_RESET, .flags = rows[i].flags };

		pace_clear(&f.reset.again[f.table]);
		reset_consider(&f.reset, &key, &flow, rows[i].age * FLOW_TICKS_PER_SECOND / 10);
		assert_int_equal(f.reset.again[f.table].count, rows[i].told);
	}
}

static void test_rate_of_the_array(void **state UNUSED)
{
	assert_int_equal(f.reset.lost[f.table].rate, 100);
	assert_int_equal(f.reset.lost[FLOW_MAX_ARRAYS].rate, 500);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_down_by_itself),
		CASE(test_ended_in_dsr),
		CASE(test_all_at_once),
		CASE(test_gone),
		CASE(test_drained),
		CASE(test_idle),
		CASE(test_lost_go_before_idle),
		CASE(test_again),
		CASE(test_rate_of_the_array),
		CASE(test_drained_little_by_little),
	};

	return cmocka_run_group_tests_name("reset", tests, NULL, NULL);
}
