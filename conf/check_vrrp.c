// SPDX-License-Identifier: BSD-2-Clause
/* What the protocol of the adverts does not allow together. */
#include "conf/check.h"

#include "conf/conf.h"
#include "conf/store.h"
#include "proto/flow.h"

enum { MS_SECOND = 1000, TTL_MAX = 255 };

static void check_version_2(const struct check *c, const Conf__Vrrp *vrrp)
{
	/* RFC 3768, 5.3.7: a byte of seconds.  Others have flooded the LAN with less. */
	if (vrrp->advert_ms % MS_SECOND)
		fault_error(
			c->faults,
			source_at(c->source, vrrp, vrrp->has_advert_ms ? "advert_ms" : "version"),
			"version 2 of VRRP knows whole seconds only: advert %ums is not; write "
			"advert 1s",
			vrrp->advert_ms);
	if (vrrp->checksum != CONF__VRRP__CHECKSUM__AUTO)
		fault_error(c->faults, source_at(c->source, vrrp, "checksum"),
			    "version 2 of VRRP has one form of the checksum: leave it out");
}

/* Adverts of one family must have an address of that family to tell. */
static bool has_ipv4(const struct check *c)
{
	struct flow_ip vip;
	bool any = false;

	for (size_t i = 0; i < check_array_count(c->file); i++) {
		if (conf_vip(c->file->array[i], FLOW_IPV4, &vip))
			return true;
		any |= c->file->array[i]->n_vip > 0;
	}
	return !any; /* said elsewhere */
}

/* What would be read and then do nothing, or not what was meant. */
static void check_judgement(const struct check *c, const Conf__Vrrp *vrrp)
{
	bool consistency = vrrp->policy == CONF__VRRP__POLICY__CONSISTENCY;

	if (vrrp->preempt_delay_ms && !vrrp->preempt)
		fault_error(c->faults, source_at(c->source, vrrp, "preempt_delay_ms"),
			    "preempt-delay needs preempt yes");
	if (consistency && !vrrp->fence_command)
		fault_error(c->faults, source_at(c->source, vrrp, "policy"),
			    "policy consistency needs a fence-command: without one a dead peer "
			    "would never be relieved");
	if (vrrp->has_fence_timeout_ms && !vrrp->fence_command)
		fault_error(c->faults, source_at(c->source, vrrp, "fence_timeout_ms"),
			    "fence-timeout needs a fence-command");
	if (!vrrp->strict_rfc)
		return;
	if (vrrp->n_witness)
		fault_error(c->faults, source_at(c->source, vrrp, "witness"),
			    "strict-rfc yes asks no witness: leave one of the two out");
	if (vrrp->fence_command)
		fault_error(c->faults, source_at(c->source, vrrp, "fence_command"),
			    "strict-rfc yes fences nobody: leave one of the two out");
}

void check_vrrp(const struct check *check)
{
	const Conf__Vrrp *vrrp = check->file->vrrp;

	if (!vrrp)
		return;
	check_judgement(check, vrrp);
	if (vrrp->version == 2)
		check_version_2(check, vrrp);
	if ((vrrp->unicast || vrrp->version == 2) && !has_ipv4(check))
		fault_error(check->faults,
			    source_at(check->source, vrrp, vrrp->unicast ? "unicast" : "version"),
			    "%s is for IPv4, and no array has an IPv4 vip",
			    vrrp->unicast ? "unicast between the nodes' addresses"
					  : "version 2 of VRRP");
	if (vrrp->unicast_ttl_min < TTL_MAX && !vrrp->unicast)
		fault_error(check->faults, source_at(check->source, vrrp, "unicast_ttl_min"),
			    "unicast-ttl-min needs unicast: adverts to the group never cross a "
			    "router");
}
