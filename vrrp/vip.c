// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/vip.h"

#include <errno.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "vrrp/ifaddr.h"

int vip_open(struct vips *vips)
{
	int err;

	*vips = (struct vips){ .sock = nl_socket_alloc() };
	if (!vips->sock)
		return -ENOMEM;
	err = nl_connect(vips->sock, NETLINK_ROUTE);
	if (err) {
		log_error("netlink: %s", nl_geterror(err));
		vip_close(vips);
		return -EIO;
	}
	return 0;
}

void vip_close(struct vips *vips)
{
	vmac_close(&vips->vmacs);
	nl_socket_free(vips->sock);
	vips->sock = NULL;
}

/* --- the plan --------------------------------------------------------------------------------- */

/* Longest prefix among the interfaces of the data plane; 0: none. */
static int connected(const struct ifaddr_list *list, const char **names, const struct addr *addr)
{
	int prefix = -1, found = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct ifaddr_item *seen = &list->item[i];
		bool ours = false;

		for (size_t n = 0; names[n]; n++)
			ours |= (int)if_nametoindex(names[n]) == seen->ifindex;
		if (!ours || !ifaddr_holds(seen, addr) || seen->prefix <= prefix)
			continue;
		prefix = seen->prefix;
		found = seen->ifindex;
	}
	return found;
}

struct plan {
	struct vips *vips;
	const struct ifaddr_list *list;
	const char **names;
	const char *lan;
};

static int append(struct vips *vips, const struct addr *addr, int ifindex)
{
	struct vip *entry = &vips->vip[vips->count];
	size_t v6 = 0;

	for (size_t i = 0; i < vips->count; i++)
		v6 += vips->addr[i].family == 6;
	/* One place of each is kept for the link-local address. */
	if (vips->count == VIP_MAX - 1 || (addr->family == 6 && v6 == VIP_MAX_V6 - 1)) {
		log_error("more than %d floating addresses, or %d of IPv6: they do not fit into an "
			  "advert",
			  VIP_MAX - 1, VIP_MAX_V6 - 1);
		return -E2BIG;
	}
	if (!if_indextoname((unsigned int)ifindex, entry->ifname))
		return -ENODEV;
	entry->addr = *addr;
	entry->ifindex = ifindex;
	vips->addr[vips->count++] = *addr;
	return 0;
}

static int plan_one(const struct plan *plan, const Conf__Array *array, const struct flow_ip *ip,
		    const char *what)
{
	const bool vip = !strcmp(what, "vip");
	const struct addr addr = addr_from_flow(ip);
	char text[ADDR_TEXT];
	int ifindex;

	/* Several arrays may share a gateway or a pool. */
	if (vip_find(plan->vips, &addr))
		return 0;
	ifindex = connected(plan->list, plan->names, &addr);
	if (!ifindex && vip)
		ifindex = (int)if_nametoindex(plan->lan);
	if (!ifindex) {
		log_error("array %s: no interface of the data plane has a subnet that holds its "
			  "%s %s; give one an address there",
			  array->name, what, addr_print(text, &addr));
		return -EADDRNOTAVAIL;
	}
	return append(plan->vips, &addr, ifindex);
}

/* In front of all others, as adverts have it. */
static void plan_link_local(const struct plan *plan, uint8_t vrid)
{
	const struct addr addr = addr_virtual_router(vrid);
	struct vips *vips = plan->vips;

	if (!vip_has(vips, 6) || vip_find(vips, &addr))
		return;
	memmove(&vips->vip[1], &vips->vip[0], vips->count * sizeof(vips->vip[0]));
	memmove(&vips->addr[1], &vips->addr[0], vips->count * sizeof(vips->addr[0]));
	vips->vip[0] = (struct vip){ .addr = addr, .ifindex = (int)if_nametoindex(plan->lan) };
	strncpy(vips->vip[0].ifname, plan->lan, sizeof(vips->vip[0].ifname) - 1);
	vips->addr[0] = addr;
	vips->count++;
}

static int plan_array(const struct plan *plan, const Conf__Array *array)
{
	struct flow_ip ip, pool[CONF_POOL_MAX];
	int err = 0;

	for (enum flow_family f = FLOW_IPV4; !err && f < FLOW_FAMILIES; f++) {
		if (conf_vip(array, f, &ip))
			err = plan_one(plan, array, &ip, "vip");
		if (!err && conf_gateway(array, f, &ip))
			err = plan_one(plan, array, &ip, "gateway");
		for (size_t i = 0, n = conf_pool(array, f, pool); !err && i < n; i++)
			err = plan_one(plan, array, &pool[i], "snat-pool address");
	}
	return err;
}

