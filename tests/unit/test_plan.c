// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/addr.h"
#include "lbd/plan.h"
#include "lbd/pool.h"

#define HEAD                                                                                       \
	"format 1\npair t\n"                                                                       \
	"node a { address 10.20.0.11; sync 192.168.77.1; priority 254\n"                           \
	"public-key cpk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aA }\n"                          \
	"node b { address 10.20.0.12; sync 192.168.77.2; priority 253\n"                           \
	"public-key cpk1_b_Oy6CPSDzOknWiSPe4LiP09a1vw-QRnfRvdACPjtoc }\n"                          \
	"vrrp { interface eth0; vrid 51 }\n"                                                       \
	"sync { path eth2 }\n"

#define VIRTUAL_ROUTER "fe80::200:5eff:fe00:233" /* of VRID 51 */

#define RPC                                                                                        \
	"service epm { ports 135; affinity-group rpc; affinity-timeout 2h; idle-timeout 2h }\n"    \
	"service dynamic { ports 6005-6010, 7002; affinity-group rpc; follow epm }\n"
#define SMTP "service smtp { ports 25; idle-timeout 10min }\n"

static const char two_members[] = HEAD "array x { vip 10.20.0.10; gateway 10.30.0.1\n" RPC SMTP
				       "member m1 { address 10.30.0.21 }\n"
				       "member m2 { address 10.30.0.22; weight 5 }\n}\n";
/* m2 gone, m3 new and first; smtp gone, another array in front. */
static const char changed[] = HEAD "array w { vip 10.20.0.9; gateway 10.30.0.1\n"
				   "service pop { ports 110 }\n"
				   "member m9 { address 10.30.0.29 }\n}\n"
				   "array x { vip 10.20.0.10; gateway 10.30.0.1\n"
				   "service imap { ports 143 }\n" RPC
				   "member m3 { address 10.30.0.23 }\n"
				   "member m1 { address 10.30.0.21; weight 7 }\n}\n";
static const char with_backup[] = HEAD "array x { vip 10.20.0.10; gateway 10.30.0.1\n" SMTP
				       "member m1 { address 10.30.0.21 }\n"
				       "member m2 { address 10.30.0.22 }\n"
				       "member m3 { address 10.30.0.23; backup yes }\n}\n";

static const uint64_t no_flows[FLOW_MAX_MEMBERS];

static struct conf *conf_of(const char *text)
{
	struct conf_faults faults;
	struct conf *conf = conf_read(text, strlen(text), &faults);

	if (!conf)
		conf_faults_print(&faults, "test", stderr);
	conf_faults_free(&faults);
	assert_non_null(conf);
	return conf;
}

static struct flow_ip ip(const char *text)
{
	struct flow_ip addr;

	assert_true(addr_parse_flow(&addr, text));
	return addr;
}

static int service_at(const struct plan *plan, const char *vip, uint16_t port)
{
	struct flow_ip addr = ip(vip);

	return plan_service(plan, &addr, port);
}

static int table_at(const struct plan *plan, const char *vip)
{
	struct flow_ip addr = ip(vip);

	return plan_vip(plan, &addr);
}

static int member_at(const struct plan *plan, const char *vip, const char *address)
{
	struct flow_ip array = ip(vip), addr = ip(address);

	return plan_member(plan, &array, &addr);
}

static struct plan *plan_after(const struct conf *conf, const struct plan *old,
			       const uint64_t *flows)
{
	char error[PLAN_ERROR_TEXT];
	struct plan *plan = plan_make(conf, old, flows, 1000, error);

	if (!plan)
		fail_msg("%s", error);
	return plan;
}

static struct plan *fresh(const struct conf *conf)
{
	struct plan *none = plan_new(), *plan = plan_after(conf, none, no_flows);

	plan_free(none);
	return plan;
}

/* As the data plane looks it up. */
static const struct flow_role *role_of(const struct plan *plan, const char *addr)
{
	struct flow_ip wanted = ip(addr);
	uint32_t at = flow_role_hash(&wanted);

	for (int i = 0; i < FLOW_ROLE_PROBES; i++, at = (at + 1) % FLOW_ROLE_SLOTS) {
		const struct flow_role *role = &plan->roles.slot[at];

		if (role->kind == ROLE_FREE)
			return NULL;
		if (flow_ip_equal(&role->addr, &wanted))
			return role;
	}
	return NULL;
}

static int slot(const struct plan *plan, const char *addr)
{
	return member_at(plan, "10.20.0.10", addr);
}

static int pool_of(const struct plan *plan, uint16_t port)
{
	int service = service_at(plan, "10.20.0.10", port);

	assert_true(service >= 0);
	return plan->services[service].pool;
}

