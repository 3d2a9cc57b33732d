// SPDX-License-Identifier: BSD-2-Clause
/* The lease as the data plane sees it: a page of shared memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/flow_ip.h"
#include "proto/flow_lease.h"
#include "vrrp/lease.h"

struct fixture {
	int fd;
	struct flow_lease *seen; /* the other side's view */
	struct lease lease;
};

static int map_both(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .fd = memfd_create("lease", MFD_CLOEXEC), .lease.vrid = 51 };
	if (fixture.fd < 0 || ftruncate(fixture.fd, sysconf(_SC_PAGESIZE)))
		return -1;
	fixture.seen = mmap(NULL, sizeof(*fixture.seen), PROT_READ | PROT_WRITE, MAP_SHARED,
			    fixture.fd, 0);
	*state = &fixture;
	return fixture.seen == MAP_FAILED ? -1 : lease_map(&fixture.lease, fixture.fd);
}

static int unmap_both(void **state)
{
	struct fixture *fixture = *state;

	lease_unmap(&fixture->lease);
	munmap(fixture->seen, sizeof(*fixture->seen));
	return close(fixture->fd);
}

static void standby_admits_nothing(void **state)
{
	struct fixture *fixture = *state;

	lease_activate(&fixture->lease, 7, 1000);
	lease_standby(&fixture->lease);
	assert_int_equal(fixture->seen->role, LEASE_STANDBY);
	assert_int_equal(fixture->seen->until_ns, 0);
	assert_int_equal(fixture->seen->vrid, 51);
	/* What it led in last stays: a restarted vrrpd asks for it. */
	assert_int_equal(lease_epoch(&fixture->lease), 7);
}

static void leaving_is_a_standby_with_an_end(void **state)
{
	struct fixture *fixture = *state;

	lease_activate(&fixture->lease, 7, 1000);
	lease_leave(&fixture->lease, 9000);
	assert_int_equal(fixture->seen->role, LEASE_LEAVING);
	assert_int_equal(fixture->seen->until_ns, 9000);
	/* The data plane was faster: somebody else leads already. */
	lease_activate(&fixture->lease, 8, 1000);
	fixture->seen->fenced = FENCE_ADVERT;
	lease_leave(&fixture->lease, 9000);
	assert_int_equal(fixture->seen->role, LEASE_STANDBY);
}

static void active_clears_an_old_fence(void **state)
{
	struct fixture *fixture = *state;

	fixture->seen->role = LEASE_ACTIVE;
	fixture->seen->fenced = FENCE_DAEMON;
	fixture->seen->fenced_ns = 1;
	fixture->seen->fenced_by = flow_ip4(2);
	assert_int_equal(lease_fenced(&fixture->lease), FENCE_DAEMON);
	lease_activate(&fixture->lease, 8, 5000);
	assert_int_equal(fixture->seen->role, LEASE_ACTIVE);
	assert_int_equal(fixture->seen->epoch, 8);
	assert_int_equal(fixture->seen->until_ns, 5000);
	assert_int_equal(fixture->seen->fenced, FENCE_NONE);
	assert_int_equal(fixture->seen->fenced_ns, 0);
	assert_true(flow_ip_is_none(&fixture->seen->fenced_by));
	assert_true(fixture->seen->promoted_ns > 0);
}

/* A higher epoch for a node that leads already is no promotion: timers are not re-based. */
static void new_epoch_is_no_promotion(void **state)
{
	struct fixture *fixture = *state;

	lease_activate(&fixture->lease, 8, 5000);
	fixture->seen->promoted_ns = 3;
	lease_activate(&fixture->lease, 9, 6000);
	assert_int_equal(fixture->seen->epoch, 9);
	assert_int_equal(fixture->seen->until_ns, 6000);
	assert_int_equal(fixture->seen->promoted_ns, 3);
}

