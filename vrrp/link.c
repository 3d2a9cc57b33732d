// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/link.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "conf/log.h"
#include "proto/addr.h"

enum {
	ADVERT_TOS = 0xc0, /* network control */
	ADVERT_SOCKET_PRIORITY = 7,
	READ_BUDGET = 256, /* packets in one go: a flood must not keep our own adverts waiting */
	RECEIVE_BUFFER = 1 << 20, /* some 1000 packets: seconds of a stall, or a burst */
};

static const uint32_t advert_group = 0xe0000012; /* 224.0.0.18 */
static const uint64_t log_pause_ns = 10000000000;

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

static int join(int fd, int ifindex)
{
	struct ip_mreqn group = {
		.imr_multiaddr.s_addr = htonl(advert_group),
		.imr_ifindex = ifindex,
	};

	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)))
		return -errno;
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)))
		return -errno;
	return 0;
}

/*
 * Other virtual routers end in the kernel: their number is not ours to limit, and each of their
 * adverts would wake us and take the room of the peer's.  Whatever has our VRID, or is too short to
 * have one, comes through and is counted by its fault.
 */
static int filter_vrid(int fd, uint8_t vrid)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* x = length of the IP header */
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 2, 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 1),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, vrid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

static int configure(int fd, const struct link_config *config)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{ IPPROTO_IP, IP_TTL, ADVERT_TTL },
		{ IPPROTO_IP, IP_MULTICAST_TTL, ADVERT_TTL },
		{ IPPROTO_IP, IP_MULTICAST_LOOP, 0 },
		{ IPPROTO_IP, IP_MULTICAST_ALL, 0 },
		{ IPPROTO_IP, IP_TOS, ADVERT_TOS },
		{ SOL_SOCKET, SO_PRIORITY, ADVERT_SOCKET_PRIORITY },
	};
	int err;

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, config->ifname,
		       (socklen_t)strlen(config->ifname) + 1))
		return -errno;
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		err = set_int(fd, options[i].level, options[i].option, options[i].value);
		if (err)
			return err;
	}
	/* Without the right to more, as much as everybody may have. */
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER))
		set_int(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	err = filter_vrid(fd, config->vrid);
	if (err)
		return err;
	return config->unicast ? 0 : join(fd, config->ifindex);
}

int link_open(struct link *link, const struct link_config *config)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, ADVERT_PROTOCOL);
	int err = fd < 0 ? -errno : configure(fd, config);

	if (err) {
		log_error("no socket for adverts on %s: %s", config->ifname, strerror(-err));
		if (fd >= 0)
			close(fd);
		return err;
	}
	link_close(link);
	link->config = *config;
	link->fd = fd;
	return 0;
}

void link_close(struct link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

/* True at most once in the pause; keeps the time. */
static bool may_log(uint64_t *logged, uint64_t now)
{
	if (*logged && now - *logged < log_pause_ns)
		return false;
	*logged = now;
	return true;
}

static int transmit(const struct link *link, uint8_t *message, size_t length, uint32_t to)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = to };
	struct iovec iov = { .iov_base = message, .iov_len = length };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control = { 0 };
	struct msghdr msg = {
		.msg_name = &address,
		.msg_namelen = sizeof(address),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	/* The source is the node's own address even when the VIP would be the kernel's choice. */
	struct in_pktinfo from = {
		.ipi_ifindex = link->config.ifindex,
		.ipi_spec_dst.s_addr = link->config.own,
	};

	control.header.cmsg_level = IPPROTO_IP;
	control.header.cmsg_type = IP_PKTINFO;
	control.header.cmsg_len = CMSG_LEN(sizeof(from));
	memcpy(CMSG_DATA(&control.header), &from, sizeof(from));
	return sendmsg(link->fd, &msg, 0) < 0 ? -errno : 0;
}

int link_send(struct link *link, const struct link_advert *what, uint64_t now)
{
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert = {
		.source = link->config.own,
		.destination = link->config.unicast ? link->config.peer : htonl(advert_group),
		.vrid = link->config.vrid,
		.priority = what->priority,
		.count = (uint8_t)what->count,
		.interval_cs = (uint16_t)(what->interval_ns / 10000000),
		/* keepalived and FRR understand only this one; answer in kind when we know. */
		.checksum = link->dialect_heard ? link->dialect : ADVERT_RFC5798,
	};
	int err;

	memcpy(advert.address, what->addresses, what->count * sizeof(*what->addresses));
	err = transmit(link, message, advert_write(&advert, message), advert.destination);
	if (!err) {
		link->sent++;
		link->send_logged = 0;
		return 0;
	}
	link->send_errors++;
	if (may_log(&link->send_logged, now))
		log_warning("cannot send adverts on %s: %s", link->config.ifname, strerror(-err));
	return err;
}

static void reject(struct link *link, enum advert_verdict verdict, uint32_t source, uint64_t now)
{
	char text[ADDR_TEXT];

	link->rejected[verdict]++;
	/* Another virtual router on the LAN is no fault. */
	if (verdict == ADVERT_OTHER_VRID || !may_log(&link->logged[verdict], now))
		return;
	log_warning("advert from %s refused: %s", addr_print4(text, source),
		    advert_verdict_names[verdict]);
}

static void accepted(struct link *link, const struct advert *advert, uint64_t now)
{
	bool news = !link->dialect_heard || link->dialect != advert->checksum ||
		    link->last_source != advert->source;
	char text[ADDR_TEXT];

	link->received++;
	memset(link->logged, 0, sizeof(link->logged));
	if (news && may_log(&link->news_logged, now))
		log_info("adverts of %s heard: priority %u, interval %u0 ms, checksum as in %s",
			 addr_print4(text, advert->source), advert->priority, advert->interval_cs,
			 advert->checksum == ADVERT_RFC5798 ? "RFC 5798" : "RFC 9568");
	link->dialect = advert->checksum;
	link->dialect_heard = true;
	link->last_source = advert->source;
}

int link_receive(struct link *link, struct advert *advert, uint64_t now)
{
	const struct advert_expect expect = {
		.vrid = link->config.vrid,
		.own = link->config.own,
		.peer = link->config.unicast ? link->config.peer : 0,
	};
	uint8_t packet[60 + ADVERT_MAX_BYTES + 64];
	enum advert_verdict verdict;
	struct sockaddr_in from = { 0 };
	socklen_t size;
	ssize_t length;

	for (int i = 0; i < READ_BUDGET; i++) {
		size = sizeof(from);
		length = recvfrom(link->fd, packet, sizeof(packet), MSG_TRUNC,
				  (struct sockaddr *)&from, &size);
		if (length < 0)
			return 0;
		if ((size_t)length > sizeof(packet))
			verdict = ADVERT_BAD_LENGTH;
		else
			verdict = advert_read(advert, packet, (size_t)length, &expect);
		if (verdict == ADVERT_OK) {
			accepted(link, advert, now);
			return 1;
		}
		reject(link, verdict, from.sin_addr.s_addr, now);
	}
	return 0;
}