static void test_ticks(void **state)
{
	static const struct {
		uint64_t ms;
		uint32_t ticks;
	} cases[] = {
		{ 0, 0 },
		{ 1, 1 },
		{ 1000, 954 },
		{ 7200000, 6866456 },
		{ UINT64_MAX, UINT32_MAX },
		{ 4503599627370, UINT32_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(plan_ticks(cases[i].ms), cases[i].ticks);
}

static void test_fresh(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	static const struct {
		const char *addr;
		enum flow_role_kind kind;
	} roles[] = { { "10.20.0.10", ROLE_VIP },
		      { "10.30.0.1", ROLE_GATEWAY },
		      { "10.30.0.21", ROLE_MEMBER },
		      { "10.30.0.22", ROLE_MEMBER } };

	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
		assert_non_null(role_of(plan, roles[i].addr));
		assert_int_equal(role_of(plan, roles[i].addr)->kind, roles[i].kind);
	}
	assert_null(role_of(plan, "10.30.0.23"));
	assert_null(role_of(plan, VIRTUAL_ROUTER));
	assert_int_equal(role_of(plan, "10.30.0.22")->id, slot(plan, "10.30.0.22"));
	assert_int_equal(role_of(plan, "10.30.0.22")->port_table,
			 role_of(plan, "10.20.0.10")->port_table);
	plan_free(plan);
	conf_free(conf);
}

static void test_ports(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	static const char vip[] = "10.20.0.10";
	static const uint16_t none[] = { 0, 24, 26, 134, 136, 6004, 6011, 7001, 7003, 65535 };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_int_equal(service_at(plan, vip, none[i]), -1);
	assert_true(service_at(plan, vip, 25) >= 0);
	assert_int_equal(service_at(plan, vip, 6005), service_at(plan, vip, 6010));
	assert_int_equal(service_at(plan, vip, 6005), service_at(plan, vip, 7002));
	assert_int_not_equal(service_at(plan, vip, 6005), service_at(plan, vip, 135));
	assert_int_equal(service_at(plan, "10.20.0.11", 135), -1);
	plan_free(plan);
	conf_free(conf);
}

static void test_pools(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	const struct flow_pool *rpc = &plan->pools[pool_of(plan, 135)];
	const struct flow_pool *smtp = &plan->pools[pool_of(plan, 25)];

	(void)state;
	assert_int_equal(pool_of(plan, 135), pool_of(plan, 6005));
	assert_int_not_equal(pool_of(plan, 135), pool_of(plan, 25));
	assert_int_equal(rpc->flags, POOL_USED | POOL_AFFINITY);
	assert_int_equal(smtp->flags, POOL_USED);
	assert_int_equal(rpc->linger_ticks, plan_ticks(7200000)); /* the longest of the group */
	assert_string_equal(plan->name_of_pool[pool_of(plan, 135)], "rpc");
	assert_string_equal(plan->name_of_pool[pool_of(plan, 25)], "smtp");
	assert_int_equal(plan->services[service_at(plan, "10.20.0.10", 25)].idle_ticks,
			 plan_ticks(600000));
	for (unsigned int m = 0; m < 2; m++)
		assert_true(plan->standing[pool_of(plan, 25)][m].up);
	plan_free(plan);
	conf_free(conf);
}

/* The same configuration again, as after a restart: every number stays. */
static void test_restart_is_identity(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *before = fresh(conf), *adopted = plan_new(), *after;

	(void)state;
	/* What a restart knows is what the maps hold. */
	adopted->roles = before->roles;
	memcpy(adopted->services, before->services, sizeof(before->services));
	memcpy(adopted->pools, before->pools, sizeof(before->pools));
	memcpy(adopted->members, before->members, sizeof(before->members));
	memcpy(adopted->ports, before->ports, sizeof(before->ports));
	plan_adopt(adopted, 5);
	after = plan_after(conf, adopted, no_flows);
	assert_memory_equal(&after->roles, &before->roles, sizeof(before->roles));
	assert_memory_equal(after->services, before->services, sizeof(before->services));
	assert_memory_equal(after->pools, before->pools, sizeof(before->pools));
	assert_memory_equal(after->members, before->members, sizeof(before->members));
	assert_memory_equal(after->ports, before->ports, sizeof(before->ports));
	plan_free(after);
	plan_free(adopted);
	plan_free(before);
	conf_free(conf);
}

/* A verdict survives the restart in the `up` bits. */
static void test_restart_keeps_verdicts(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *before = fresh(conf), *after;
	struct flow_maglev *table = malloc(sizeof(*table));
	unsigned int pool = (unsigned int)pool_of(before, 25);
	int down = slot(before, "10.30.0.22");

	(void)state;
	before->standing[pool][down].up = false;
	assert_true(pool_table(before, pool, table));
	memset(before->standing, 0, sizeof(before->standing));
	plan_adopt(before, 5);
	after = plan_after(conf, before, no_flows);
	assert_false(after->standing[pool][down].up);
	assert_int_equal(after->standing[pool][down].weight, 5 * FLOW_WEIGHT);
	assert_true(after->standing[pool][slot(after, "10.30.0.21")].up);
	free(table);
	plan_free(after);
	plan_free(before);
	conf_free(conf);
}

static void test_change_keeps_numbers(void **state)
{
	struct conf *conf = conf_of(two_members), *next = conf_of(changed);
	struct plan *old = fresh(conf), *plan;
	static const char vip[] = "10.20.0.10";

	(void)state;
	plan = plan_after(next, old, no_flows);
	assert_int_equal(table_at(plan, vip), table_at(old, vip));
	assert_int_not_equal(table_at(plan, "10.20.0.9"), table_at(plan, vip));
	assert_int_equal(slot(plan, "10.30.0.21"), slot(old, "10.30.0.21"));
	assert_int_equal(pool_of(plan, 135), pool_of(old, 135));
	assert_int_equal(service_at(plan, vip, 135), service_at(old, vip, 135));
	assert_int_equal(service_at(plan, vip, 6005), service_at(old, vip, 6005));
	assert_int_equal(service_at(plan, vip, 25), -1);
	/* A slot that old packets may still mean is not given to anybody in the same step. */
	assert_int_not_equal(slot(plan, "10.30.0.23"), slot(old, "10.30.0.22"));
	assert_int_not_equal(service_at(plan, vip, 143), service_at(old, vip, 25));
	assert_int_not_equal(pool_of(plan, 143), pool_of(old, 25));
	plan_free(plan);
	plan_free(old);
	conf_free(next);
	conf_free(conf);
}

static void test_change_of_members(void **state)
{
	struct conf *conf = conf_of(two_members), *next = conf_of(changed);
	struct plan *old = fresh(conf), *plan = plan_after(next, old, no_flows);
	int rpc = pool_of(plan, 135), imap = pool_of(plan, 143);

	(void)state;
	assert_int_equal(slot(plan, "10.30.0.22"), -1);
	assert_null(role_of(plan, "10.30.0.22"));
	/* New in a pool that lives: proves itself first.  In a new pool everybody is assumed up. */
	assert_false(plan->standing[rpc][slot(plan, "10.30.0.23")].up);
	assert_true(plan->standing[rpc][slot(plan, "10.30.0.21")].up);
	assert_true(plan->standing[imap][slot(plan, "10.30.0.23")].up);
	assert_int_equal(plan->standing[rpc][slot(plan, "10.30.0.21")].weight, 7 * FLOW_WEIGHT);
	plan_free(plan);
	plan_free(old);
	conf_free(next);
	conf_free(conf);
}

static void test_gone_member_stays_while_it_has_flows(void **state)
{
	struct conf *conf = conf_of(two_members), *next = conf_of(changed);
	struct plan *old = fresh(conf), *plan, *last;
	uint64_t flows[FLOW_MAX_MEMBERS] = { 0 };
	int gone = slot(old, "10.30.0.22");

	(void)state;
	flows[gone] = 3;
	plan = plan_after(next, old, flows);
	assert_int_equal(slot(plan, "10.30.0.22"), gone);
	assert_int_equal(plan->members[gone].flags, MEMBER_USED | MEMBER_GONE);
	assert_non_null(role_of(plan, "10.30.0.22")); /* replies are still rewritten */
	assert_int_equal(role_of(plan, "10.30.0.22")->id, gone);
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		assert_false(pool_has(plan, p, (unsigned int)gone));
	/* It comes back: the same slot, a full member, and it proves itself. */
	last = plan_after(conf, plan, flows);
	assert_int_equal(slot(last, "10.30.0.22"), gone);
	assert_int_equal(last->members[gone].flags, MEMBER_USED);
	assert_false(last->standing[pool_of(last, 135)][gone].up);
	plan_free(last);
	plan_free(plan);
	plan_free(old);
	conf_free(next);
	conf_free(conf);
}

/* --- tables from standings --- */

static uint32_t entries(const struct flow_maglev *table, int member)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < FLOW_MAGLEV_SIZE; i++)
		count += table->member[i] == member;
	return count;
}

