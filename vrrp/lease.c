// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/lease.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "proto/flow_ip.h"
#include "proto/flow_lease.h"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t lease_now(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

static size_t map_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int lease_map(struct lease *lease, int fd)
{
	void *map = mmap(NULL, map_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	lease_unmap(lease);
	lease->map = map;
	return 0;
}

void lease_unmap(struct lease *lease)
{
	if (lease->map)
		munmap(lease->map, map_bytes());
	lease->map = NULL;
}

uint64_t lease_epoch(const struct lease *lease)
{
	return lease->map ? lease->map->epoch : 0;
}

uint32_t lease_fenced(const struct lease *lease)
{
	return lease->map ? __atomic_load_n(&lease->map->fenced, __ATOMIC_ACQUIRE) : FENCE_NONE;
}

void lease_tell(struct lease *lease)
{
	struct flow_lease *map = lease->map;

	if (!map)
		return;
	map->vrid = lease->vrid;
	map->version = lease->version;
	map->refuse = lease->refuse;
	map->hard = lease->hard || lease->bound;
	map->peer[FLOW_IPV4] = addr_to_flow(&lease->peer[0]);
	map->peer[FLOW_IPV6] = addr_to_flow(&lease->peer[1]);
	map->ttl_min = lease->ttl_min;
	map->advert_cs = lease->advert_cs;
}

/*
 * Programs read the words without a lock.  The role is written last, so that nothing is admitted
 * under the epoch, the fence or the end of an earlier lease.
 */
void lease_activate(struct lease *lease, uint64_t epoch, uint64_t until_ns)
{
	struct flow_lease *map = lease->map;

	if (!map)
		return;
	lease_tell(lease);
	__atomic_store_n(&map->epoch, epoch, __ATOMIC_RELAXED);
	__atomic_store_n(&map->until_ns, until_ns, __ATOMIC_RELEASE);
	if (map->role == LEASE_ACTIVE && !map->fenced)
		return;
	__atomic_store_n(&map->promoted_ns, clock_ns(CLOCK_MONOTONIC), __ATOMIC_RELAXED);
	map->fenced_by = (struct flow_ip){ 0 };
	map->fenced_ns = 0;
	__atomic_store_n(&map->fenced, FENCE_NONE, __ATOMIC_RELEASE);
	__atomic_store_n(&map->role, LEASE_ACTIVE, __ATOMIC_RELEASE);
}

void lease_extend(struct lease *lease, uint64_t until_ns)
{
	if (lease->map)
		__atomic_store_n(&lease->map->until_ns, until_ns, __ATOMIC_RELEASE);
}

static void let_go(struct lease *lease, uint32_t role, uint64_t until_ns)
{
	struct flow_lease *map = lease->map;

	if (!map)
		return;
	lease_tell(lease);
	__atomic_store_n(&map->role, role, __ATOMIC_RELEASE);
	__atomic_store_n(&map->until_ns, until_ns, __ATOMIC_RELEASE);
}

void lease_standby(struct lease *lease)
{
	let_go(lease, LEASE_STANDBY, 0);
}

void lease_leave(struct lease *lease, uint64_t until_ns)
{
	/* What a fence has taken away is not left any more. */
	let_go(lease, lease_fenced(lease) ? LEASE_STANDBY : LEASE_LEAVING, until_ns);
}
