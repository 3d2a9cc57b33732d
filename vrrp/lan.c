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

static const struct {
	enum flow_family flow;
	uint8_t family; /* as in struct addr */
} families[LINK_FAMILIES] = {
	[LINK_V4] = { FLOW_IPV4, 4 },
	[LINK_V6] = { FLOW_IPV6, 6 },
};

/* Of family 0: that node has none. */
static struct addr node_address(const struct conf *conf, unsigned int node, size_t family)
{
	struct flow_ip ip;

	conf_node_address(conf->file->node[node - 1], families[family].flow, &ip);
	return addr_from_flow(&ip);
}

static bool address_is_there(const struct vrrpd *vrrpd, const struct conf *conf, size_t family,
			     int ifindex)
{
	const struct addr own = node_address(conf, vrrpd->node, family);
	char text[ADDR_TEXT];

	if (!own.family || ifaddr_present(vrrpd->vips.sock, &own, ifindex))
		return true;
	log_error("%s, the address of node %s, is not on %s: add it there, or correct the node's "
		  "address",
		  addr_print(text, &own), vrrpd_own_name(vrrpd), conf->file->vrrp->interface);
	return false;
}

int lan_check(const struct vrrpd *vrrpd, const struct conf *conf)
{
	const Conf__Vrrp *vrrp = conf->file->vrrp;
	int ifindex = (int)if_nametoindex(vrrp->interface);

	if (!ifindex) {
		log_error("vrrp interface %s does not exist on this machine", vrrp->interface);
		return -ENODEV;
	}
	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		if (!address_is_there(vrrpd, conf, i, ifindex))
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

bool lan_moves(const struct vrrpd *vrrpd, const struct conf *conf)
{
	if (strcmp(conf->file->vrrp->interface, vrrpd->conf->file->vrrp->interface) != 0)
		return true;
	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		const struct addr before = node_address(vrrpd->conf, vrrpd->node, i);
		const struct addr after = node_address(conf, vrrpd->node, i);

		if (addr_compare(&before, &after) != 0)
			return true;
	}
	return false;
}

/*
 * RFC 9568, 5.1.2.1: adverts to the group come from a link-local address.  That needs no
 * configuration, but one that is configured is preferred.
 */
static void choose_link_local(const struct vrrpd *vrrpd, struct link_config *config)
{
	if (!ifaddr_is_link_local(&config->peer[LINK_V6]))
		config->peer[LINK_V6] = (struct addr){ 0 };
	if (!ifaddr_is_link_local(&config->own[LINK_V6]))
		config->own[LINK_V6] = vrrpd->link.config.own[LINK_V6];
	config->speaks[LINK_V6] = config->version == 3 && vip_has(&vrrpd->vips, 6);
	if (config->speaks[LINK_V6])
		ifaddr_link_local(vrrpd->vips.sock, config->ifindex, &config->own[LINK_V6]);
}

/*
 * Adverts of a family go between the nodes' addresses of it and tell the floating ones of it.  A
 * family whose adverts are not sent follows the other: a pair holds one election.
 */
static void choose_families(const struct vrrpd *vrrpd, struct link_config *config)
{
	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		config->own[i] = node_address(vrrpd->conf, vrrpd->node, i);
		config->peer[i] = node_address(vrrpd->conf, 3 - vrrpd->node, i);
		config->speaks[i] = config->own[i].family && config->peer[i].family &&
				    vip_has(&vrrpd->vips, families[i].family);
	}
	if (config->version == 2)
		config->speaks[LINK_V6] = false;
	if (!config->unicast)
		choose_link_local(vrrpd, config);
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

/* A route of the link itself may lead to an address that no subnet holds, so this is no error. */
static void tell_peers(const struct vrrpd *vrrpd, const struct link_config *config)
{
	const char *peer = vrrpd_peer_name(vrrpd);
	char text[ADDR_TEXT];

	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		if (!config->unicast || !config->speaks[i])
			continue;
		addr_print(text, &config->peer[i]);
		log_info("adverts over IPv%u go to %s", families[i].family, text);
		if (ifaddr_on_link(vrrpd->vips.sock, &config->peer[i], config->ifindex))
			continue;
		if (config->ttl_min == ADVERT_TTL)
			log_warning("no subnet of %s holds %s, the address of %s: if a router lies "
				    "between, its adverts are refused until unicast-ttl-min is "
				    "below 255",
				    config->ifname, text, peer);
		else
			log_warning("no subnet of %s holds %s, the address of %s: adverts cross a "
				    "router, and whoever is as near can forge them",
				    config->ifname, text, peer);
	}
}

/* Rivals in one election, by the sources of their adverts. */
static void tell_machine(struct vrrpd *vrrpd, const struct link_config *config)
{
	struct fsm_config *machine = &vrrpd->fsm.config;

	_Static_assert((int)LINK_V4 == FSM_V4 && (int)LINK_V6 == FSM_V6, "one numbering");
	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		machine->own[i] = config->own[i];
		/* One that is in no file has been told by the peer. */
		if (config->peer[i].family)
			machine->peer[i] = config->peer[i];
	}
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
		.virtual_mac = vrrpd->first->file->vrrp->virtual_mac,
		.checksum = forms[vrrp->checksum],
	};
	int err;

	snprintf(config.ifname, sizeof(config.ifname), "%s", vrrp->interface);
	choose_families(vrrpd, &config);
	err = link_change(&vrrpd->link, &vrrpd->former, &config);
	if (err)
		return err;
	tell_source(&config);
	tell_peers(vrrpd, &config);
	tell_machine(vrrpd, &config);
	vrrpd->lease.vrid = config.vrid;
	vrrpd->lease.version = config.version;
	vrrpd->lease.ttl_min = config.unicast ? config.ttl_min : ADVERT_TTL;
	memcpy(vrrpd->lease.peer, config.peer, sizeof(vrrpd->lease.peer));
	vrrpd->lease.advert_cs = config.advert_cs;
	vrrpd->lease.refuse = !vrrp->accept;
	vrrpd->lease.hard = vrrp->policy == CONF__VRRP__POLICY__CONSISTENCY;
	lease_tell(&vrrpd->lease);
	return 0;
}

bool lan_former(const struct vrrpd *vrrpd, char text[LINK_TEXT])
{
	const struct link_config *config = &vrrpd->former.config;

	if (!link_is_open(&vrrpd->former))
		return false;
	snprintf(text, LINK_TEXT, "version %u, vrid %u on %s%s", config->version, config->vrid,
		 config->ifname, config->unicast ? ", unicast" : "");
	return true;
}

static char *write_address(char text[ADDR_TEXT], const struct addr *addr)
{
	addr_print(text, addr);
	return text;
}

size_t lan_ways(const struct vrrpd *vrrpd, struct lan_ways *ways)
{
	const struct link *link = &vrrpd->link;
	size_t count = 0;

	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		const struct addr to = link_destination(link, (enum link_family)i);
		Cas__AdvertWay *way = &ways->way[count];

		if (!link->config.speaks[i])
			continue;
		cas__advert_way__init(way);
		if (link->config.own[i].family)
			way->source = write_address(ways->source[count], &link->config.own[i]);
		way->destination = write_address(ways->destination[count], &to);
		way->has_heard_ms = link->heard_at[i] != 0;
		way->heard_ms = (lease_now() - link->heard_at[i]) / 1000000;
		ways->list[count++] = way;
	}
	return count;
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

const char *lan_print_mac(char text[MAC_TEXT], const uint8_t mac[6])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return text;
}
