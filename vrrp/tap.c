// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/tap.h"

#include <errno.h>
#include <netpacket/packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

int tap_open(int ifindex, uint16_t type, const struct sock_fprog *filter)
{
	const struct sockaddr_ll where = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(type),
		.sll_ifindex = ifindex,
	};
	/* Protocol 0: closed to everything until the filter stands. */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)) ||
	    bind(fd, (const struct sockaddr *)&where, sizeof(where)))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}
