// SPDX-License-Identifier: BSD-2-Clause
/* Where the adverts go, in which families, and the node's own addresses that they come from. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "proto/addr.h"
#include "vrrp/ifaddr.h"
#include "vrrp/vrrp.h"

static enum link_family index_of(const struct addr *addr)
{
	return addr->family == 6 ? LINK_V6 : LINK_V4;
}

static void node_address(const struct vrrpd *vrrpd, unsigned int node, struct addr *addr)
{
	*addr = (struct addr){ 0 };
	addr_parse(addr, vrrpd->conf->file->node[node - 1]->address);
}

int lan_check(const struct vrrpd *vrrpd)
{
	const Conf__Vrrp *vrrp = vrrpd->conf->file->vrrp;
	int ifindex = (int)if_nametoindex(vrrp->interface);
	char text[ADDR_TEXT];
	struct addr own;

	node_address(vrrpd, vrrpd->node, &own);
	if (!ifindex) {
		log_error("vrrp interface %s does not exist on this machine", vrrp->interface);
		return -ENODEV;
	}
	if (!ifaddr_present(vrrpd->vips.sock, &own, ifindex)) {
		log_error("%s, the address of node %s, is not on %s: add it there, or correct the "
			  "node's address",
			  addr_print(text, &own), vrrpd_own_name(vrrpd), vrrp->interface);
		return -EADDRNOTAVAIL;
	}
	for (size_t i = 0; i < vrrp->n_track_interface; i++) {
		if (if_nametoindex(vrrp->track_interface[i]))
			continue;
		log_error("track-interface %s does not exist on this machine",
			  vrrp->track_interface[i]);
		return -ENODEV;
	}
	return 0;
}

/*
 * The nodes' addresses name one family; the other has no address to speak from or to, but
 * link-local ones for multicast, which need no configuration.  A family whose adverts are not sent
 * follows those that are: a pair holds one election.
 */
static void choose_families(const struct vrrpd *vrrpd, struct link_config *config)
{
	struct addr own, peer;

	node_address(vrrpd, vrrpd->node, &own);
	node_address(vrrpd, 3 - vrrpd->node, &peer);
	config->own[index_of(&own)] = own;
	config->peer[index_of(&peer)] = peer;
	config->speaks[index_of(&own)] = config->unicast || vip_has(&vrrpd->vips, own.family);
	if (!config->unicast && config->version == 3)
		config->speaks[LINK_V6] = vip_has(&vrrpd->vips, 6);
	/* RFC 9568, 5.1.2.1: adverts to the group come from a link-local address. */
	if (!config->unicast)
		config->own[LINK_V6] = vrrpd->link.config.own[LINK_V6];
	if (config->speaks[LINK_V6] && !config->unicast)
		ifaddr_link_local(vrrpd->vips.sock, config->ifindex, &config->own[LINK_V6]);
}

static void tell_source(const struct link_config *config)
{
	char text[ADDR_TEXT];

	if (!config->speaks[LINK_V6] || config->unicast)
		return;
	if (config->own[LINK_V6].family)
		log_info("adverts over IPv6 come from %s", addr_print(text, &config->own[LINK_V6]));
	else
		log_warning("%s has no link-local address: no adverts over IPv6 until it has one",
			    config->ifname);
}

int lan_open(struct vrrpd *vrrpd, int ifindex)
{
	static const enum link_checksum forms[] = {
		[CONF__VRRP__CHECKSUM__AUTO] = LINK_CHECKSUM_AUTO,
		[CONF__VRRP__CHECKSUM__RFC5798] = LINK_CHECKSUM_RFC5798,
		[CONF__VRRP__CHECKSUM__RFC9568] = LINK_CHECKSUM_RFC9568,
	};
	const Conf__Vrrp *vrrp = vrrpd->conf->file->vrrp;
	struct link_config config = {
		.ifindex = ifindex,
		.version = (uint8_t)vrrp->version,
		.vrid = (uint8_t)vrrp->vrid,
		.unicast = vrrp->unicast,
		.ttl_min = (uint8_t)vrrp->unicast_ttl_min,
		.advert_cs = (uint16_t)(vrrp->advert_ms / 10),
		.virtual_mac = vrrp->virtual_mac,
		.checksum = forms[vrrp->checksum],
	};
	int err;

	snprintf(config.ifname, sizeof(config.ifname), "%s", vrrp->interface);
	choose_families(vrrpd, &config);
	err = link_open(&vrrpd->link, &config);
	if (err)
		return err;
	tell_source(&config);
	vrrpd->lease.vrid = config.vrid;
	vrrpd->lease.version = config.version;
	vrrpd->lease.refuse = !vrrp->accept;
	vrrpd->lease.hard = vrrp->policy == CONF__VRRP__POLICY__CONSISTENCY;
	lease_tell(&vrrpd->lease);
	vrrpd->fsm.config.own[FSM_V6] = config.own[LINK_V6];
	return 0;
}

void lan_address_changed(struct vrrpd *vrrpd, const struct addr *addr, int ifindex)
{
	struct link_config *config = &vrrpd->link.config;
	struct addr own = config->own[LINK_V6];

	if (ifindex != config->ifindex || !config->speaks[LINK_V6] || config->unicast)
		return;
	/* Our own comings and goings are many, and in the middle of a takeover. */
	if (addr && (!ifaddr_is_link_local(addr) || vip_find(&vrrpd->vips, addr)))
		return;
	ifaddr_link_local(vrrpd->vips.sock, ifindex, &own);
	if (addr_compare(&own, &config->own[LINK_V6]) == 0)
		return;
	config->own[LINK_V6] = own;
	vrrpd->fsm.config.own[FSM_V6] = own;
	tell_source(config);
}
