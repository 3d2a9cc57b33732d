// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/vip.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "proto/addr.h"

enum { SEEN_MAX = 1024 };

struct seen {
	uint32_t addr;
	int ifindex;
	uint8_t prefix, protocol;
};

struct seen_list {
	struct seen seen[SEEN_MAX];
	size_t count;
};

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
	nl_socket_free(vips->sock);
	vips->sock = NULL;
}

/* --- what the kernel has -------------------------------------------------------------------------
 */

static int note_seen(struct nl_msg *msg, void *arg)
{
	struct seen_list *list = arg;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct nlattr *attrs[IFA_MAX + 1];
	const struct ifaddrmsg *address = nlmsg_data(header);
	struct seen *seen = &list->seen[list->count];

	if (header->nlmsg_type != RTM_NEWADDR || list->count == SEEN_MAX)
		return NL_OK;
	if (nlmsg_parse(header, sizeof(*address), attrs, IFA_MAX, NULL) < 0)
		return NL_OK;
	if (address->ifa_family != AF_INET || !attrs[IFA_LOCAL] || nla_len(attrs[IFA_LOCAL]) != 4)
		return NL_OK;
	*seen = (struct seen){
		.addr = nla_get_u32(attrs[IFA_LOCAL]),
		.ifindex = (int)address->ifa_index,
		.prefix = address->ifa_prefixlen,
		.protocol = attrs[IFA_PROTO] ? nla_get_u8(attrs[IFA_PROTO]) : 0,
	};
	list->count++;
	return NL_OK;
}

/* Every IPv4 address of this network namespace; NULL without memory or answer. */
static struct seen_list *look(struct nl_sock *sock)
{
	struct ifaddrmsg all = { .ifa_family = AF_INET };
	struct seen_list *list = calloc(1, sizeof(*list));
	int err;

	if (!list)
		return NULL;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, note_seen, list);
	err = nl_send_simple(sock, RTM_GETADDR, NLM_F_DUMP, &all, sizeof(all));
	if (err >= 0)
		err = nl_recvmsgs_default(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	if (err >= 0)
		return list;
	log_error("cannot list addresses: %s", nl_geterror(err));
	free(list);
	return NULL;
}

bool vip_present(struct vips *vips, uint32_t addr, int ifindex)
{
	struct seen_list *list = look(vips->sock);
	bool present = false;

	for (size_t i = 0; list && i < list->count; i++) {
		if (list->seen[i].addr == addr && list->seen[i].ifindex == ifindex)
			present = true;
	}
	free(list);
	return present;
}

/* --- the plan ------------------------------------------------------------------------------------
 */

static bool holds(const struct seen *seen, uint32_t addr)
{
	uint32_t mask = seen->prefix ? htonl(~0u << (32 - seen->prefix)) : 0;

	return seen->prefix < 32 && !((seen->addr ^ addr) & mask);
}

/* Longest prefix among the interfaces of the data plane; 0: none. */
static int connected(const struct seen_list *list, const char **names, uint32_t addr)
{
	int prefix = -1, found = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct seen *seen = &list->seen[i];
		bool ours = false;

		for (size_t n = 0; names[n]; n++)
			ours |= (int)if_nametoindex(names[n]) == seen->ifindex;
		if (!ours || !holds(seen, addr) || seen->prefix <= prefix)
			continue;
		prefix = seen->prefix;
		found = seen->ifindex;
	}
	return found;
}

struct plan {
	struct vips *vips;
	const struct seen_list *list;
	const char **names;
	const char *lan;
};

static int plan_one(const struct plan *plan, const Conf__Array *array, const char *text, bool vip)
{
	struct vips *vips = plan->vips;
	struct vip *entry = &vips->vip[vips->count];
	uint32_t addr;
	int ifindex;

	if (!text)
		return 0;
	if (!addr_parse4(&addr, text)) {
		log_error("array %s: %s is no IPv4 address", array->name, text);
		return -EINVAL;
	}
	/* Several arrays may share one gateway. */
	if (vip_find(vips, addr))
		return 0;
	if (vips->count == VIP_MAX) {
		log_error("more than %d floating addresses", VIP_MAX);
		return -E2BIG;
	}
	ifindex = connected(plan->list, plan->names, addr);
	if (!ifindex && vip)
		ifindex = (int)if_nametoindex(plan->lan);
	if (!ifindex || !if_indextoname((unsigned int)ifindex, entry->ifname)) {
		log_error("array %s: no interface of the data plane has a subnet that holds its "
			  "gateway %s; give one an address there",
			  array->name, text);
		return -EADDRNOTAVAIL;
	}
	entry->addr = addr;
	entry->ifindex = ifindex;
	vips->addr[vips->count++] = addr;
	return 0;
}

