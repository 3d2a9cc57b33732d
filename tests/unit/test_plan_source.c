// SPDX-License-Identifier: BSD-2-Clause
/* Modes and sources in a plan: who may stand for clients, by which ports, and what a change does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/addr.h"
#include "lbd/plan.h"

#define HEAD                                                                                       \
	"format 1\npair t\n"                                                                       \
	"node a { address 10.20.0.11; sync 192.168.77.1\n"                                         \
	"public-key cpk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aA }\n"                          \
	"node b { address 10.20.0.12; sync 192.168.77.2\n"                                         \
	"public-key cpk1_b_Oy6CPSDzOknWiSPe4LiP09a1vw-QRnfRvdACPjtoc }\n"                          \
	"vrrp { interface eth0; vrid 51 }\nsync { path eth2 }\n"

#define SMTP    "service smtp { ports 25 }\n"
#define WIDE    "service rpc { ports 2000-3999, 6005-59530 }\n"
#define MEMBERS "member m1 { address 10.30.0.21 }\nmember m2 { address 10.30.0.22 }\n}\n"

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

/* A plan keeps pointers into its configuration, which nothing here follows. */
static struct plan *plan_after(const char *text, struct plan *old)
{
	struct conf *conf = conf_of(text);
	struct plan *none = old ? NULL : plan_new();
	char error[PLAN_ERROR_TEXT];
	struct plan *plan = plan_make(conf, old ? old : none, no_flows, 1000, error);

	if (!plan)
		fail_msg("%s", error);
	plan_free(none);
	plan_free(old);
	conf_free(conf);
	return plan;
}

static struct flow_ip ip(const char *text)
{
	struct flow_ip addr;

	assert_true(addr_parse_flow(&addr, text));
	return addr;
}

static int slot_of(const struct plan *plan, const char *text)
{
	struct flow_ip addr = ip(text);

	for (int i = 0; i < FLOW_MAX_SOURCES; i++)
		if (plan->sources[i].flags && flow_ip_equal(&plan->sources[i].addr, &addr))
			return i;
	return -1;
}

static const struct flow_role *role_of(const struct plan *plan, const char *text)
{
	struct flow_ip addr = ip(text);

	for (size_t i = 0; i < FLOW_ROLE_SLOTS; i++)
		if (plan->roles.slot[i].kind && flow_ip_equal(&plan->roles.slot[i].addr, &addr))
			return &plan->roles.slot[i];
	return NULL;
}

static const struct flow_service *service_of(const struct plan *plan, const char *vip)
{
	struct flow_ip addr = ip(vip);
	int slot = plan_service(plan, &addr, 25);

	assert_in_range(slot, 0, FLOW_MAX_SERVICES - 1);
	return &plan->services[slot];
}

static void test_gateway_is_a_source(void **state)
{
	struct plan *plan = plan_after(
		HEAD "array x { vip 10.20.0.10; gateway 10.30.0.1\n" SMTP MEMBERS, NULL);
	const struct flow_service *service = service_of(plan, "10.20.0.10");
	int slot = slot_of(plan, "10.30.0.1");

	(void)state;
	assert_int_equal(service->mode, MODE_NAT);
	assert_int_equal(service->sources[FLOW_IPV4], 1);
	assert_int_equal(service->sources[FLOW_IPV6], 0);
	assert_int_equal(service->source[FLOW_IPV4][0], slot);
	assert_int_equal(role_of(plan, "10.30.0.1")->kind, ROLE_GATEWAY);
	assert_int_equal(role_of(plan, "10.30.0.1")->id, slot);
	assert_int_equal(plan->sources[slot].first, 1024);
	assert_int_equal(plan->sources[slot].ports, 64512);
	plan_free(plan);
}

