// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/vmac.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/log.h"

enum { ARP_IGNORE_ALL = 8 };

/* Tells our interfaces from others' of any name. */
static const char mark[] = "caspair virtual router";

void vmac_address(uint8_t mac[6], uint8_t family, uint8_t vrid)
{
	const uint8_t address[6] = { 0x00, 0x00, 0x5e, 0x00, family == 6 ? 0x02 : 0x01, vrid };

	memcpy(mac, address, sizeof(address));
}

/* --- interfaces ------------------------------------------------------------------------------- */

static struct nl_msg *link_message(int type, int flags, const struct ifinfomsg *header)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, (void *)(uintptr_t)header, sizeof(*header), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int put_macvlan(struct nl_msg *msg, const struct vmac *vmac, uint8_t vrid)
{
	struct nlattr *info, *data;
	uint8_t mac[6];
	int err;

	vmac_address(mac, vmac->family, vrid);
	err = nla_put_u32(msg, IFLA_LINK, (uint32_t)vmac->parent);
	err = err ? err : nla_put_string(msg, IFLA_IFNAME, vmac->ifname);
	err = err ? err : nla_put(msg, IFLA_ADDRESS, sizeof(mac), mac);
	if (err)
		return err;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_KIND, "macvlan"))
		return -NLE_NOMEM;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data || nla_put_u32(msg, IFLA_MACVLAN_MODE, MACVLAN_MODE_PRIVATE))
		return -NLE_NOMEM;
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return 0;
}

static int create(struct nl_sock *sock, const struct vmac *vmac, uint8_t vrid)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header);
	int err = msg ? put_macvlan(msg, vmac, vrid) : -NLE_NOMEM;

	if (!err)
		return nl_send_sync(sock, msg);
	nlmsg_free(msg);
	return err;
}

static int set_mark(struct nl_sock *sock, int ifindex)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct nl_msg *msg = link_message(RTM_SETLINK, 0, &header);
	int err = msg ? nla_put_string(msg, IFLA_IFALIAS, mark) : -NLE_NOMEM;

	if (!err)
		return nl_send_sync(sock, msg);
	nlmsg_free(msg);
	return err;
}

static int put_quiet(struct nl_msg *msg)
{
	struct nlattr *spec = nla_nest_start(msg, IFLA_AF_SPEC), *inet6;

	if (!spec)
		return -NLE_NOMEM;
	inet6 = nla_nest_start(msg, AF_INET6);
	if (!inet6 || nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE))
		return -NLE_NOMEM;
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
	return 0;
}

/* While it is down: no link-local address, and so no multicast listener reports nor solicitations
 * of routers, now or later. */
static int make_quiet(struct nl_sock *sock, const struct vmac *vmac)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = vmac->ifindex };
	struct nl_msg *msg = link_message(RTM_SETLINK, 0, &header);
	int err = msg ? put_quiet(msg) : -NLE_NOMEM;

	if (err) {
		nlmsg_free(msg);
		return err;
	}
	err = nl_send_sync(sock, msg);
	/* A kernel without IPv6 is quiet. */
	return vmac->family == 4 && err == -NLE_AF_NOSUPPORT ? 0 : err;
}

static int set_up(struct nl_sock *sock, int ifindex, bool up)
{
	const struct ifinfomsg header = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = ifindex,
		.ifi_flags = up ? IFF_UP : 0,
		.ifi_change = IFF_UP,
	};
	struct nl_msg *msg = link_message(RTM_SETLINK, 0, &header);

	return msg ? nl_send_sync(sock, msg) : -NLE_NOMEM;
}

static int destroy(struct nl_sock *sock, int ifindex)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct nl_msg *msg = link_message(RTM_DELLINK, 0, &header);

	return msg ? nl_send_sync(sock, msg) : -NLE_NOMEM;
}

/* --- leftovers -------------------------------------------------------------------------------- */

struct leftovers {
	int ifindex[VMAC_MAX];
	size_t count;
};

static int note_leftover(struct nl_msg *msg, void *arg)
{
	struct leftovers *found = arg;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFLA_MAX + 1];

	if (header->nlmsg_type != RTM_NEWLINK || found->count == VMAC_MAX ||
	    nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, NULL) < 0)
		return NL_OK;
	if (attrs[IFLA_IFALIAS] && nla_strcmp(attrs[IFLA_IFALIAS], mark) == 0)
		found->ifindex[found->count++] = info->ifi_index;
	return NL_OK;
}

