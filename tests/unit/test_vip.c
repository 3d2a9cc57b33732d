// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floating addresses in a network namespace of their own, on two ends of a veth pair.  Where
 * namespaces are forbidden the test says so and passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "proto/addr.h"
#include "vrrp/ifaddr.h"
#include "vrrp/vip.h"

static bool forbidden;

/* Names of a configuration that nobody needs to write to. */
static char outside[] = "out0", inside[] = "in0";
static char *interfaces[] = { outside, inside };

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* ip(8) runs as a child of ours: without root's number there, exec would cost it its rights. */
static bool become_root_there(void)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %u 1\n", (unsigned int)getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	write_text("/proc/self/uid_map", map);
	return true;
}

static int enter_namespace(void **unused)
{
	(void)unused;
	log_open("test", LOG_LEVEL_ERROR);
	forbidden = unshare(CLONE_NEWNET) && !become_root_there();
	if (forbidden) {
		print_message("no network namespace: %s\n", strerror(errno));
		return 0;
	}
	return system("ip link add out0 type veth peer name in0 && ip link set out0 up && "
		      "ip link set in0 up && ip addr add 10.20.0.11/24 dev out0 && "
		      "ip addr add 10.30.0.11/16 dev in0 && ip addr add 10.20.0.200/25 dev in0 && "
		      "ip addr add 2001:db8:20::11/64 dev out0 nodad && "
		      "ip addr add 2001:db8:20:0:8000::11/65 dev in0 nodad");
}

static struct addr addr(const char *text)
{
	struct addr value;

	assert_true(addr_parse(&value, text));
	return value;
}

static bool present(struct vips *vips, const char *text, int ifindex)
{
	const struct addr value = addr(text);

	return ifaddr_present(vips->sock, &value, ifindex);
}

static const struct vip *find(const struct vips *vips, const char *text)
{
	const struct addr value = addr(text);

	return vip_find(vips, &value);
}

static const char *store; /* not NULL: with virtual MAC addresses */

static char *pool; /* of the first array, if not NULL */

/* Plans for one or two arrays, as pairs of VIP and gateway. */
static int plan(struct vips *vips, char *words[][2], size_t count)
{
	Conf__Config file = CONF__CONFIG__INIT;
	Conf__Vrrp vrrp = CONF__VRRP__INIT;
	Conf__Forwarding forwarding = CONF__FORWARDING__INIT;
	Conf__Array array[100], *list[100];
	struct conf conf = { .file = &file };
	char name[] = "a";

	vrrp.interface = outside;
	forwarding.interface = interfaces;
	forwarding.n_interface = 2;
	file.vrrp = &vrrp;
	file.forwarding = &forwarding;
	for (size_t i = 0; i < count; i++) {
		conf__array__init(&array[i]);
		array[i].name = name;
		array[i].vip = &words[i][0];
		array[i].n_vip = 1;
		array[i].gateway = &words[i][1];
		array[i].n_gateway = words[i][1] ? 1 : 0;
		list[i] = &array[i];
	}
	array[0].snat_pool = &pool;
	array[0].n_snat_pool = pool ? 1 : 0;
	file.array = list;
	file.n_array = count;
	vrrp.vrid = 51;
	return store && !vips->vmacs.sock ? vip_virtual_mac(vips, &conf, store)
					  : vip_plan(vips, &conf);
}

static int open_vips(void **state)
{
	static struct vips vips;

	*state = &vips;
	return forbidden ? 0 : vip_open(&vips);
}

static int close_vips(void **state)
{
	if (!forbidden) {
		vip_drop(*state);
		vip_close(*state);
	}
	return 0;
}