static void set_up(struct plan *plan, unsigned int pool, int member, bool up)
{
	struct standing standing = plan->standing[pool][member];

	standing.up = up;
	standing.judged = true;
	pool_set(plan, pool, (unsigned int)member, &standing);
}

static void test_backup(void **state)
{
	struct conf *conf = conf_of(with_backup);
	struct plan *plan = fresh(conf);
	struct flow_maglev *table = malloc(sizeof(*table));
	unsigned int pool = (unsigned int)pool_of(plan, 25);
	int m1 = slot(plan, "10.30.0.21"), m2 = slot(plan, "10.30.0.22");
	int backup = slot(plan, "10.30.0.23");

	(void)state;
	assert_true(pool_table(plan, pool, table));
	assert_int_equal(entries(table, backup), 0);
	assert_true(pool_bit(&plan->pools[pool], (unsigned int)backup)); /* its pins hold */
	assert_true(pool_share(plan, pool, (unsigned int)m1) == 0.5);
	set_up(plan, pool, m1, false);
	assert_true(pool_table(plan, pool, table));
	assert_int_equal(entries(table, m2), FLOW_MAGLEV_SIZE);
	set_up(plan, pool, m2, false);
	assert_true(pool_table(plan, pool, table));
	assert_int_equal(entries(table, backup), FLOW_MAGLEV_SIZE);
	assert_true(pool_share(plan, pool, (unsigned int)backup) == 1);
	free(table);
	plan_free(plan);
	conf_free(conf);
}

