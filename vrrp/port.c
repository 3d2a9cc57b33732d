// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/port.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/time_types.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "vrrp/ether.h"
#include "vrrp/vmac.h"

enum {
	ADVERT_SOCKET_PRIORITY = 7,
	RECEIVE_BUFFER = 1 << 20, /* some 1000 packets: seconds of a stall, or a burst */
};

struct option {
	int level, name, value;
};

static int set_options(int fd, const struct option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			       sizeof(options[i].value)))
			return -errno;
	}
	return 0;
}

/*
 * Other virtual routers end in the kernel: their number is not ours to limit, and each of their
 * adverts would wake us and take the room of the peer's.  Whatever has our VRID, or is too short to
 * have one, comes through and is counted by its fault.
 */
static int filter_vrid(int fd, uint8_t family, uint8_t vrid)
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

	/* An IPv6 socket begins with the message. */
	if (family == 6)
		code[0] = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

static int configure4(int fd, const struct port_config *config)
{
	const struct option options[] = {
		{ IPPROTO_IP, IP_TTL, ADVERT_TTL },
		{ IPPROTO_IP, IP_MULTICAST_TTL, ADVERT_TTL },
		{ IPPROTO_IP, IP_MULTICAST_LOOP, 0 },
		/* To refuse what comes to the group it must be heard, where others have joined. */
		{ IPPROTO_IP, IP_MULTICAST_ALL, config->unicast },
		{ IPPROTO_IP, IP_TOS, ETHER_TOS },
	};
	const struct addr address = advert_group(4);
	struct ip_mreqn group = { .imr_ifindex = config->ifindex };
	int err = set_options(fd, options, sizeof(options) / sizeof(*options));

	if (err || config->unicast)
		return err;
	memcpy(&group.imr_multiaddr, address.bytes, sizeof(group.imr_multiaddr));
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)))
		return -errno;
	return 0;
}

/* The kernel's IPV6_CHECKSUM stays off: what it finds wrong it drops without a count. */
static int configure6(int fd, const struct port_config *config)
{
	const struct option options[] = {
		{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, ADVERT_TTL },
		{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ADVERT_TTL },
		{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0 },
		{ IPPROTO_IPV6, IPV6_MULTICAST_ALL, config->unicast },
		{ IPPROTO_IPV6, IPV6_TCLASS, ETHER_TOS },
		{ IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },
		{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1 },
		{ IPPROTO_IPV6, IPV6_MULTICAST_IF, config->ifindex },
	};
	const struct addr address = advert_group(6);
	struct ipv6_mreq group = { .ipv6mr_interface = (unsigned int)config->ifindex };
	int err = set_options(fd, options, sizeof(options) / sizeof(*options));

	if (err || config->unicast)
		return err;
	memcpy(&group.ipv6mr_multiaddr, address.bytes, sizeof(group.ipv6mr_multiaddr));
	return setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof(group)) ? -errno
											: 0;
}

static int configure(int fd, const struct port_config *config)
{
	static const struct option options[] = {
		{ SOL_SOCKET, SO_PRIORITY, ADVERT_SOCKET_PRIORITY },
		{ SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1 },
		{ SOL_SOCKET, SO_RXQ_OVFL, 1 },
	};
	/* Without the right to more, as much as everybody may have. */
	static const struct option buffers[] = {
		{ SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER },
		{ SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER },
	};
	int err;

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, config->ifname,
		       (socklen_t)strlen(config->ifname) + 1))
		return -errno;
	if (set_options(fd, &buffers[0], 1))
		set_options(fd, &buffers[1], 1);
	err = set_options(fd, options, sizeof(options) / sizeof(*options));
	if (!err)
		err = filter_vrid(fd, config->family, config->vrid);
	if (err)
		return err;
	return config->family == 6 ? configure6(fd, config) : configure4(fd, config);
}

static int open_raw(const struct port_config *config)
{
	if (!config->virtual_mac || config->unicast)
		return -1;
	/* Protocol 0: the kernel queues nothing to it. */
	return socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int port_open(struct port *port, const struct port_config *config)
{
	const int type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int err;

	port_close(port);
	port->config = *config;
	port->fd = socket(config->family == 6 ? AF_INET6 : AF_INET, type, ADVERT_PROTOCOL);
	err = port->fd < 0 ? -errno : configure(port->fd, config);
	if (!err) {
		port->raw = open_raw(config);
		if (port->raw < 0 && config->virtual_mac && !config->unicast)
			err = -errno;
	}
	if (err) {
		port_close(port);
		return err;
	}
	port->kernel_overruns = 0;
	port->drained_at = 0;
	return 0;
}

void port_close(struct port *port)
{
	if (port->fd >= 0)
		close(port->fd);
	if (port->raw >= 0)
		close(port->raw);
	port->fd = port->raw = -1;
}

/* --- out -------------------------------------------------------------------------------------- */

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t fill_address(union socket_address *address, const struct addr *addr, int ifindex)
{
	memset(address, 0, sizeof(*address));
	if (addr->family == 4) {
		address->v4.sin_family = AF_INET;
		memcpy(&address->v4.sin_addr, addr->bytes, sizeof(address->v4.sin_addr));
		return sizeof(address->v4);
	}
	address->v6.sin6_family = AF_INET6;
	address->v6.sin6_scope_id = (uint32_t)ifindex;
	memcpy(&address->v6.sin6_addr, addr->bytes, sizeof(address->v6.sin6_addr));
	return sizeof(address->v6);
}

static void set_control(struct msghdr *msg, int level, int type, const void *data, size_t size)
{
	struct cmsghdr *header = msg->msg_control;

	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), data, size);
	msg->msg_controllen = CMSG_SPACE(size);
}