static void addresses_go_where_they_belong(void **state)
{
	static char vip[] = "10.20.0.10", gateway[] = "10.30.0.1", near[] = "10.20.0.201",
		    far[] = "192.0.2.1";
	static char *words[][2] = { { vip, gateway }, { near, gateway }, { far, NULL } };
	static const struct {
		const char *addr, *ifname;
	} rows[] = {
		{ "10.20.0.10", "out0" },
		{ "10.30.0.1", "in0" },
		{ "10.20.0.201", "in0" }, /* the longer prefix */
		{ "192.0.2.1", "out0" },  /* nowhere: where the adverts go */
	};
	struct vips *vips = *state;

	if (forbidden)
		skip();
	assert_int_equal(plan(vips, words, 3), 0);
	assert_int_equal(vips->count, 4); /* the shared gateway once */
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct vip *found = find(vips, rows[i].addr);

		assert_non_null(found);
		assert_string_equal(found->ifname, rows[i].ifname);
	}
	assert_null(find(vips, "10.20.0.11"));
}

static void pools_float_too(void **state)
{
	static char vip[] = "10.20.0.10", good[] = "10.30.0.50-10.30.0.52", bad[] = "10.99.0.1";
	static char *words[][2] = { { vip, NULL } };
	struct vips *vips = *state;
	int err;

	if (forbidden)
		skip();
	pool = good;
	err = plan(vips, words, 1);
	pool = bad;
	assert_int_equal(plan(vips, words, 1), -EADDRNOTAVAIL);
	pool = NULL;
	assert_int_equal(err, 0);
	assert_int_equal(vips->count, 4);
	assert_string_equal(find(vips, "10.30.0.52")->ifname, "in0");
	assert_null(find(vips, "10.30.0.53"));
}

static void a_gateway_without_a_subnet_is_an_error(void **state)
{
	static char vip[] = "10.20.0.10", gateway[] = "10.99.0.1";
	static char *good[][2] = { { vip, NULL } }, *bad[][2] = { { vip, gateway } };
	struct vips *vips = *state;

	if (forbidden)
		skip();
	assert_int_equal(plan(vips, good, 1), 0);
	assert_int_equal(plan(vips, bad, 1), -EADDRNOTAVAIL);
	/* The old plan is still the plan. */
	assert_int_equal(vips->count, 1);
}

static void who_is_on_the_link(void **state)
{
	static const struct {
		const char *address, *ifname;
		bool on_link;
	} cases[] = {
		{ "10.20.0.12", "out0", true },      { "10.20.1.12", "out0", false },
		{ "10.30.77.1", "out0", false },     { "10.30.77.1", "in0", true },
		{ "2001:db8:20::12", "out0", true }, { "2001:db8:21::12", "out0", false },
		{ "fe80::12", "out0", true },
	};
	struct vips *vips = *state;

	if (forbidden)
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct addr peer = addr(cases[i].address);

		assert_int_equal(
			ifaddr_on_link(vips->sock, &peer, (int)if_nametoindex(cases[i].ifname)),
			cases[i].on_link);
	}
}

static void taken_and_dropped(void **state)
{
	static char vip[] = "10.20.0.10", gateway[] = "10.30.0.1";
	static char *words[][2] = { { vip, gateway } };
	struct vips *vips = *state;
	int out;

	if (forbidden)
		skip();
	assert_int_equal(plan(vips, words, 1), 0);
	out = vips->vip[0].ifindex;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vip_take(vips), 0);
		assert_int_equal(vip_take(vips), 0); /* there already */
		assert_true(present(vips, vip, out));
		assert_false(present(vips, vip, out + 1));
		assert_int_equal(vip_drop(vips), 0);
		assert_int_equal(vip_drop(vips), 0); /* gone already */
		assert_false(present(vips, vip, out));
	}
	/* The node's own address has the same prefix and is still there. */
	assert_true(present(vips, "10.20.0.11", out));
}

static void sweep_finds_what_a_crash_left(void **state)
{
	static char vip[] = "10.20.0.10", other[] = "10.20.0.50";
	static char *before[][2] = { { other, NULL } }, *now[][2] = { { vip, NULL } };
	struct vips *vips = *state;

	if (forbidden)
		skip();
	/* An address of an older configuration (marked as ours), and ours put there by hand. */
	assert_int_equal(plan(vips, before, 1), 0);
	vip_take(vips);
	assert_int_equal(plan(vips, now, 1), 0);
	run("ip addr add 10.20.0.10/24 dev in0 && ip addr add 10.20.0.60/32 dev out0");
	assert_int_equal(vip_sweep(vips), 2);
	assert_int_equal(vip_sweep(vips), 0);
	assert_false(present(vips, other, vips->vip[0].ifindex));
	assert_true(present(vips, "10.20.0.60", vips->vip[0].ifindex));
	run("ip addr del 10.20.0.60/32 dev out0");
}