int vip_plan(struct vips *vips, const struct conf *conf)
{
	struct vips fresh = { .sock = vips->sock, .held = vips->held };
	struct seen_list *list = look(vips->sock);
	const char **names = conf_interfaces(conf);
	const struct plan plan = { &fresh, list, names, conf->file->vrrp->interface };
	int err = list && names ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < conf->file->n_array; i++) {
		const Conf__Array *array = conf->file->array[i];

		err = plan_one(&plan, array, array->vip, true);
		if (!err)
			err = plan_one(&plan, array, array->gateway, false);
	}
	free(names);
	free(list);
	if (!err)
		*vips = fresh;
	return err;
}

const struct vip *vip_find(const struct vips *vips, uint32_t addr)
{
	for (size_t i = 0; i < vips->count; i++) {
		if (vips->vip[i].addr == addr)
			return &vips->vip[i];
	}
	return NULL;
}

/* --- changes -------------------------------------------------------------------------------------
 */

static struct nl_msg *change(int type, int flags, const struct seen *what)
{
	struct ifaddrmsg header = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = what->prefix,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (unsigned int)what->ifindex,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) ||
	    nla_put_u32(msg, IFA_LOCAL, what->addr) || nla_put_u32(msg, IFA_ADDRESS, what->addr) ||
	    (type == RTM_NEWADDR && nla_put_u8(msg, IFA_PROTO, VIP_PROTOCOL))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static bool add(struct nl_sock *sock, const struct vip *vip)
{
	const struct seen what = { .addr = vip->addr, .ifindex = vip->ifindex, .prefix = 32 };
	struct nl_msg *msg = change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &what);
	int err = msg ? nl_send_sync(sock, msg) : -NLE_NOMEM;
	char text[ADDR_TEXT];

	if (!err || err == -NLE_EXIST)
		return true;
	log_error("cannot add %s to %s: %s", addr_print4(text, vip->addr), vip->ifname,
		  nl_geterror(err));
	return false;
}

/* With its prefix length: without it the kernel may remove another address. */
static bool take_away(struct nl_sock *sock, const struct seen *what)
{
	struct nl_msg *msg = change(RTM_DELADDR, 0, what);
	int err = msg ? nl_send_sync(sock, msg) : -NLE_NOMEM;
	char text[ADDR_TEXT];

	if (!err || err == -NLE_NOADDR || err == -NLE_NODEV)
		return true;
	log_error("cannot remove %s: %s", addr_print4(text, what->addr), nl_geterror(err));
	return false;
}

unsigned int vip_take(struct vips *vips)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < vips->count; i++)
		failed += !add(vips->sock, &vips->vip[i]);
	vips->held = true;
	return failed;
}

static bool drop_one(struct nl_sock *sock, const struct vip *vip)
{
	const struct seen what = { .addr = vip->addr, .ifindex = vip->ifindex, .prefix = 32 };

	return take_away(sock, &what);
}

unsigned int vip_drop(struct vips *vips)
{
	unsigned int failed = 0;

	vips->held = false;
	for (size_t i = 0; i < vips->count; i++)
		failed += !drop_one(vips->sock, &vips->vip[i]);
	return failed;
}

void vip_retire(const struct vips *before, const struct vips *after)
{
	const struct vip *kept;

	for (size_t i = 0; i < before->count; i++) {
		kept = vip_find(after, before->vip[i].addr);
		if (!kept || kept->ifindex != before->vip[i].ifindex)
			drop_one(after->sock, &before->vip[i]);
	}
}

unsigned int vip_sweep(struct vips *vips)
{
	struct seen_list *list = look(vips->sock);
	unsigned int found = 0;

	for (size_t i = 0; list && i < list->count; i++) {
		const struct seen *seen = &list->seen[i];

		if (seen->protocol != VIP_PROTOCOL && !vip_find(vips, seen->addr))
			continue;
		found++;
		take_away(vips->sock, seen);
	}
	free(list);
	return found;
}