static void test_vip_keeps_its_services(void **state)
{
	struct plan *plan = plan_after(HEAD "array x { vip 10.20.0.10\n" SMTP WIDE MEMBERS, NULL);
	const struct flow_source *source = &plan->sources[slot_of(plan, "10.20.0.10")];

	(void)state;
	assert_int_equal(source->first, 59531); /* the longest run */
	assert_int_equal(source->ports, 6004);  /* 59531-65535 are one more: two halves */
	assert_int_equal(role_of(plan, "10.20.0.10")->kind, ROLE_VIP);
	assert_int_equal(service_of(plan, "10.20.0.10")->sources[FLOW_IPV4], 1);
	plan_free(plan);
}

static void test_vip_without_ports(void **state)
{
	struct plan *plan = plan_after(HEAD "array x { vip 10.20.0.10\n" SMTP
					    "service all { ports 1024-65535 }\n" MEMBERS,
				       NULL);

	(void)state;
	assert_int_equal(service_of(plan, "10.20.0.10")->sources[FLOW_IPV4], 0);
	plan_free(plan);
}

static void test_pool(void **state)
{
	struct plan *plan = plan_after(HEAD "array x { vip 10.20.0.10; mode snat\n"
					    "snat-pool 10.30.0.200-10.30.0.202\n" SMTP MEMBERS
					    "array y { vip 10.20.0.13; mode dsr\n" SMTP
					    "member m3 { address 10.30.0.23 }\n}\n",
				       NULL);
	const struct flow_service *service = service_of(plan, "10.20.0.10");

	(void)state;
	assert_int_equal(service->mode, MODE_SNAT);
	assert_int_equal(service->sources[FLOW_IPV4], 3);
	for (int i = 0; i < 3; i++) {
		char text[ADDR_TEXT];

		snprintf(text, sizeof(text), "10.30.0.%d", 200 + i);
		assert_int_equal(service->source[FLOW_IPV4][i], slot_of(plan, text));
		assert_int_equal(role_of(plan, text)->kind, ROLE_SOURCE);
		assert_int_equal(role_of(plan, text)->id, slot_of(plan, text));
	}
	assert_int_equal(slot_of(plan, "10.20.0.10"), -1);
	assert_int_equal(service_of(plan, "10.20.0.13")->mode, MODE_DSR);
	assert_int_equal(service_of(plan, "10.20.0.13")->sources[FLOW_IPV4], 0);
	plan_free(plan);
}

#define POOL(words) HEAD "array x { vip 10.20.0.10; mode snat; snat-pool " words "\n" SMTP MEMBERS

static void test_slots_stay(void **state)
{
	struct plan *plan = plan_after(POOL("10.30.0.200, 10.30.0.201"), NULL);
	int kept = slot_of(plan, "10.30.0.201"), gone = slot_of(plan, "10.30.0.200");

	(void)state;
	plan->source_flows[gone] = 1;
	plan = plan_after(POOL("10.30.0.210, 10.30.0.201"), plan);
	assert_int_equal(slot_of(plan, "10.30.0.201"), kept);
	assert_int_equal(slot_of(plan, "10.30.0.200"), gone);
	assert_int_equal(plan->sources[gone].flags, SOURCE_USED | SOURCE_GONE);
	assert_int_equal(role_of(plan, "10.30.0.200")->kind, ROLE_SOURCE);
	assert_int_equal(service_of(plan, "10.20.0.10")->sources[FLOW_IPV4], 2);
	/* Its last flow has ended. */
	plan = plan_after(POOL("10.30.0.210, 10.30.0.201"), plan);
	assert_int_equal(slot_of(plan, "10.30.0.200"), -1);
	assert_null(role_of(plan, "10.30.0.200"));
	/* And it comes back, while another has its slot or not. */
	plan = plan_after(POOL("10.30.0.200, 10.30.0.201"), plan);
	assert_int_equal(slot_of(plan, "10.30.0.201"), kept);
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gateway_is_a_source),
		cmocka_unit_test(test_vip_keeps_its_services),
		cmocka_unit_test(test_vip_without_ports),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_slots_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