static void extending_leaves_the_fence(void **state)
{
	struct fixture *fixture = *state;

	lease_activate(&fixture->lease, 8, 5000);
	fixture->seen->fenced = FENCE_ADVERT;
	lease_extend(&fixture->lease, 7000);
	assert_int_equal(fixture->seen->until_ns, 7000);
	assert_int_equal(lease_fenced(&fixture->lease), FENCE_ADVERT);
}

/* lbd came back with other tables. */
static void another_map_replaces_the_first(void **state)
{
	struct fixture *fixture = *state;
	int fd = memfd_create("lease", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, sysconf(_SC_PAGESIZE)), 0);
	lease_activate(&fixture->lease, 8, 5000);
	assert_int_equal(lease_map(&fixture->lease, fd), 0);
	close(fd);
	assert_int_equal(lease_epoch(&fixture->lease), 0);
	lease_activate(&fixture->lease, 9, 6000);
	assert_int_equal(fixture->seen->epoch, 8);
}

static void what_cannot_be_mapped_keeps_the_old(void **state)
{
	struct fixture *fixture = *state;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	lease_activate(&fixture->lease, 8, 5000);
	assert_true(lease_map(&fixture->lease, pipes[0]) < 0);
	assert_int_equal(lease_epoch(&fixture->lease), 8);
	close(pipes[0]);
	close(pipes[1]);
}

static void without_a_map_nothing_happens(void **state)
{
	struct lease none = { 0 };

	(void)state;
	lease_activate(&none, 1, 1);
	lease_extend(&none, 1);
	lease_standby(&none);
	lease_unmap(&none);
	assert_int_equal(lease_epoch(&none), 0);
	assert_int_equal(lease_fenced(&none), FENCE_NONE);
}

static void clock_counts(void **state)
{
	uint64_t first = lease_now();

	(void)state;
	assert_true(first > 0);
	assert_true(lease_now() >= first);
}

static void the_policy_makes_it_hard(void **state)
{
	struct fixture *fixture = *state;

	fixture->lease.hard = true;
	lease_activate(&fixture->lease, 3, 100);
	assert_int_equal(fixture->seen->hard, 1);
	fixture->lease.hard = false;
	lease_standby(&fixture->lease);
	assert_int_equal(fixture->seen->hard, 0);
}

static void the_far_peer_is_known(void **state)
{
	struct fixture *fixture = *state;
	struct flow_ip peer;

	assert_true(addr_parse_flow(&peer, "2001:db8::12"));
	fixture->lease.ttl_min = 254;
	fixture->lease.peer[1] = addr_from_flow(&peer);
	lease_activate(&fixture->lease, 3, 100);
	assert_int_equal(fixture->seen->ttl_min, 254);
	assert_true(flow_ip_is_none(&fixture->seen->peer[FLOW_IPV4]));
	assert_true(flow_ip_equal(&fixture->seen->peer[FLOW_IPV6], &peer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(standby_admits_nothing, map_both, unmap_both),
		cmocka_unit_test_setup_teardown(leaving_is_a_standby_with_an_end, map_both,
						unmap_both),
		cmocka_unit_test_setup_teardown(active_clears_an_old_fence, map_both, unmap_both),
		cmocka_unit_test_setup_teardown(new_epoch_is_no_promotion, map_both, unmap_both),
		cmocka_unit_test_setup_teardown(the_far_peer_is_known, map_both, unmap_both),
		cmocka_unit_test_setup_teardown(extending_leaves_the_fence, map_both, unmap_both),
		cmocka_unit_test_setup_teardown(another_map_replaces_the_first, map_both,
						unmap_both),
		cmocka_unit_test_setup_teardown(what_cannot_be_mapped_keeps_the_old, map_both,
						unmap_both),
		cmocka_unit_test(without_a_map_nothing_happens),
		cmocka_unit_test_setup_teardown(the_policy_makes_it_hard, map_both, unmap_both),
		cmocka_unit_test(clock_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