static void a_new_plan_retires_the_old(void **state)
{
	static char first[] = "10.20.0.10", second[] = "10.20.0.20", third[] = "10.20.0.30";
	static char *old[][2] = { { first, NULL }, { second, NULL } },
		    *new[][2] = { { second, NULL }, { third, NULL } };
	struct vips *vips = *state, before;
	int out;

	if (forbidden)
		skip();
	assert_int_equal(plan(vips, old, 2), 0);
	vip_take(vips);
	before = *vips;
	assert_int_equal(plan(vips, new, 2), 0);
	assert_true(vips->held);
	vip_retire(&before, vips);
	out = vips->vip[0].ifindex;
	assert_false(present(vips, first, out));
	assert_true(present(vips, second, out));
}

static void ipv6_addresses(void **state)
{
	static char vip[] = "2001:db8:20::10", near[] = "2001:db8:20:0:8000::10",
		    four[] = "10.20.0.10";
	static char *words[][2] = { { four, NULL }, { vip, near } };
	static const char link_local[] = "fe80::200:5eff:fe00:233";
	struct vips *vips = *state;

	if (forbidden)
		skip();
	assert_int_equal(plan(vips, words, 2), 0);
	assert_int_equal(vips->count, 4);
	/* The virtual router's link-local address is the first, where the adverts go. */
	assert_ptr_equal(find(vips, link_local), &vips->vip[0]);
	assert_string_equal(vips->vip[0].ifname, "out0");
	assert_string_equal(find(vips, vip)->ifname, "out0");
	assert_string_equal(find(vips, near)->ifname, "in0");
	assert_true(vip_has(vips, 4) && vip_has(vips, 6));
	assert_int_equal(vip_take(vips), 0);
	/* At once usable, never a source of its own accord, no route to a subnet. */
	run("ip -6 -o addr show dev out0 | grep -F '2001:db8:20::10/128' | grep deprecated | "
	    "grep nodad | grep -qv tentative");
	run("! ip -6 route | grep -q '^2001:db8:20::10'");
	run("ip -6 route get 2001:db8:20::99 | grep -qF 'src 2001:db8:20::11'");
	assert_true(present(vips, link_local, vips->vip[0].ifindex));
	/* A crash: all of it is found by its mark. */
	assert_int_equal(vip_sweep(vips), 4);
	assert_false(present(vips, vip, vips->vip[0].ifindex));
	run("ip -6 -o addr show dev out0 | grep -qF '2001:db8:20::11/64'");
}

static void too_many_for_an_advert(void **state)
{
	static char text[VIP_MAX_V6 + 1][ADDR_TEXT], *words[VIP_MAX_V6 + 1][2];
	struct vips *vips = *state;

	if (forbidden)
		skip();
	for (unsigned int i = 0; i <= VIP_MAX_V6; i++) {
		snprintf(text[i], sizeof(text[i]), "2001:db8:20::%x", i + 1);
		words[i][0] = text[i];
	}
	assert_int_equal(plan(vips, words, VIP_MAX_V6 - 1), 0);
	assert_int_equal(vips->count, VIP_MAX_V6);
	assert_int_equal(plan(vips, words, VIP_MAX_V6), -E2BIG);
	assert_int_equal(vips->count, VIP_MAX_V6);
}