/* The last one down stays in the table: fail open. */
static void test_all_down(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	struct flow_maglev *table = malloc(sizeof(*table));
	unsigned int pool = (unsigned int)pool_of(plan, 25);
	int m1 = slot(plan, "10.30.0.21"), m2 = slot(plan, "10.30.0.22");

	(void)state;
	assert_true(pool_table(plan, pool, table));
	set_up(plan, pool, m1, false);
	assert_true(pool_table(plan, pool, table));
	set_up(plan, pool, m2, false);
	assert_false(pool_alive(plan, pool));
	assert_false(pool_table(plan, pool, table));
	assert_int_equal(entries(table, m2), FLOW_MAGLEV_SIZE);
	assert_true(pool_bit(&plan->pools[pool], (unsigned int)m2));
	set_up(plan, pool, m1, true);
	assert_true(pool_table(plan, pool, table));
	assert_int_equal(entries(table, m1), FLOW_MAGLEV_SIZE);
	assert_false(pool_bit(&plan->pools[pool], (unsigned int)m2));
	free(table);
	plan_free(plan);
	conf_free(conf);
}

/* All that were ever in force are no longer configured: everybody, rather than nobody. */
static void test_nobody_left(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	struct flow_maglev *table = malloc(sizeof(*table));
	unsigned int pool = (unsigned int)pool_of(plan, 25);
	int m1 = slot(plan, "10.30.0.21"), m2 = slot(plan, "10.30.0.22");

	(void)state;
	set_up(plan, pool, m1, false);
	set_up(plan, pool, m2, false);
	plan->pools[pool].up[7] = 1; /* of a member that has gone */
	assert_false(pool_table(plan, pool, table));
	assert_int_equal(entries(table, m1) + entries(table, m2), FLOW_MAGLEV_SIZE);
	assert_int_equal(plan->pools[pool].up[7], 0);
	free(table);
	plan_free(plan);
	conf_free(conf);
}

/* What an operator wants goes before what probes show. */
static void test_duties(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	unsigned int pool = (unsigned int)pool_of(plan, 25);
	unsigned int m1 = (unsigned int)slot(plan, "10.30.0.21");
	struct standing *now = &plan->standing[pool][m1], next;
	uint32_t full = now->weight;

	(void)state;
	assert_true(pool_spares(plan, pool, m1));
	next = pool_next(plan, pool, m1, POOL_UNDECIDED, 10);
	assert_false(pool_set(plan, pool, m1, &next));
	/* At rest: who is there may stay, if it lives. */
	plan->duty[m1] = PLAN_RESTS;
	next = pool_next(plan, pool, m1, POOL_UNDECIDED, 20);
	assert_true(next.up && next.weight == 0);
	assert_true(pool_set(plan, pool, m1, &next));
	assert_false(pool_next(plan, pool, m1, POOL_DOWN, 30).up);
	next = pool_next(plan, pool, m1, POOL_UP, 30);
	assert_true(next.up && next.weight == 0);
	assert_false(pool_set(plan, pool, m1, &next));
	/* Away: whatever probes show. */
	plan->duty[m1] = PLAN_AWAY;
	next = pool_next(plan, pool, m1, POOL_UP, 40);
	assert_true(!next.up && next.weight == 0);
	assert_true(pool_set(plan, pool, m1, &next));
	/* Back: as its probes show, and not before they do. */
	plan->duty[m1] = PLAN_SERVES;
	assert_false(pool_next(plan, pool, m1, POOL_UNDECIDED, 50).up);
	assert_false(pool_next(plan, pool, m1, POOL_DOWN, 50).up);
	next = pool_next(plan, pool, m1, POOL_UP, 50);
	assert_true(next.up && next.weight == full);
	plan_free(plan);
	conf_free(conf);
}

/* A member that rests is better than one that is dead. */
static void test_resting_members_serve_when_all_others_are_down(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	struct flow_maglev *table = malloc(sizeof(*table));
	unsigned int pool = (unsigned int)pool_of(plan, 25);
	int m1 = slot(plan, "10.30.0.21"), m2 = slot(plan, "10.30.0.22");

	(void)state;
	plan->duty[m1] = PLAN_RESTS;
	plan->standing[pool][m1].weight = 0;
	assert_true(pool_table(plan, pool, table));
	assert_int_equal(entries(table, m2), FLOW_MAGLEV_SIZE);
	assert_false(pool_spares(plan, pool, (unsigned int)m2));
	set_up(plan, pool, m2, false);
	assert_false(pool_table(plan, pool, table));
	assert_int_equal(entries(table, m1), FLOW_MAGLEV_SIZE);
	assert_false(pool_bit(&plan->pools[pool], (unsigned int)m2));
	free(table);
	plan_free(plan);
	conf_free(conf);
}

