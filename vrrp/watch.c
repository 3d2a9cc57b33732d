// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/watch.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/log.h"
#include "vrrp/ifaddr.h"

static bool usable(unsigned int flags)
{
	return (flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

static void tell_link(struct watch *watch, struct nlmsghdr *header)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFLA_MAX + 1];
	bool gone = header->nlmsg_type == RTM_DELLINK;

	if (nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, NULL) < 0 || !attrs[IFLA_IFNAME])
		return;
	watch->ops->link(watch->arg, nla_get_string(attrs[IFLA_IFNAME]), gone ? 0 : info->ifi_index,
			 !gone && usable(info->ifi_flags));
}

static void tell_address(struct watch *watch, struct nlmsghdr *header)
{
	const struct ifaddrmsg *message = nlmsg_data(header);
	struct nlattr *attrs[IFA_MAX + 1];
	struct addr addr;

	if (nlmsg_parse(header, sizeof(*message), attrs, IFA_MAX, NULL) < 0 ||
	    !ifaddr_read(&addr, message, attrs))
		return;
	watch->ops->address(watch->arg, &addr, (int)message->ifa_index,
			    header->nlmsg_type == RTM_DELADDR);
}

static int tell(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);

	if (header->nlmsg_type == RTM_NEWLINK || header->nlmsg_type == RTM_DELLINK)
		tell_link(arg, header);
	else if (header->nlmsg_type == RTM_NEWADDR || header->nlmsg_type == RTM_DELADDR)
		tell_address(arg, header);
	return NL_OK;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct watch *watch = io->data;
	int err;

	(void)loop;
	(void)events;
	err = nl_recvmsgs_default(watch->sock);
	if (err == -NLE_AGAIN || err >= 0)
		return;
	log_warning("news of the kernel were lost (%s): looking again", nl_geterror(err));
	watch->ops->lost(watch->arg);
}

int watch_open(struct watch *watch, struct ev_loop *loop, const struct watch_ops *ops, void *arg)
{
	int err;

	*watch = (struct watch){ .sock = nl_socket_alloc(), .loop = loop, .ops = ops, .arg = arg };
	if (!watch->sock)
		return -ENOMEM;
	nl_socket_disable_seq_check(watch->sock);
	nl_socket_modify_cb(watch->sock, NL_CB_VALID, NL_CB_CUSTOM, tell, watch);
	err = nl_connect(watch->sock, NETLINK_ROUTE);
	if (!err)
		err = nl_socket_add_memberships(watch->sock, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
						RTNLGRP_IPV6_IFADDR, 0);
	if (!err)
		err = nl_socket_set_nonblocking(watch->sock);
	if (err) {
		log_error("netlink: %s", nl_geterror(err));
		nl_socket_free(watch->sock);
		return -EIO;
	}
	ev_io_init(&watch->io, on_readable, nl_socket_get_fd(watch->sock), EV_READ);
	watch->io.data = watch;
	ev_io_start(loop, &watch->io);
	return 0;
}

void watch_close(struct watch *watch)
{
	ev_io_stop(watch->loop, &watch->io);
	nl_socket_free(watch->sock);
}

bool watch_up(const char *ifname)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up;

	if (fd < 0)
		return false;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	up = !ioctl(fd, SIOCGIFFLAGS, &request) && usable((unsigned short)request.ifr_flags);
	close(fd);
	return up;
}