/* A macvlan for each interface and family, down until it is needed; nothing remains of it. */
static void virtual_mac_addresses(void **state)
{
	static char vip[] = "2001:db8:20::10", four[] = "10.20.0.10", gateway[] = "10.30.0.1";
	static char *words[][2] = { { four, gateway }, { vip, NULL } };
	struct vips *vips = *state;
	char file[] = "/tmp/test_vip.XXXXXX";
	int out;

	if (forbidden)
		skip();
	assert_int_not_equal(mkstemp(file), -1);
	run("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.in0.arp_announce=1");
	store = file;
	assert_int_equal(plan(vips, words, 2), 0);
	assert_int_equal(vips->vmacs.count, 3);
	run("test $(cat /proc/sys/net/ipv4/conf/all/rp_filter) = 0");
	run("test $(cat /proc/sys/net/ipv4/conf/in0/arp_announce) = 2");
	run("ip -d link show type macvlan | grep -c 'addrgenmode none' | grep -qx 3");
	run("! ip link show type macvlan up | grep -q .");
	out = find(vips, four)->ifindex;
	assert_int_not_equal(out, (int)if_nametoindex("out0"));
	assert_int_not_equal(find(vips, vip)->ifindex, out);
	assert_int_equal(vip_take(vips), 0);
	assert_true(present(vips, four, out));
	run("ip link show type macvlan up | grep -c 00:00:5e:00:01:33 | grep -qx 2");
	run("ip link show type macvlan up | grep -c 00:00:5e:00:02:33 | grep -qx 1");
	run("! ip -6 addr show type macvlan | grep -F fe80:: | grep -v 5eff:fe00:233");
	assert_int_equal(vip_drop(vips), 0);
	run("! ip link show type macvlan up | grep -q .");
	/* Somebody removes one: it is made again. */
	run("ip link del $(ip -o link show type macvlan | sed -n 's/.*: "
	    "\\(vrrp6[^@]*\\)@.*/\\1/p')");
	assert_int_equal(plan(vips, words, 2), 0);
	assert_int_equal(vips->vmacs.count, 3);
	assert_int_equal(vip_take(vips), 0);
	run("ip link show type macvlan up | grep -c 00:00:5e:00:02:33 | grep -qx 1");
	assert_int_equal(vip_drop(vips), 0);
	/* A crash: the next run finds the interfaces and the settings. */
	vips->vmacs = (struct vmacs){ 0 };
	assert_int_equal(vmac_sweep(vips->sock, file), 0);
	run("! ip link show type macvlan | grep -q .");
	run("test $(cat /proc/sys/net/ipv4/conf/all/rp_filter) = 1");
	run("test $(cat /proc/sys/net/ipv4/conf/in0/arp_announce) = 1");
	run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.in0.arp_announce=0");
	store = NULL;
	unlink(file);
}

static void failures_do_not_keep_the_rest(void **state)
{
	static char vip[] = "10.20.0.10", gateway[] = "10.30.0.1";
	static char *words[][2] = { { vip, gateway } };
	struct vips *vips = *state;

	if (forbidden)
		skip();
	assert_int_equal(plan(vips, words, 1), 0);
	vips->vip[0].ifindex = 4711;
	assert_int_equal(vip_take(vips), 1);
	assert_true(present(vips, gateway, vips->vip[1].ifindex));
	assert_int_equal(vip_drop(vips), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_go_where_they_belong, open_vips,
						close_vips),
		cmocka_unit_test_setup_teardown(pools_float_too, open_vips, close_vips),
		cmocka_unit_test_setup_teardown(a_gateway_without_a_subnet_is_an_error, open_vips,
						close_vips),
		cmocka_unit_test_setup_teardown(who_is_on_the_link, open_vips, close_vips),
		cmocka_unit_test_setup_teardown(taken_and_dropped, open_vips, close_vips),
		cmocka_unit_test_setup_teardown(sweep_finds_what_a_crash_left, open_vips,
						close_vips),
		cmocka_unit_test_setup_teardown(a_new_plan_retires_the_old, open_vips, close_vips),
		cmocka_unit_test_setup_teardown(ipv6_addresses, open_vips, close_vips),
		cmocka_unit_test_setup_teardown(too_many_for_an_advert, open_vips, close_vips),
		cmocka_unit_test_setup_teardown(virtual_mac_addresses, open_vips, close_vips),
		cmocka_unit_test_setup_teardown(failures_do_not_keep_the_rest, open_vips,
						close_vips),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
