// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/ifaddr.h"

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

#include "conf/log.h"

enum { GROW_BY = 64 };

static size_t address_bytes(uint8_t family)
{
	return family == 6 ? 16 : 4;
}

/* --- look ------------------------------------------------------------------------------------- */

/* IPv6 has the address itself in IFA_ADDRESS, IPv4 has the other end of a tunnel there. */
bool ifaddr_read(struct addr *addr, const struct ifaddrmsg *message, struct nlattr **attrs)
{
	struct nlattr *attr = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];

	if (message->ifa_family != AF_INET && message->ifa_family != AF_INET6)
		return false;
	*addr = (struct addr){ .family = message->ifa_family == AF_INET6 ? 6 : 4 };
	if (!attr || nla_len(attr) != (int)address_bytes(addr->family))
		return false;
	memcpy(addr->bytes, nla_data(attr), address_bytes(addr->family));
	return true;
}

static struct ifaddr_item *append(struct ifaddr_list *list)
{
	struct ifaddr_item *grown;

	if (list->count % GROW_BY == 0) {
		grown = realloc(list->item, (list->count + GROW_BY) * sizeof(*grown));
		if (!grown)
			return NULL;
		list->item = grown;
	}
	return &list->item[list->count++];
}

static int note(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct ifaddrmsg *message = nlmsg_data(header);
	struct nlattr *attrs[IFA_MAX + 1];
	struct ifaddr_item *item, found;
	uint32_t flags;

	if (header->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(header, sizeof(*message), attrs, IFA_MAX, NULL) < 0 ||
	    !ifaddr_read(&found.addr, message, attrs))
		return NL_OK;
	flags = attrs[IFA_FLAGS] ? nla_get_u32(attrs[IFA_FLAGS]) : message->ifa_flags;
	found.ifindex = (int)message->ifa_index;
	found.prefix = message->ifa_prefixlen;
	found.protocol = attrs[IFA_PROTO] ? nla_get_u8(attrs[IFA_PROTO]) : 0;
	found.tentative = flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED);
	item = append(arg);
	if (!item)
		return -NLE_NOMEM;
	*item = found;
	return NL_OK;
}

int ifaddr_look(struct nl_sock *sock, struct ifaddr_list *list)
{
	struct ifaddrmsg all = { .ifa_family = AF_UNSPEC };
	int err;

	*list = (struct ifaddr_list){ 0 };
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, note, list);
	err = nl_send_simple(sock, RTM_GETADDR, NLM_F_DUMP, &all, sizeof(all));
	if (err >= 0)
		err = nl_recvmsgs_default(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	if (err >= 0)
		return 0;
	log_error("cannot list addresses: %s", nl_geterror(err));
	ifaddr_free(list);
	return -EIO;
}

void ifaddr_free(struct ifaddr_list *list)
{
	free(list->item);
	*list = (struct ifaddr_list){ 0 };
}

bool ifaddr_holds(const struct ifaddr_item *seen, const struct addr *addr)
{
	const unsigned int bits = seen->prefix % 8, whole = seen->prefix / 8;
	const unsigned int mask = 0xff00u >> bits & 0xffu;

	if (seen->addr.family != addr->family || seen->prefix >= (addr->family == 6 ? 128 : 32))
		return false;
	return memcmp(seen->addr.bytes, addr->bytes, whole) == 0 &&
	       !((seen->addr.bytes[whole] ^ addr->bytes[whole]) & mask);
}

bool ifaddr_on_link(struct nl_sock *sock, const struct addr *addr, int ifindex)
{
	struct ifaddr_list list;
	bool on_link = ifaddr_is_link_local(addr);

	if (ifaddr_look(sock, &list))
		return true;
	for (size_t i = 0; i < list.count; i++)
		on_link |= list.item[i].ifindex == ifindex && ifaddr_holds(&list.item[i], addr);
	ifaddr_free(&list);
	return on_link;
}

bool ifaddr_present(struct nl_sock *sock, const struct addr *addr, int ifindex)
{
	struct ifaddr_list list;
	bool present = false;

	if (ifaddr_look(sock, &list))
		return false;
	for (size_t i = 0; i < list.count; i++)
		present |= list.item[i].ifindex == ifindex &&
			   addr_compare(&list.item[i].addr, addr) == 0;
	ifaddr_free(&list);
	return present;
}

bool ifaddr_is_link_local(const struct addr *addr)
{
	return addr->family == 6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

void ifaddr_link_local(struct nl_sock *sock, int ifindex, struct addr *addr)
{
	struct addr chosen = { 0 };
	struct ifaddr_list list;

	if (ifaddr_look(sock, &list))
		return;
	for (size_t i = 0; i < list.count; i++) {
		const struct ifaddr_item *item = &list.item[i];

		if (item->ifindex != ifindex || !ifaddr_is_link_local(&item->addr) ||
		    item->tentative || item->protocol == IFADDR_PROTOCOL)
			continue;
		if (!chosen.family || addr_compare(&item->addr, addr) == 0)
			chosen = item->addr;
	}
	ifaddr_free(&list);
	*addr = chosen;
}

/* --- change ----------------------------------------------------------------------------------- */

static int put_mark(struct nl_msg *msg, uint8_t family)
{
	/* Deprecated from the start: valid, but not chosen as a source. */
	struct ifa_cacheinfo lifetime = { .ifa_prefered = 0, .ifa_valid = UINT32_MAX };
	int err = nla_put_u8(msg, IFA_PROTO, IFADDR_PROTOCOL);

	if (err || family == 4)
		return err;
	err = nla_put_u32(msg, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
	return err ? err : nla_put(msg, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
}

static struct nl_msg *change(int type, int flags, const struct ifaddr_item *what)
{
	const int bytes = (int)address_bytes(what->addr.family);
	struct ifaddrmsg header = {
		.ifa_family = what->addr.family == 6 ? AF_INET6 : AF_INET,
		.ifa_prefixlen = what->prefix,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (unsigned int)what->ifindex,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) ||
	    nla_put(msg, IFA_LOCAL, bytes, what->addr.bytes) ||
	    nla_put(msg, IFA_ADDRESS, bytes, what->addr.bytes) ||
	    (type == RTM_NEWADDR && put_mark(msg, what->addr.family))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int ifaddr_add(struct nl_sock *sock, const struct addr *addr, int ifindex)
{
	const struct ifaddr_item what = {
		.addr = *addr,
		.ifindex = ifindex,
		.prefix = addr->family == 6 ? 128 : 32,
	};
	struct nl_msg *msg = change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &what);
	int err = msg ? nl_send_sync(sock, msg) : -NLE_NOMEM;
	char text[ADDR_TEXT];

	if (!err || err == -NLE_EXIST)
		return 0;
	log_error("cannot add %s: %s", addr_print(text, addr), nl_geterror(err));
	return -EIO;
}

int ifaddr_remove(struct nl_sock *sock, const struct ifaddr_item *ifaddr)
{
	struct nl_msg *msg = change(RTM_DELADDR, 0, ifaddr);
	int err = msg ? nl_send_sync(sock, msg) : -NLE_NOMEM;
	char text[ADDR_TEXT];

	if (!err || err == -NLE_NOADDR || err == -NLE_NODEV)
		return 0;
	log_error("cannot remove %s: %s", addr_print(text, &ifaddr->addr), nl_geterror(err));
	return -EIO;
}