static void test_drained_member_keeps_its_bit(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	struct flow_maglev *table = malloc(sizeof(*table));
	unsigned int pool = (unsigned int)pool_of(plan, 25);
	int m1 = slot(plan, "10.30.0.21");

	(void)state;
	plan->standing[pool][m1].weight = 0;
	assert_true(pool_table(plan, pool, table));
	assert_int_equal(entries(table, m1), 0);
	assert_true(pool_bit(&plan->pools[pool], (unsigned int)m1));
	free(table);
	plan_free(plan);
	conf_free(conf);
}

/* A switch: new clients by what is known now, the base by what was known when it was made. */
static void test_base_stays_until_told(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	struct flow_maglev *table = malloc(sizeof(*table));
	unsigned int pool = (unsigned int)pool_of(plan, 25);
	int m1 = slot(plan, "10.30.0.21"), m2 = slot(plan, "10.30.0.22");

	(void)state;
	assert_true(pool_settled(plan, pool));
	set_up(plan, pool, m1, false);
	assert_false(pool_settled(plan, pool));
	assert_true(pool_base(plan, pool, table));
	assert_int_not_equal(entries(table, m1), 0);
	assert_true(pool_table(plan, pool, table));
	assert_int_equal(entries(table, m2), FLOW_MAGLEV_SIZE);
	pool_rebase(plan, pool);
	assert_true(pool_settled(plan, pool));
	assert_true(pool_base(plan, pool, table));
	assert_int_equal(entries(table, m2), FLOW_MAGLEV_SIZE);
	plan->standing[pool][m2].weight--;
	assert_false(pool_settled(plan, pool));
	free(table);
	plan_free(plan);
	conf_free(conf);
}

/*
 * All down, one after the other: new clients go where they went last.  A base that has not seen
 * what was in between goes by the bases before it, as the other node's does.
 */
static void test_base_has_a_past_of_its_own(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	struct flow_maglev *table = malloc(sizeof(*table));
	unsigned int pool = (unsigned int)pool_of(plan, 25);
	int m1 = slot(plan, "10.30.0.21"), m2 = slot(plan, "10.30.0.22");

	(void)state;
	assert_true(pool_base(plan, pool, table));
	set_up(plan, pool, m1, false);
	assert_true(pool_table(plan, pool, table));
	set_up(plan, pool, m2, false);
	assert_false(pool_table(plan, pool, table));
	assert_int_equal(entries(table, m2), FLOW_MAGLEV_SIZE);
	pool_rebase(plan, pool);
	assert_false(pool_base(plan, pool, table));
	assert_int_equal(entries(table, m1) + entries(table, m2), FLOW_MAGLEV_SIZE);
	assert_int_not_equal(entries(table, m1), 0);
	free(table);
	plan_free(plan);
	conf_free(conf);
}

static void test_set_tells_news(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	struct standing next = { .up = true,
				 .judged = true,
				 .weight = 10 * FLOW_WEIGHT,
				 .since_ns = 7000,
				 .raised_ns = 6000 };
	unsigned int pool = (unsigned int)pool_of(plan, 25);
	unsigned int m1 = (unsigned int)slot(plan, "10.30.0.21");
	const struct standing *now = &plan->standing[pool][m1];

	(void)state;
	assert_false(pool_set(plan, pool, m1, &next));
	assert_true(now->judged);
	assert_int_equal(now->since_ns, 1000); /* up since the start, not since the word */
	next.weight = 3;
	assert_true(pool_set(plan, pool, m1, &next));
	assert_int_equal(now->since_ns, 1000);
	assert_int_equal(now->raised_ns, 6000);
	next.up = false;
	next.since_ns = 8000;
	assert_true(pool_set(plan, pool, m1, &next));
	assert_int_equal(now->since_ns, 8000);
	plan_free(plan);
	conf_free(conf);
}