int vmac_sweep(struct nl_sock *sock, const char *store)
{
	struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
	struct leftovers found = { .count = 0 };
	struct knobs knobs;
	int err;

	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, note_leftover, &found);
	err = nl_send_simple(sock, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
	if (err >= 0)
		err = nl_recvmsgs_default(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	if (err < 0) {
		log_error("cannot list interfaces: %s", nl_geterror(err));
		return -EIO;
	}
	for (size_t i = 0; i < found.count; i++)
		destroy(sock, found.ifindex[i]);
	if (found.count)
		log_warning("removed %zu interfaces that an earlier run had left", found.count);
	knob_open(&knobs, store);
	knob_restore(&knobs);
	return 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

int vmac_open(struct vmacs *vmacs, struct nl_sock *sock, uint8_t vrid, const char *store)
{
	*vmacs = (struct vmacs){ .sock = sock, .vrid = vrid };
	knob_open(&vmacs->knobs, store);
	/* With either rp_filter what is sent to a macvlan's address by hosts of the parent's subnet
	 * is dropped; the greater of `all` and the interface's own counts. */
	return knob_set(&vmacs->knobs, "ipv4", "all", "rp_filter", 0);
}

void vmac_close(struct vmacs *vmacs)
{
	if (!vmacs->sock)
		return;
	for (size_t i = 0; i < vmacs->count; i++)
		destroy(vmacs->sock, vmacs->vmac[i].ifindex);
	knob_restore(&vmacs->knobs);
	*vmacs = (struct vmacs){ 0 };
}

/*
 * Each of the two answers ARP for its own addresses only, and never asks in the name of the
 * other's: by default both do both, and hosts would learn the one MAC address or the other by
 * chance.
 */
static int set_knobs4(struct vmacs *vmacs, const char *parent, const struct vmac *vmac)
{
	struct knobs own = { .count = 0 };
	int err = knob_set(&vmacs->knobs, "ipv4", parent, "arp_ignore", 1);

	err = err ? err : knob_set(&vmacs->knobs, "ipv4", parent, "arp_announce", 2);
	/* These end with the interface. */
	err = err ? err : knob_set(&own, "ipv4", vmac->ifname, "arp_ignore", 1);
	err = err ? err : knob_set(&own, "ipv4", vmac->ifname, "arp_announce", 2);
	return err ? err : knob_set(&own, "ipv4", vmac->ifname, "rp_filter", 0);
}

static int set_knobs6(const struct vmac *vmac)
{
	struct knobs own = { .count = 0 };
	/* It has no IPv4 address, and shall not answer ARP for another's. */
	int err = knob_set(&own, "ipv4", vmac->ifname, "arp_ignore", ARP_IGNORE_ALL);

	err = err ? err : knob_set(&own, "ipv6", vmac->ifname, "disable_ipv6", 0);
	err = err ? err : knob_set(&own, "ipv6", vmac->ifname, "accept_ra", 0);
	return err ? err : knob_set(&own, "ipv6", vmac->ifname, "autoconf", 0);
}

static int make(struct vmacs *vmacs, struct vmac *vmac)
{
	char parent[IFNAMSIZ];
	int err;

	if (!if_indextoname((unsigned int)vmac->parent, parent))
		return -ENODEV;
	snprintf(vmac->ifname, sizeof(vmac->ifname), "vrrp%c.%u.%u", '0' + vmac->family,
		 vmacs->vrid, (unsigned int)vmac->parent % 100000);
	err = create(vmacs->sock, vmac, vmacs->vrid);
	if (err) {
		log_error("cannot make %s, a macvlan on %s: %s", vmac->ifname, parent,
			  nl_geterror(err));
		return -EIO;
	}
	vmac->ifindex = (int)if_nametoindex(vmac->ifname);
	err = set_mark(vmacs->sock, vmac->ifindex);
	err = err ? err : make_quiet(vmacs->sock, vmac);
	if (err)
		log_error("cannot keep %s from speaking by itself: %s", vmac->ifname,
			  nl_geterror(err));
	if (!err)
		err = vmac->family == 6 ? set_knobs6(vmac) : set_knobs4(vmacs, parent, vmac);
	if (err) {
		destroy(vmacs->sock, vmac->ifindex);
		return -EIO;
	}
	log_info("%s has the virtual MAC address for IPv%u on %s", vmac->ifname, vmac->family,
		 parent);
	return 0;
}

/* An interface ends with its parent, or by somebody's hand. */
static void forget_gone(struct vmacs *vmacs)
{
	char name[IFNAMSIZ];
	size_t kept = 0;

	for (size_t i = 0; i < vmacs->count; i++) {
		if (if_indextoname((unsigned int)vmacs->vmac[i].ifindex, name))
			vmacs->vmac[kept++] = vmacs->vmac[i];
	}
	vmacs->count = kept;
}

int vmac_place(struct vmacs *vmacs, int parent, uint8_t family, const struct vmac **vmac)
{
	struct vmac fresh = { .parent = parent, .family = family };
	int err;

	forget_gone(vmacs);
	for (size_t i = 0; i < vmacs->count; i++) {
		*vmac = &vmacs->vmac[i];
		if ((*vmac)->parent == parent && (*vmac)->family == family)
			return 0;
	}
	if (vmacs->count == VMAC_MAX) {
		log_error("more than %d virtual MAC addresses", VMAC_MAX);
		return -E2BIG;
	}
	err = make(vmacs, &fresh);
	if (err)
		return err;
	*vmac = &vmacs->vmac[vmacs->count];
	vmacs->vmac[vmacs->count++] = fresh;
	return 0;
}

unsigned int vmac_set_up(const struct vmacs *vmacs, bool up)
{
	unsigned int failed = 0;
	int err;

	for (size_t i = 0; i < vmacs->count; i++) {
		err = set_up(vmacs->sock, vmacs->vmac[i].ifindex, up);
		if (!err || (!up && err == -NLE_NODEV))
			continue;
		log_error("cannot set %s %s: %s", vmacs->vmac[i].ifname, up ? "up" : "down",
			  nl_geterror(err));
		failed++;
	}
	return failed;
}