/* The source is the node's own address even when a floating one would be the kernel's choice. */
static void set_source(struct msghdr *msg, const struct addr *from, int ifindex)
{
	struct in_pktinfo info4 = { .ipi_ifindex = ifindex };
	struct in6_pktinfo info6 = { .ipi6_ifindex = (unsigned int)ifindex };

	if (from->family == 4) {
		memcpy(&info4.ipi_spec_dst, from->bytes, sizeof(info4.ipi_spec_dst));
		set_control(msg, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
		return;
	}
	memcpy(&info6.ipi6_addr, from->bytes, sizeof(info6.ipi6_addr));
	set_control(msg, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
}

/* The kernel would put the interface's own MAC address on it. */
static int send_frame(const struct port *port, const struct addr *from, const struct addr *to,
		      const uint8_t *message, size_t length)
{
	uint8_t frame[ETHER_MAX_BYTES];
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(from->family == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP),
		.sll_ifindex = port->config.ifindex,
		.sll_halen = 6,
	};
	struct ether_advert advert = { .from = *from, .to = *to };
	size_t total;

	vmac_address(advert.mac, from->family, port->config.vrid);
	total = ether_wrap(frame, &advert, message, length);
	memcpy(address.sll_addr, frame, 6);
	if (sendto(port->raw, frame, total, 0, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

int port_send(const struct port *port, const struct addr *from, const struct addr *to,
	      const uint8_t *message, size_t length)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)message, .iov_len = length };
	union socket_address address;
	struct msghdr msg = {
		.msg_name = &address,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
	};

	if (port->raw >= 0)
		return send_frame(port, from, to, message, length);
	msg.msg_namelen = fill_address(&address, to, port->config.ifindex);
	set_source(&msg, from, port->config.ifindex);
	return sendmsg(port->fd, &msg, 0) < 0 ? -errno : 0;
}

/* --- in --------------------------------------------------------------------------------------- */

static uint64_t read_clock(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/*
 * The kernel stamps with the wall clock.  A step of it between stamp and reading cannot do harm:
 * the packet came after the socket was last seen empty and before now.
 */
static uint64_t received_at(const struct port *port, uint64_t stamp)
{
	const uint64_t now = read_clock(CLOCK_BOOTTIME), wall = read_clock(CLOCK_REALTIME);
	const uint64_t age = wall > stamp ? wall - stamp : 0;

	if (age > now || now - age < port->drained_at)
		return port->drained_at;
	return now - age;
}

static void count_overruns(struct port *port, uint32_t total)
{
	port->overruns += total - port->kernel_overruns;
	port->kernel_overruns = total;
}

static struct addr address6(const struct in6_addr *bytes)
{
	struct addr addr = { .family = 6 };

	memcpy(addr.bytes, bytes, sizeof(addr.bytes));
	return addr;
}

static void read_control(struct port *port, struct port_packet *packet, struct msghdr *msg)
{
	struct advert_envelope *envelope = &packet->envelope;
	struct __kernel_timespec stamp;
	struct in6_pktinfo info;
	uint32_t total;
	int limit;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS_NEW) {
			memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
			packet->at = received_at(port, (uint64_t)stamp.tv_sec * 1000000000 +
							       (uint64_t)stamp.tv_nsec);
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(&total, CMSG_DATA(c), sizeof(total));
			count_overruns(port, total);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			envelope->destination = address6(&info.ipi6_addr);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT) {
			memcpy(&limit, CMSG_DATA(c), sizeof(limit));
			envelope->ttl = (uint8_t)limit;
		}
	}
}

static void open_packet(struct port_packet *packet, const union socket_address *from, size_t length)
{
	packet->source = (struct addr){ .family = 4 };
	packet->verdict = ADVERT_OK;
	if (from->any.sa_family == AF_INET6) {
		packet->source = address6(&from->v6.sin6_addr);
		packet->envelope.source = packet->source;
		packet->envelope.message = packet->bytes;
		packet->envelope.length = length;
	} else {
		memcpy(packet->source.bytes, &from->v4.sin_addr, sizeof(from->v4.sin_addr));
		packet->verdict = advert_unwrap(&packet->envelope, packet->bytes, length);
	}
}

int port_receive(struct port *port, struct port_packet *packet)
{
	union {
		struct cmsghdr header;
		char room[256];
	} control;
	struct iovec iov = { .iov_base = packet->bytes, .iov_len = sizeof(packet->bytes) };
	union socket_address from = { 0 };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	uint64_t before = read_clock(CLOCK_BOOTTIME);
	ssize_t length;

	if (port->fd < 0)
		return 0;
	length = recvmsg(port->fd, &msg, MSG_TRUNC);
	if (length < 0) {
		port->drained_at = before;
		return 0;
	}
	packet->at = before;
	packet->envelope = (struct advert_envelope){ 0 };
	read_control(port, packet, &msg);
	if ((size_t)length <= sizeof(packet->bytes)) {
		open_packet(packet, &from, (size_t)length);
		return 1;
	}
	open_packet(packet, &from, sizeof(packet->bytes));
	packet->verdict = ADVERT_BAD_LENGTH;
	return 1;
}