/* Asked every `every_ms`, as the tick does, a member's weight is in proportion to the time. */
static void test_slow_start(void **state)
{
	static const struct {
		uint32_t weight, slow_ms, every_ms;
	} cases[] = {
		{ 1, 60000, 1000 },                           /* less than a step a tick */
		{ 5, 60000, 1000 },     { 100, 60000, 1000 }, /* many steps a tick, and a fraction
							       */
		{ 1000, 3600000, 700 }, { 3, 1000, 1 },       { 7, 10000, 9999 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		Conf__Member conf = { .weight = cases[i].weight,
				      .slow_start_ms = cases[i].slow_ms };
		struct standing now = { .up = true, .weight = 1, .raised_ns = 5000 };
		uint32_t full = conf.weight * FLOW_WEIGHT;
		uint64_t ms = 0;

		for (; ms + cases[i].every_ms < conf.slow_start_ms; ms += cases[i].every_ms) {
			uint32_t should = 1 + (uint32_t)(ms * full / conf.slow_start_ms);

			now.weight = pool_ramp(&now, &conf, 5000 + ms * 1000000, &now.raised_ns);
			assert_in_range(now.weight, should - 1, should);
		}
		ms = conf.slow_start_ms;
		assert_int_equal(pool_ramp(&now, &conf, 5000 + ms * 1000000, &now.raised_ns), full);
	}
}

static void test_no_slow_start(void **state)
{
	Conf__Member conf = { .weight = 5 };
	struct standing now = { .weight = 1 };
	uint64_t raised_ns;

	(void)state;
	assert_int_equal(pool_ramp(&now, &conf, 0, &raised_ns), 5 * FLOW_WEIGHT);
	conf.slow_start_ms = 60000;
	now.weight = 5 * FLOW_WEIGHT; /* it has been here all the time */
	assert_int_equal(pool_ramp(&now, &conf, 1, &raised_ns), 5 * FLOW_WEIGHT);
	/* A long sleep is no reason to begin again. */
	now.weight = 1;
	assert_int_equal(pool_ramp(&now, &conf, UINT64_MAX / 2, &raised_ns), 5 * FLOW_WEIGHT);
}

/* Even a member whose weight is 1 begins with a fraction of what the others get. */
static void test_slow_start_of_the_lightest(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *plan = fresh(conf);
	struct flow_maglev *table = malloc(sizeof(*table));
	unsigned int pool = (unsigned int)pool_of(plan, 25);
	int m1 = slot(plan, "10.30.0.21"), m2 = slot(plan, "10.30.0.22");

	(void)state;
	plan->standing[pool][m1].weight = 1;
	plan->standing[pool][m2].weight = FLOW_WEIGHT;
	assert_true(pool_table(plan, pool, table));
	assert_in_range(entries(table, m1), FLOW_MAGLEV_SIZE / (FLOW_WEIGHT + 1) - 1,
			FLOW_MAGLEV_SIZE / (FLOW_WEIGHT + 1) + 1);
	free(table);
	plan_free(plan);
	conf_free(conf);
}

/* What a reader that checks less than ours might hand over. */
static void test_does_not_fit(void **state)
{
	struct conf *conf = conf_of(two_members);
	struct plan *none = plan_new();
	Conf__Array *array = conf->file->array[0];
	char error[PLAN_ERROR_TEXT], **address = array->member[1]->address, **vip = array->vip;
	char text[] = "2001:db8::1", *six[] = { text };

	(void)state;
	array->member[1]->address = array->member[0]->address;
	assert_null(plan_make(conf, none, no_flows, 0, error));
	assert_string_equal(error, "m2: this address already has another part");
	array->member[1]->address = six;
	assert_null(plan_make(conf, none, no_flows, 0, error));
	assert_string_equal(error, "m2: member without an address of each family of its array");
	array->member[1]->address = address;
	array->vip = six;
	assert_null(plan_make(conf, none, no_flows, 0, error));
	assert_string_equal(error, "m1: member without an address of each family of its array");
	array->n_vip = 0;
	assert_null(plan_make(conf, none, no_flows, 0, error));
	assert_string_equal(error, "x: array without a VIP");
	array->vip = vip;
	array->n_vip = 1;
	plan_free(none);
	conf_free(conf);
}

/* --- both families --- */

#define VIP4 "10.20.0.10"
#define VIP6 "2001:db8:20::10"
#define BOTH                                                                                       \
	"member m1 { address 10.30.0.21, 2001:db8:30::21 }\n"                                      \
	"member m2 { address 10.30.0.22, 2001:db8:30::22 }\n}\n"

static const char v4_only[] = HEAD "array x { vip " VIP4 "; gateway 10.30.0.1\n" RPC SMTP BOTH;
static const char v6_only[] = HEAD "array x { vip " VIP6 "; gateway 2001:db8:30::1\n" RPC SMTP BOTH;
static const char both[] = HEAD "array x { vip " VIP6 ", " VIP4
				"; gateway 10.30.0.1, 2001:db8:30::1\n" RPC SMTP BOTH;
/* The same array in two. */
static const char split[] = HEAD "array y { vip " VIP6 "; gateway 2001:db8:30::1\n" RPC SMTP
				 "member m1 { address 2001:db8:30::21 }\n}\n"
				 "array x { vip " VIP4 "; gateway 10.30.0.1\n" RPC SMTP
				 "member m1 { address 10.30.0.21 }\n}\n";
/* m1 has another IPv6 address, and a new member, named first, the one that was m1's. */
static const char moved[] = HEAD "array x { vip " VIP6 ", " VIP4
				 "; gateway 10.30.0.1, 2001:db8:30::1\n" RPC SMTP
				 "member m3 { address 10.30.0.23, 2001:db8:30::21 }\n"
				 "member m1 { address 10.30.0.21, 2001:db8:30::33 }\n}\n";

static void test_both_families(void **state)
{
	struct conf *conf = conf_of(both);
	struct plan *plan = fresh(conf);
	static const struct {
		const char *four, *six;
		enum flow_role_kind kind;
	} roles[] = {
		{ VIP4, VIP6, ROLE_VIP },
		{ "10.30.0.1", "2001:db8:30::1", ROLE_GATEWAY },
		{ "10.30.0.21", "2001:db8:30::21", ROLE_MEMBER },
		{ "10.30.0.22", "2001:db8:30::22", ROLE_MEMBER },
	};
	const struct flow_service *smtp = &plan->services[service_at(plan, VIP4, 25)];
	struct flow_ip four = ip(VIP4), six = ip(VIP6);

	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
		const struct flow_role *a = role_of(plan, roles[i].four);
		const struct flow_role *b = role_of(plan, roles[i].six);

		assert_non_null(a);
		assert_non_null(b);
		assert_int_equal(a->kind, roles[i].kind);
		assert_int_equal(b->kind, roles[i].kind);
		assert_true(a->id == b->id || a->kind == ROLE_GATEWAY);
		assert_int_equal(a->port_table, b->port_table);
	}
	assert_non_null(role_of(plan, VIRTUAL_ROUTER));
	assert_int_equal(role_of(plan, VIRTUAL_ROUTER)->kind, ROLE_GATEWAY);
	assert_int_equal(table_at(plan, VIP4), table_at(plan, VIP6));
	assert_int_equal(service_at(plan, VIP4, 6005), service_at(plan, VIP6, 6005));
	assert_int_equal(slot(plan, "10.30.0.22"), member_at(plan, VIP6, "2001:db8:30::22"));
	assert_int_equal(member_at(plan, VIP4, "2001:db8:30::22"), -1);
	assert_true(flow_ip_equal(&smtp->vip[FLOW_IPV4], &four));
	assert_true(flow_ip_equal(&smtp->vip[FLOW_IPV6], &six));
	plan_free(plan);
	conf_free(conf);
}

