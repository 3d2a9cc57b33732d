/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ticks of CLOCK_MONOTONIC, see proto/flow_limits.h. */
#ifndef CASPAIR_CLOCK_BPF_H
#define CASPAIR_CLOCK_BPF_H

#include "lbd/bpf/maps.bpf.h"

/*
 * An entry may have been stamped by another CPU or by the finer of the two clocks an instant after
 * `now` was read: what lies this little in the future is no age of 52 days.
 */
#define CLOCK_SLACK 65536u

/*
 * In the packet path: at most two timer interrupts behind.  The coarse clock moves with the timer
 * interrupt, as jiffies do; but to read it costs a fifth of a packet, to read jiffies hardly
 * anything.
 */
static __always_inline __u32 ticks_packet(void)
{
	__u64 jiffies = bpf_jiffies64();
	__u32 zero = 0;
	struct clock *clock = bpf_map_lookup_elem(&clocks, &zero);

	if (!clock)
		return (__u32)(bpf_ktime_get_coarse_ns() >> FLOW_TICK_SHIFT);
	if (clock->jiffies != jiffies) {
		clock->ticks = (__u32)(bpf_ktime_get_coarse_ns() >> FLOW_TICK_SHIFT);
		clock->jiffies = jiffies;
	}
	return clock->ticks;
}

/* In calls, where the kernel does not offer the coarse clock. */
static __always_inline __u32 ticks_call(void)
{
	return (__u32)(bpf_ktime_get_ns() >> FLOW_TICK_SHIFT);
}

static __always_inline __u32 ticks_since(__u32 now, __u32 then)
{
	__u32 age = now - then;

	return age > (__u32)-CLOCK_SLACK ? 0 : age;
}

/* Whether a serial number (RFC 1982: an epoch, a sequence number) is newer than another. */
static __always_inline int serial_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

#endif
