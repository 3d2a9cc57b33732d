// SPDX-License-Identifier: BSD-2-Clause
#include "tests/overhear/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>

enum { BUFFER = 32 << 20 };

static int attach_filter(int fd, const struct tap_wish *wish)
{
	uint32_t a = ntohl(wish->address[0].s_addr), b = ntohl(wish->address[1].s_addr);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 16),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, b, 0, 13),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, b, 0, 10),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wish->port, 2, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wish->port, 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wish->mark, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, TAP_FRAME),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

static int enter(const char *namespace)
{
	int file = open(namespace, O_RDONLY | O_CLOEXEC), err;

	if (file < 0)
		return -1;
	err = setns(file, CLONE_NEWNET);
	close(file);
	return err;
}

int tap_open(struct tap *tap, const char *namespace, const struct tap_wish *wish)
{
	struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int bytes = BUFFER, on = 1;

	if (enter(namespace))
		return -errno;
	tap->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (tap->fd < 0 || attach_filter(tap->fd, wish) ||
	    setsockopt(tap->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(tap->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    bind(tap->fd, (struct sockaddr *)&all, sizeof(all)))
		return -errno;
	return 0;
}

/* 0: that is not known, so it is first. */
static uint64_t stamp_of(struct msghdr *message)
{
	struct timespec at = { .tv_sec = 0 };
	struct cmsghdr *head = CMSG_FIRSTHDR(message);

	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_TIMESTAMPNS)
		memcpy(&at, CMSG_DATA(head), sizeof(at));
	return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

/* One frame off the socket; it may be one for other hosts.  Negative: there is none. */
static ssize_t receive(struct tap *tap)
{
	_Alignas(struct cmsghdr) uint8_t control[64];
	struct sockaddr_ll from = { .sll_pkttype = PACKET_OTHERHOST };
	struct iovec into = { tap->frame, sizeof(tap->frame) };
	struct msghdr message = { .msg_name = &from,
				  .msg_namelen = sizeof(from),
				  .msg_iov = &into,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(tap->fd, &message, MSG_DONTWAIT);

	if (got < 0)
		return got;
	tap->leaves = from.sll_pkttype == PACKET_OUTGOING;
	tap->at_ns = stamp_of(&message);
	if (tap->leaves || from.sll_pkttype == PACKET_HOST)
		tap->size = (size_t)got;
	return got;
}

bool tap_fetch(struct tap *tap)
{
	while (!tap->size && receive(tap) >= 0)
		;
	if (!tap->size && errno != EAGAIN && errno != EINTR && errno != ENETDOWN) {
		perror("overhear: recvmsg");
		exit(2);
	}
	return tap->size > 0;
}

unsigned int tap_lost(const struct tap *tap)
{
	struct tpacket_stats stats = { .tp_drops = 0 };
	socklen_t size = sizeof(stats);

	getsockopt(tap->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size);
	return stats.tp_drops;
}