/* An address without a VIP of its family has no part. */
static void test_unused_family(void **state)
{
	struct conf *conf = conf_of(v6_only);
	struct plan *plan = fresh(conf);
	int m1 = member_at(plan, VIP6, "2001:db8:30::21");

	(void)state;
	assert_true(m1 >= 0);
	assert_null(role_of(plan, "10.30.0.21"));
	assert_true(flow_ip_is_none(&plan->members[m1].addr[FLOW_IPV4]));
	assert_true(flow_ip_is_none(&plan->members[m1].vip[FLOW_IPV4]));
	assert_true(plan_first(plan->members[m1].addr) == &plan->members[m1].addr[FLOW_IPV6]);
	plan_free(plan);
	conf_free(conf);
}

/* What a restart finds in the maps is what there was. */
static void test_adopts_both_families(void **state)
{
	struct conf *conf = conf_of(both);
	struct plan *plan = fresh(conf), *after;
	struct flow_ip vip[FLOW_MAX_ARRAYS][FLOW_FAMILIES];

	(void)state;
	memcpy(vip, plan->vip, sizeof(vip));
	memset(plan->vip, 0, sizeof(plan->vip));
	plan_adopt(plan, 5);
	assert_memory_equal(plan->vip, vip, sizeof(vip));
	after = plan_after(conf, plan, no_flows);
	assert_memory_equal(&after->roles, &plan->roles, sizeof(plan->roles));
	assert_memory_equal(after->members, plan->members, sizeof(plan->members));
	plan_free(after);
	plan_free(plan);
	conf_free(conf);
}

/* From one family to both, and on to the other: nothing that still exists moves. */
static void test_families_come_and_go(void **state)
{
	static const char *const steps[] = { v4_only, both, v6_only, both, v4_only };
	struct conf *conf = conf_of(both), *next[5];
	struct plan *plan = fresh(conf), *first = plan, *after;
	int table = table_at(plan, VIP4), smtp = service_at(plan, VIP4, 25);
	int m2 = slot(plan, "10.30.0.22");

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		bool four = strstr(steps[i], VIP4);
		const char *vip = four ? VIP4 : VIP6;

		next[i] = conf_of(steps[i]);
		after = plan_after(next[i], plan, no_flows);
		assert_int_equal(table_at(after, vip), table);
		assert_int_equal(service_at(after, vip, 25), smtp);
		assert_int_equal(member_at(after, vip, four ? "10.30.0.22" : "2001:db8:30::22"),
				 m2);
		if (plan != first)
			plan_free(plan);
		plan = after;
	}
	plan_free(plan);
	plan_free(first);
	for (size_t i = 0; i < 5; i++)
		conf_free(next[i]);
	conf_free(conf);
}

