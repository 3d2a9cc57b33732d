// SPDX-License-Identifier: BSD-2-Clause
/* What the protocol of the adverts does not allow together. */
#include "conf/check.h"

#include "conf/conf.h"
#include "conf/store.h"
#include "proto/flow_ip.h"

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

/* --- the families ----------------------------------------------------------------------------- */

static const char *const family_names[] = { [FLOW_IPV4] = "IPv4", [FLOW_IPV6] = "IPv6" };

/* Whether adverts of that family would have an address to tell. */
static bool has_vip(const struct check *c, enum flow_family family)
{
	struct flow_ip vip;

	for (size_t i = 0; i < check_array_count(c->file); i++)
		if (conf_vip(c->file->array[i], family, &vip))
			return true;
	return false;
}

/* That both have it is said elsewhere. */
static bool nodes_have(const struct check *c, enum flow_family family)
{
	struct flow_ip ip;

	for (size_t i = 0; i < c->file->n_node; i++)
		if (conf_node_address(c->file->node[i], family, &ip))
			return true;
	return false;
}

/* As vrrpd chooses; adverts to IPv6's group come from addresses that are in no file. */
static bool speaks(const struct check *c, enum flow_family family)
{
	const Conf__Vrrp *vrrp = c->file->vrrp;

	if (!has_vip(c, family) || (family == FLOW_IPV6 && vrrp->version == 2))
		return false;
	return nodes_have(c, family) || (family == FLOW_IPV6 && !vrrp->unicast);
}

static void refuse_silence(const struct check *c, const Conf__Vrrp *vrrp)
{
	if (vrrp->version == 2 && !has_vip(c, FLOW_IPV4))
		fault_error(c->faults, source_at(c->source, vrrp, "version"),
			    "version 2 of VRRP is for IPv4, and no array has an IPv4 vip");
	else if (vrrp->unicast && vrrp->version != 2)
		fault_error(c->faults, source_at(c->source, vrrp, "unicast"),
			    "unicast is between the nodes' addresses, and no array has a vip of "
			    "their family");
	else
		fault_error(c->faults, source_at(c->source, vrrp, "interface"),
			    "adverts over IPv4 come from the nodes' addresses: give each node an "
			    "IPv4 address");
}

/* A family whose adverts are not sent follows the other: a pair holds one election. */
static void advise_follower(const struct check *c, const Conf__Vrrp *vrrp, enum flow_family family)
{
	const char *other = family_names[family == FLOW_IPV4 ? FLOW_IPV6 : FLOW_IPV4];

	if (!has_vip(c, family) || speaks(c, family))
		return;
	if (vrrp->version == 2)
		fault_warning(c->faults, source_at(c->source, vrrp, "version"),
			      "version 2 of VRRP is for IPv4: IPv6 vips follow its election");
	else
		fault_warning(c->faults,
			      source_at(c->source, vrrp, vrrp->unicast ? "unicast" : "interface"),
			      "%s vips follow the election over %s: for adverts over both, give "
			      "each node an %s address",
			      family_names[family], other, family_names[family]);
}

static void check_speech(const struct check *c, const Conf__Vrrp *vrrp)
{
	/* What is missing altogether is said elsewhere. */
	if (!has_vip(c, FLOW_IPV4) && !has_vip(c, FLOW_IPV6))
		return;
	for (size_t i = 0; i < c->file->n_node; i++)
		if (!c->file->node[i]->n_address)
			return;
	if (!speaks(c, FLOW_IPV4) && !speaks(c, FLOW_IPV6)) {
		refuse_silence(c, vrrp);
		return;
	}
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		advise_follower(c, vrrp, f);
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
	check_speech(check, vrrp);
	if (vrrp->unicast_ttl_min < TTL_MAX && !vrrp->unicast)
		fault_error(check->faults, source_at(check->source, vrrp, "unicast_ttl_min"),
			    "unicast-ttl-min needs unicast: adverts to the group never cross a "
			    "router");
}