/* Each address moves from the interface that it belongs to to the one with its virtual MAC. */
static int place_all(struct vips *vips)
{
	const struct vmac *vmac = NULL;
	int err = 0;

	for (size_t i = 0; !err && vips->vmacs.sock && i < vips->count; i++) {
		err = vmac_place(&vips->vmacs, vips->vip[i].ifindex, vips->addr[i].family, &vmac);
		if (err)
			break;
		vips->vip[i].ifindex = vmac->ifindex;
		memcpy(vips->vip[i].ifname, vmac->ifname, sizeof(vmac->ifname));
	}
	return err;
}

int vip_virtual_mac(struct vips *vips, const struct conf *conf, const char *store)
{
	int err = vmac_open(&vips->vmacs, vips->sock, (uint8_t)conf->file->vrrp->vrid, store);

	return err ? err : vip_plan(vips, conf);
}

int vip_plan(struct vips *vips, const struct conf *conf)
{
	struct vips *fresh = calloc(1, sizeof(*fresh));
	const char **names = conf_interfaces(conf);
	struct ifaddr_list list = { 0 };
	const struct plan plan = { fresh, &list, names, conf->file->vrrp->interface };
	int err = fresh && names ? ifaddr_look(vips->sock, &list) : -ENOMEM;

	for (size_t i = 0; !err && i < conf->file->n_array; i++)
		err = plan_array(&plan, conf->file->array[i]);
	if (!err) {
		plan_link_local(&plan, (uint8_t)conf->file->vrrp->vrid);
		fresh->vmacs = vips->vmacs;
		err = place_all(fresh);
		vips->vmacs = fresh->vmacs;
	}
	if (!err) {
		fresh->sock = vips->sock;
		fresh->held = vips->held;
		*vips = *fresh;
	}
	ifaddr_free(&list);
	free(names);
	free(fresh);
	return err;
}

const struct vip *vip_find(const struct vips *vips, const struct addr *addr)
{
	for (size_t i = 0; i < vips->count; i++) {
		if (addr_compare(&vips->addr[i], addr) == 0)
			return &vips->vip[i];
	}
	return NULL;
}

bool vip_has(const struct vips *vips, uint8_t family)
{
	for (size_t i = 0; i < vips->count; i++) {
		if (vips->addr[i].family == family)
			return true;
	}
	return false;
}

/* --- changes ---------------------------------------------------------------------------------- */

unsigned int vip_take(struct vips *vips)
{
	unsigned int failed = vmac_set_up(&vips->vmacs, true);

	for (size_t i = 0; i < vips->count; i++)
		failed += ifaddr_add(vips->sock, &vips->addr[i], vips->vip[i].ifindex) != 0;
	vips->held = true;
	return failed;
}

static bool drop_one(struct nl_sock *sock, const struct vip *vip)
{
	const struct ifaddr_item what = {
		.addr = vip->addr,
		.ifindex = vip->ifindex,
		.prefix = vip->addr.family == 6 ? 128 : 32,
	};

	return ifaddr_remove(sock, &what) == 0;
}

unsigned int vip_drop(struct vips *vips)
{
	/* First: an interface that is down cannot take leave of its multicast groups, in the name
	 * of a MAC address that by now is elsewhere. */
	unsigned int failed = vmac_set_up(&vips->vmacs, false);

	vips->held = false;
	for (size_t i = 0; i < vips->count; i++)
		failed += !drop_one(vips->sock, &vips->vip[i]);
	return failed;
}

void vip_retire(const struct vips *before, const struct vips *after)
{
	const struct vip *kept;

	for (size_t i = 0; i < before->count; i++) {
		kept = vip_find(after, &before->addr[i]);
		if (!kept || kept->ifindex != before->vip[i].ifindex)
			drop_one(after->sock, &before->vip[i]);
	}
}

unsigned int vip_sweep(struct vips *vips)
{
	struct ifaddr_list list;
	unsigned int found = 0;

	if (ifaddr_look(vips->sock, &list))
		return 0;
	for (size_t i = 0; i < list.count; i++) {
		const struct ifaddr_item *seen = &list.item[i];

		if (seen->protocol != IFADDR_PROTOCOL && !vip_find(vips, &seen->addr))
			continue;
		found++;
		ifaddr_remove(vips->sock, seen);
	}
	ifaddr_free(&list);
	return found;
}