/* IPv4 decides, and a slot never has two owners. */
static void test_addresses_change_hands(void **state)
{
	struct conf *conf = conf_of(both), *next = conf_of(moved), *two = conf_of(split);
	struct plan *old = fresh(conf), *plan = plan_after(next, old, no_flows);
	int m1 = slot(old, "10.30.0.21"), m3 = slot(plan, "10.30.0.23");

	(void)state;
	assert_int_equal(slot(plan, "10.30.0.21"), m1);
	assert_true(m3 >= 0);
	assert_int_not_equal(m3, m1);
	assert_int_equal(member_at(plan, VIP6, "2001:db8:30::33"), m1);
	assert_int_equal(member_at(plan, VIP6, "2001:db8:30::21"), m3);
	assert_int_equal(role_of(plan, "2001:db8:30::21")->id, m3);
	plan_free(plan);

	plan = plan_after(two, old, no_flows);
	assert_int_not_equal(table_at(plan, VIP4), table_at(plan, VIP6));
	assert_true(slot(plan, "10.30.0.21") >= 0);
	assert_true(member_at(plan, VIP6, "2001:db8:30::21") >= 0);
	assert_int_not_equal(slot(plan, "10.30.0.21"), member_at(plan, VIP6, "2001:db8:30::21"));
	assert_int_not_equal(service_at(plan, VIP4, 25), service_at(plan, VIP6, 25));
	plan_free(plan);
	plan_free(old);
	conf_free(two);
	conf_free(next);
	conf_free(conf);
}

static void test_gone_member_keeps_both_roles(void **state)
{
	static const char one[] = HEAD "array x { vip " VIP6 ", " VIP4
				       "; gateway 10.30.0.1, 2001:db8:30::1\n" RPC SMTP
				       "member m1 { address 10.30.0.21, 2001:db8:30::21 }\n}\n";
	struct conf *conf = conf_of(both), *next = conf_of(one);
	struct plan *old = fresh(conf), *plan;
	uint64_t flows[FLOW_MAX_MEMBERS] = { 0 };
	int gone = slot(old, "10.30.0.22");

	(void)state;
	flows[gone] = 1;
	plan = plan_after(next, old, flows);
	assert_int_equal(role_of(plan, "10.30.0.22")->id, gone);
	assert_int_equal(role_of(plan, "2001:db8:30::22")->id, gone);
	plan_free(plan);
	plan_free(old);
	conf_free(next);
	conf_free(conf);
}

/* A port that is closed for now still belongs to its service. */
static void test_closed_port(void **state)
{
	struct conf *conf = conf_of(both);
	struct plan *plan = fresh(conf);
	int smtp = service_at(plan, VIP4, 25);

	(void)state;
	plan->ports[table_at(plan, VIP4)].service[25] |= FLOW_PORT_CLOSED;
	assert_int_equal(service_at(plan, VIP6, 25), smtp);
	plan_free(plan);
	conf_free(conf);
}

/* In mode snat nobody could derive the way of a flow: there the standby is always waited for. */
static void test_strict_services(void **state)
{
	static const struct {
		const char *mode, *replicate;
		uint8_t flags;
	} rows[] = {
		{ "nat", "async", 0 },
		{ "nat", "prefer", SERVICE_STRICT },
		{ "nat", "require", SERVICE_STRICT | SERVICE_REQUIRE },
		{ "dsr", "async", 0 },
		{ "dsr", "prefer", SERVICE_STRICT },
		{ "snat; snat-pool 10.30.0.200", "async", SERVICE_STRICT },
		{ "snat; snat-pool 10.30.0.200", "require", SERVICE_STRICT | SERVICE_REQUIRE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[1024];
		struct conf *conf;
		struct plan *plan;
		int service;

		snprintf(text, sizeof(text),
			 HEAD "array x { vip 10.20.0.10; mode %s\n"
			      "service smtp { ports 25; replicate %s }\n"
			      "member m1 { address 10.30.0.21 }\n}\n",
			 rows[i].mode, rows[i].replicate);
		conf = conf_of(text);
		plan = fresh(conf);
		service = service_at(plan, "10.20.0.10", 25);
		assert_true(service >= 0);
		assert_int_equal(plan->services[service].flags, SERVICE_USED | rows[i].flags);
		plan_free(plan);
		conf_free(conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticks),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_restart_is_identity),
		cmocka_unit_test(test_restart_keeps_verdicts),
		cmocka_unit_test(test_change_keeps_numbers),
		cmocka_unit_test(test_change_of_members),
		cmocka_unit_test(test_gone_member_stays_while_it_has_flows),
		cmocka_unit_test(test_backup),
		cmocka_unit_test(test_all_down),
		cmocka_unit_test(test_nobody_left),
		cmocka_unit_test(test_drained_member_keeps_its_bit),
		cmocka_unit_test(test_duties),
		cmocka_unit_test(test_resting_members_serve_when_all_others_are_down),
		cmocka_unit_test(test_base_stays_until_told),
		cmocka_unit_test(test_base_has_a_past_of_its_own),
		cmocka_unit_test(test_set_tells_news),
		cmocka_unit_test(test_slow_start),
		cmocka_unit_test(test_no_slow_start),
		cmocka_unit_test(test_slow_start_of_the_lightest),
		cmocka_unit_test(test_does_not_fit),
		cmocka_unit_test(test_both_families),
		cmocka_unit_test(test_unused_family),
		cmocka_unit_test(test_adopts_both_families),
		cmocka_unit_test(test_families_come_and_go),
		cmocka_unit_test(test_addresses_change_hands),
		cmocka_unit_test(test_gone_member_keeps_both_roles),
		cmocka_unit_test(test_closed_port),
		cmocka_unit_test(test_strict_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
