/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Affinity: which member a client goes to.  pin.flows counts the living flows that have this pin's
 * pool_id, exactly: who records a flow takes hold of the pin first, or when there is one; who removes
 * it lets go.
 *
 * A SYN makes no pin, even where it is recorded: a flood of them would fill the table for as long
 * as pins last, with clients that do not exist.  Who acknowledges makes it.
 */
#ifndef CASPAIR_PIN_BPF_H
#define CASPAIR_PIN_BPF_H

#include "lbd/bpf/choice.h"
#include "lbd/bpf/event.bpf.h"
#include "lbd/bpf/gate.bpf.h"

enum pin_hold {
	PIN_NONE = 0, /* there is none, or no room: the flow is not counted anywhere */
	PIN_HELD,
	PIN_HELD_NEW, /* made or changed: the peer must hear of it */
};

/* What else a flow may do that takes hold of a pin. */
enum pin_judge {
	PIN_KEEP = 0,
	PIN_REPLACE_DEAD = 1, /* point it elsewhere, if its member takes no new clients any more */
	PIN_MAKE = 2,         /* where there is none */
};

static __always_inline int pin_make(const struct pin_key *key, __u16 member, __u32 holds, __u32 now)
{
	struct pin fresh = {
		.member = member,
		.created = now,
		.last_used = now,
		.flows = holds,
	};
	int err = (int)bpf_map_update_elem(&pins, key, &fresh, BPF_NOEXIST);

	if (!err)
		gauge_pins(1);
	return err;
}

/* Counts one more flow on a client's pin. */
static __noinline int pin_hold(const struct pin_key *key, const struct flow_pool *pool,
			       __u16 member, __u32 now, int judge)
{
	struct pin *pin = bpf_map_lookup_elem(&pins, key);

	if (!pin && !(judge & PIN_MAKE))
		return PIN_NONE;
	if (!pin) {
		if (pin_make(key, member, 1, now) == 0)
			return PIN_HELD_NEW;
		/* Full, or another CPU was faster. */
		pin = bpf_map_lookup_elem(&pins, key);
		if (!pin) {
			count_shared(COUNT_PINS_FULL);
			return PIN_NONE;
		}
	}
	__sync_fetch_and_add(&pin->flows, 1);
	pin->last_used = now;
	if (!(judge & PIN_REPLACE_DEAD) || pin->member == member || member_up(pool, pin->member))
		return PIN_HELD;
	pin->member = member;
	return PIN_HELD_NEW;
}

static __always_inline void pin_release(const struct pin_key *key, __u32 now)
{
	struct pin *pin = bpf_map_lookup_elem(&pins, key);

	/* None, or a younger one that does not count this flow: it was dropped by force. */
	if (!pin || !pin->flows)
		return;
	__sync_fetch_and_add(&pin->flows, (__u32)-1);
	pin->last_used = now;
}

/* Removes a pin; 0 when it was there. */
static __always_inline int pin_remove(const struct pin_key *key)
{
	if (bpf_map_delete_elem(&pins, key))
		return -1;
	gauge_pins(-1);
	return 0;
}

/*
 * The member that a client is pinned to.  A packet in mid-stream follows the pin in any case: a
 * drained member keeps its sessions.
 */
static __always_inline __u16 pin_choice(const struct flow_pool *pool, const struct flow_ip *client)
{
	struct pin_key key = { .client = *client, .pool_id = pool->id };
	const struct pin *pin = bpf_map_lookup_elem(&pins, &key);

	return pin ? pin->member : FLOW_NO_MEMBER;
}

/*
 * Whether a new connection follows a pin: while its member is up, and when nothing is up at all,
 * for then the verdicts are not believed.
 */
static __always_inline int pin_admits(const struct flow_pool *pool, __u16 member)
{
	return member_up(pool, member) || pool_dead(pool);
}

/* The member that a table yields for a client without a pin. */
static __always_inline __u16 pin_maglev(__u32 table, const struct flow_ip *client)
{
	const struct flow_control *current = control_get();
	const struct flow_maglev *places = bpf_map_lookup_elem(&maglev, &table);
	__u32 index;

	if (!places || !current)
		return FLOW_NO_MEMBER;
	index = choice_index(choice_hash(client, current->seed));
	/* The compiler knows the remainder's range, the verifier does not. */
	barrier_var(index);
	return index < FLOW_MAGLEV_SIZE ? places->member[index] : FLOW_NO_MEMBER;
}

#endif
