// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two ends of the advert socket in a network namespace of their own: unicast between 127.0.0.1 and
 * 127.0.0.2 on the loopback interface, and multicast over IPv6 between the ends of a veth pair.
 * Where namespaces are forbidden the test says so and passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conf/log.h"
#include "vrrp/link.h"

enum { OWN = 0x7f000001, PEER = 0x7f000002 };

static const uint64_t ms = 1000000;
static bool forbidden;

struct pair {
	struct link own, peer, former;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static struct addr address(const char *text)
{
	struct addr addr;

	assert_true(addr_parse(&addr, text));
	return addr;
}

/* ip(8) runs as a child of ours: without root's number there, exec would cost it its rights. */
static bool become_root_there(void)
{
	char map[64];
	FILE *file;

	snprintf(map, sizeof(map), "0 %u 1\n", (unsigned int)getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	file = fopen("/proc/self/uid_map", "w");
	if (!file)
		return false;
	fputs(map, file);
	return fclose(file) == 0;
}

static int enter_namespace(void **unused)
{
	(void)unused;
	log_open("test", LOG_LEVEL_ERROR);
	forbidden = unshare(CLONE_NEWNET) && !become_root_there();
	if (forbidden) {
		print_message("no network namespace: %s\n", strerror(errno));
		return 0;
	}
	return system("ip link set lo up && ip addr add fd00::1/128 dev lo && "
		      "ip addr add fd00::2/128 dev lo && ip addr add fd00::3/128 dev lo && "
		      "ip link add a0 type veth peer name b0 && "
		      "ip link set a0 addrgenmode none up && ip link set b0 addrgenmode none up && "
		      "ip addr add fe80::a/64 dev a0 nodad && ip addr add fe80::b/64 dev b0 nodad");
}

static struct link_config unicast(const char *own, const char *peer)
{
	return (struct link_config){
		.ifname = "lo",
		.ifindex = (int)if_nametoindex("lo"),
		.speaks[LINK_V4] = true,
		.own[LINK_V4] = address(own),
		.peer[LINK_V4] = address(peer),
		.version = 3,
		.vrid = 51,
		.unicast = true,
		.ttl_min = 255,
		.advert_cs = 100,
	};
}

static int open_with(void **state, const struct link_config *own, const struct link_config *peer)
{
	static struct pair pair;

	link_init(&pair.own);
	link_init(&pair.peer);
	link_init(&pair.former);
	*state = &pair;
	if (forbidden)
		return 0;
	return link_open(&pair.own, own) || link_open(&pair.peer, peer);
}

static int open_pair(void **state)
{
	const struct link_config own = unicast("127.0.0.1", "127.0.0.2");
	const struct link_config peer = unicast("127.0.0.2", "127.0.0.1");

	return open_with(state, &own, &peer);
}

static int open_version_2(void **state)
{
	struct link_config own = unicast("127.0.0.1", "127.0.0.2");
	struct link_config peer = unicast("127.0.0.2", "127.0.0.1");

	own.version = peer.version = 2;
	return open_with(state, &own, &peer);
}

static struct link_config multicast6(const char *ifname, const char *own)
{
	struct link_config config = {
		.ifindex = (int)if_nametoindex(ifname),
		.speaks[LINK_V6] = true,
		.own[LINK_V6] = address(own),
		.version = 3,
		.vrid = 51,
		.ttl_min = 255,
	};

	snprintf(config.ifname, sizeof(config.ifname), "%s", ifname);
	return config;
}

/* Both families at once. */
static struct link_config unicast_both(const char *own, const char *peer)
{
	const bool first = own[strlen(own) - 1] == '1';
	struct link_config config = first ? unicast("127.0.0.1", "127.0.0.2")
					  : unicast("127.0.0.2", "127.0.0.1");

	config.speaks[LINK_V6] = true;
	config.own[LINK_V6] = address(own);
	config.peer[LINK_V6] = address(peer);
	return config;
}

static int open_both(void **state)
{
	const struct link_config own = unicast_both("fd00::1", "fd00::2");
	const struct link_config peer = unicast_both("fd00::2", "fd00::1");

	return open_with(state, &own, &peer);
}

static int open_ipv6(void **state)
{
	const struct link_config own = multicast6("a0", "fe80::a");
	const struct link_config peer = multicast6("b0", "fe80::b");

	return open_with(state, &own, &peer);
}

static int close_pair(void **state)
{
	struct pair *pair = *state;

	link_close(&pair->own);
	link_close(&pair->peer);
	link_close(&pair->former);
	return 0;
}

static void send_plain(struct link *link, uint8_t priority)
{
	const struct addr addresses[] = {
		address("fe80::200:5eff:fe00:233"),
		address("10.20.0.10"),
		address("2001:db8::10"),
		address("10.30.0.1"),
	};
	const struct link_advert what = { priority, 1000 * ms, addresses, 4 };

	assert_int_equal(link_send(link, &what, ms), 0);
}

/* In one of two families. */
static void send_half(struct link *link)
{
	const struct addr addresses[] = { address("fe80::12"), address("10.20.0.10") };
	const struct link_advert what = { 254, 100 * ms, addresses, 2 };
	uint64_t sent = link->sent;

	assert_true(link_send(link, &what, ms) < 0);
	assert_int_equal(link->send_errors, 1);
	assert_int_equal(link->sent, sent + 1);
}

static void send_fails(struct link *link)
{
	const struct addr address6 = address("fe80::12"), address4 = address("10.20.0.10");
	const struct addr addresses[] = { address6, address4 };
	const struct link_advert what = { 254, 100 * ms, addresses, 2 };
	uint64_t sent = link->sent;

	assert_true(link_send(link, &what, ms) < 0);
	assert_int_equal(link->send_errors, 1);
	assert_int_equal(link->sent, sent);
}

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

static void assert_advert(const struct advert *advert, const char *source, uint8_t version,
			  const char *last)
{
	const struct addr from = address(source), second = address(last);

	assert_int_equal(addr_compare(&advert->source, &from), 0);
	assert_int_equal(advert->version, version);
	assert_int_equal(advert->vrid, 51);
	assert_int_equal(advert->priority, 254);
	assert_int_equal(advert->interval_cs, 100);
	assert_int_equal(advert->count, 2);
	assert_int_equal(addr_compare(&advert->address[1], &second), 0);
}

static void heard_as_sent(void **state)
{
	const uint64_t before = now_ns(CLOCK_BOOTTIME);
	struct pair *pair = *state;
	struct link_heard heard;

	if (forbidden)
		skip();
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	assert_advert(&heard.advert, "127.0.0.1", 3, "10.30.0.1");
	assert_int_equal(heard.advert.checksum, ADVERT_RFC5798);
	assert_in_range(heard.at, before, now_ns(CLOCK_BOOTTIME));
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	assert_int_equal(pair->own.sent, 1);
	assert_int_equal(pair->peer.received, 1);
	/* A raw socket also hears what it said itself on this interface. */
	assert_int_equal(link_receive(&pair->own, &heard, ms), 0);
	assert_int_equal(pair->own.rejected[ADVERT_OWN], 1);
}

/* Bytes from any source with any TTL: what a stranger on the LAN can do. */
static void forge(uint32_t source, uint8_t ttl, const uint8_t *message, size_t length)
{
	uint8_t packet[20 + ADVERT_MAX_BYTES] = { 0x45, 0xc0 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(PEER) };
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	uint32_t addresses[2] = { htonl(source), htonl(PEER) };

	packet[8] = ttl;
	packet[9] = ADVERT_PROTOCOL;
	memcpy(packet + 12, addresses, sizeof(addresses));
	memcpy(packet + 20, message, length);
	assert_int_equal(sendto(fd, packet, 20 + length, 0, (struct sockaddr *)&to, sizeof(to)),
			 20 + length);
	close(fd);
}

static size_t good_message(uint8_t *message, uint32_t source, uint8_t vrid,
			   enum advert_checksum checksum)
{
	const struct advert advert = {
		.source = addr_from4(htonl(source)),
		.destination = addr_from4(htonl(PEER)),
		.version = 3,
		.vrid = vrid,
		.priority = 255,
		.count = 1,
		.interval_cs = 10,
		.address = { address("10.20.0.10") },
		.checksum = checksum,
	};

	return advert_write(&advert, message);
}

static void each_refusal_is_counted(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct link_heard heard;
	size_t length;

	if (forbidden)
		skip();
	length = good_message(message, OWN, 51, ADVERT_RFC5798);
	forge(OWN, 254, message, length);
	forge(OWN, 255, message, length - 1);
	forge(OWN, 255, message, 3);
	message[5] ^= 1;
	forge(OWN, 255, message, length);
	length = good_message(message, 0x7f000003, 51, ADVERT_RFC5798);
	forge(0x7f000003, 255, message, length);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_TTL], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_LENGTH] + pair->peer.rejected[ADVERT_SHORT],
			 2);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_CHECKSUM], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_STRANGER], 1);
	assert_int_equal(pair->peer.received, 0);
	assert_int_equal(pair->peer.logged[ADVERT_BAD_TTL], ms);
}

/* Only a good packet of the peer ends the pause of the log, and not each time. */
static void forger_cannot_reset_the_log(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct link_heard heard;
	size_t length;

	if (forbidden)
		skip();
	length = good_message(message, OWN, 51, ADVERT_RFC5798);
	for (uint64_t i = 1; i < 100; i++) {
		forge(OWN, 1, message, length);
		link_receive(&pair->peer, &heard, i * 50 * ms);
		assert_int_equal(pair->peer.logged[ADVERT_BAD_TTL], 50 * ms);
	}
	forge(OWN, 1, message, length);
	link_receive(&pair->peer, &heard, 11000 * ms);
	assert_int_equal(pair->peer.logged[ADVERT_BAD_TTL], 11000 * ms);
	forge(OWN, 255, message, length);
	assert_int_equal(link_receive(&pair->peer, &heard, 11000 * ms), 1);
	assert_int_equal(pair->peer.logged[ADVERT_BAD_TTL], 0);
	for (uint64_t i = 1; i < 100; i++) {
		forge(OWN, 1, message, length);
		forge(OWN, 255, message, length);
		assert_int_equal(link_receive(&pair->peer, &heard, (11000 + i * 50) * ms), 1);
		assert_int_equal(pair->peer.logged[ADVERT_BAD_TTL], 11050 * ms);
	}
}

static void told_form_of_the_checksum(void **state)
{
	struct pair *pair = *state;
	struct link_heard heard;

	if (forbidden)
		skip();
	pair->own.config.checksum = LINK_CHECKSUM_RFC9568;
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	assert_int_equal(heard.advert.checksum, ADVERT_RFC9568);
	pair->peer.config.checksum = LINK_CHECKSUM_RFC5798; /* whatever it has heard */
	send_plain(&pair->peer, 254);
	while (!link_receive(&pair->own, &heard, ms))
		;
	assert_int_equal(heard.advert.checksum, ADVERT_RFC5798);
}

static void unicast_from_behind_a_router(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct link_heard heard;
	size_t length;

	if (forbidden)
		skip();
	length = good_message(message, OWN, 51, ADVERT_RFC5798);
	pair->peer.config.ttl_min = 254;
	forge(OWN, 253, message, length);
	forge(OWN, 254, message, length);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_TTL], 1);
}

static void version_2_has_seconds(void **state)
{
	struct pair *pair = *state;
	struct link_heard heard;

	if (forbidden)
		skip();
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	assert_advert(&heard.advert, "127.0.0.1", 2, "10.30.0.1");
	pair->peer.config.advert_cs = 200;
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	assert_int_equal(pair->peer.rejected[ADVERT_OTHER_INTERVAL], 1);
	pair->peer.config.version = 3;
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_VERSION], 1);
}

/* --- IPv6 ------------------------------------------------------------------------------------- */

static void heard_over_ipv6(void **state)
{
	const uint64_t before = now_ns(CLOCK_BOOTTIME);
	struct pair *pair = *state;
	struct link_heard heard;

	if (forbidden)
		skip();
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	assert_advert(&heard.advert, "fe80::a", 3, "2001:db8::10");
	assert_in_range(heard.at, before, now_ns(CLOCK_BOOTTIME));
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	assert_int_equal(link_receive(&pair->own, &heard, ms), 0);
	/* Without a source nothing is sent; with another, that one. */
	run("ip addr add fe80::aa/64 dev a0 nodad");
	pair->own.config.own[LINK_V6] = (struct addr){ 0 };
	send_fails(&pair->own);
	pair->own.config.own[LINK_V6] = address("fe80::aa");
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	assert_advert(&heard.advert, "fe80::aa", 3, "2001:db8::10");
}

struct way {
	const char *ifname, *from, *to;
};

/* What a stranger can send. */
static void forge_on(const struct way *way, const uint8_t *message, size_t length, int hops)
{
	struct sockaddr_in6 from = { .sin6_family = AF_INET6 }, to = from;
	int fd = socket(AF_INET6, SOCK_RAW, ADVERT_PROTOCOL);

	from.sin6_scope_id = to.sin6_scope_id = if_nametoindex(way->ifname);
	inet_pton(AF_INET6, way->from, &from.sin6_addr);
	inet_pton(AF_INET6, way->to, &to.sin6_addr);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(sendto(fd, message, length, 0, (struct sockaddr *)&to, sizeof(to)),
			 length);
	close(fd);
}

/* From fe80::a on a0 to the group. */
static void forge6(const uint8_t *message, size_t length, int hops)
{
	static const struct way way = { "a0", "fe80::a", "ff02::12" };

	forge_on(&way, message, length, hops);
}

static void unicast_in_both_families(void **state)
{
	struct pair *pair = *state;
	struct link_heard heard;

	if (forbidden)
		skip();
	send_plain(&pair->own, 254);
	assert_int_equal(pair->own.sent, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(link_receive(&pair->peer, &heard, 7 * ms), 1);
		if (heard.advert.source.family == 4)
			assert_advert(&heard.advert, "127.0.0.1", 3, "10.30.0.1");
		else
			assert_advert(&heard.advert, "fd00::1", 3, "2001:db8::10");
	}
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	assert_int_equal(pair->peer.heard_at[LINK_V4], 7 * ms);
	assert_int_equal(pair->peer.heard_at[LINK_V6], 7 * ms);
	/* The peer's address is gone: the other family goes on. */
	pair->own.config.own[LINK_V6] = address("fd00::99");
	send_half(&pair->own);
	assert_int_equal(link_receive(&pair->peer, &heard, 8 * ms), 1);
	assert_int_equal(heard.advert.source.family, 4);
	assert_int_equal(pair->peer.heard_at[LINK_V6], 7 * ms);
}

static void each_refusal_of_ipv6_unicast_is_counted(void **state)
{
	static const struct way way = { "lo", "fd00::1", "fd00::2" };
	static const struct way strange = { "lo", "fd00::3", "fd00::2" };
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert = {
		.source = address("fd00::1"),
		.destination = address("fd00::2"),
		.version = 3,
		.vrid = 51,
		.priority = 255,
		.count = 1,
		.interval_cs = 10,
		.address = { address("fe80::12") },
	};
	struct link_heard heard;
	size_t length;

	if (forbidden)
		skip();
	length = advert_write(&advert, message);
	forge_on(&way, message, length, 254);
	/* Of the message and the group, as some wrote it. */
	advert.destination = advert_group(6);
	advert_write(&advert, message);
	forge_on(&way, message, length, 255);
	advert.destination = address("fd00::2");
	advert.address[0] = address("fd00::10");
	advert_write(&advert, message);
	forge_on(&way, message, length, 255);
	advert.source = address("fd00::3");
	advert_write(&advert, message);
	forge_on(&strange, message, length, 255);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_TTL], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_CHECKSUM], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_NOT_LINK_LOCAL], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_STRANGER], 1);
	assert_int_equal(pair->peer.received, 0);
	/* With fewer hops for the peer only. */
	pair->peer.config.ttl_min = 64;
	advert.source = address("fd00::1");
	advert.address[0] = address("fe80::12");
	advert_write(&advert, message);
	forge_on(&way, message, length, 63);
	forge_on(&way, message, length, 64);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_TTL], 2);
}

static void each_refusal_of_ipv6_is_counted(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert = {
		.source = address("fe80::a"),
		.destination = advert_group(6),
		.version = 3,
		.vrid = 51,
		.priority = 255,
		.count = 1,
		.interval_cs = 10,
		.address = { address("fe80::12") },
	};
	struct link_heard heard;
	size_t length;

	if (forbidden)
		skip();
	length = advert_write(&advert, message);
	forge6(message, length, 254);
	forge6(message, length - 1, 255);
	forge6(message, 1, 255);
	message[6] ^= 1;
	forge6(message, length, 255);
	message[1] = 52; /* of another router: not even heard */
	forge6(message, length, 255);
	advert.address[0] = address("2001:db8::1");
	length = advert_write(&advert, message);
	forge6(message, length, 255);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_TTL], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_LENGTH], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_SHORT], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_CHECKSUM], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_NOT_LINK_LOCAL], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_OTHER_VRID], 0);
	assert_int_equal(pair->peer.received, 0);
}

/* --- time and room ---------------------------------------------------------------------------- */

/* An advert that waited says when it came, not when it was read. */
static void time_of_arrival(void **state)
{
	const struct timespec nap = { .tv_nsec = 60000000 };
	struct pair *pair = *state;
	struct link_heard heard;
	uint64_t sent;

	if (forbidden)
		skip();
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	send_plain(&pair->own, 254);
	sent = now_ns(CLOCK_BOOTTIME);
	nanosleep(&nap, NULL);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	assert_in_range(heard.at, pair->peer.port[LINK_V4].drained_at, sent + 5 * ms);
	/* Nothing came before the socket was last seen empty, whatever the wall clock says. */
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	send_plain(&pair->own, 254);
	pair->peer.port[LINK_V4].drained_at = now_ns(CLOCK_BOOTTIME) + 5 * ms;
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	assert_int_equal(heard.at, pair->peer.port[LINK_V4].drained_at);
}

static void overruns_are_counted(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct link_heard heard;
	size_t length;

	if (forbidden)
		skip();
	length = good_message(message, OWN, 51, ADVERT_RFC5798);
	for (int i = 0; i < 8000; i++)
		forge(OWN, 254, message, length);
	/* The kernel tells it with the next packet that finds room. */
	link_receive(&pair->peer, &heard, ms);
	forge(OWN, 254, message, length);
	for (int i = 0; i < 40; i++)
		link_receive(&pair->peer, &heard, ms);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_TTL] + link_overruns(&pair->peer), 8001);
	assert_true(link_overruns(&pair->peer) > 0);
}

static void sockets_stay_when_others_are_not_needed(void **state)
{
	struct pair *pair = *state;
	struct link_config config = unicast("127.0.0.1", "127.0.0.2");
	int fd = pair->own.port[LINK_V4].fd;

	if (forbidden)
		skip();
	config.checksum = LINK_CHECKSUM_RFC9568;
	assert_int_equal(link_open(&pair->own, &config), 0);
	assert_int_equal(pair->own.port[LINK_V4].fd, fd);
	assert_int_equal(link_dialect(&pair->own), ADVERT_RFC9568);
	config.speaks[LINK_V6] = true;
	assert_int_equal(link_open(&pair->own, &config), 0);
	assert_true(pair->own.port[LINK_V6].fd >= 0);
	config.speaks[LINK_V6] = false;
	assert_int_equal(link_open(&pair->own, &config), 0);
	assert_int_equal(pair->own.port[LINK_V6].fd, -1);
}

static bool hears(struct link *link)
{
	struct link_heard heard;

	return link_receive(link, &heard, ms) == 1;
}

/* The peer, which has not followed, and what is new are both spoken to and heard. */
static void former_way_goes_on_beside_the_new_one(void **state)
{
	struct pair *pair = *state;
	struct link_config config = unicast("127.0.0.1", "127.0.0.2");

	if (forbidden)
		skip();
	config.vrid = 52;
	assert_int_equal(link_change(&pair->own, &pair->former, &config), 0);
	assert_int_equal(pair->own.config.vrid, 52);
	assert_int_equal(pair->former.config.vrid, 51);
	send_plain(&pair->peer, 254);
	assert_false(hears(&pair->own));
	assert_true(hears(&pair->former));
	send_plain(&pair->own, 254);
	assert_false(hears(&pair->peer));
	send_plain(&pair->former, 254);
	assert_true(hears(&pair->peer));
}

/* One socket gets the adverts of both ways; they are somebody's. */
static void either_way_is_no_fault_of_the_other(void **state)
{
	struct pair *pair = *state;
	struct link_config config = unicast("127.0.0.1", "127.0.0.2");

	if (forbidden)
		skip();
	config.version = 2;
	assert_int_equal(link_change(&pair->own, &pair->former, &config), 0);
	send_plain(&pair->peer, 254);
	assert_false(hears(&pair->own));
	assert_true(hears(&pair->former));
	assert_int_equal(pair->own.rejected[ADVERT_BAD_VERSION], 0);
	link_close(&pair->former);
	send_plain(&pair->peer, 254);
	assert_false(hears(&pair->own));
	assert_int_equal(pair->own.rejected[ADVERT_BAD_VERSION], 1);
}

static void former_way_is_the_one_the_peer_has(void **state)
{
	struct pair *pair = *state;
	struct link_config config = unicast("127.0.0.1", "127.0.0.2");

	if (forbidden)
		skip();
	config.checksum = LINK_CHECKSUM_RFC9568;
	assert_int_equal(link_change(&pair->own, &pair->former, &config), 0);
	assert_false(link_is_open(&pair->former)); /* it hears this as well */
	config.vrid = 52;
	assert_int_equal(link_change(&pair->own, &pair->former, &config), 0);
	config.vrid = 53;
	assert_int_equal(link_change(&pair->own, &pair->former, &config), 0);
	assert_int_equal(pair->former.config.vrid, 51);
	config.vrid = 51; /* taken back: it may have followed */
	assert_int_equal(link_change(&pair->own, &pair->former, &config), 0);
	assert_int_equal(pair->own.config.vrid, 51);
	assert_int_equal(pair->former.config.vrid, 53);
}

static void change_that_fails_changes_nothing(void **state)
{
	struct pair *pair = *state;
	struct link_config config = unicast("127.0.0.1", "127.0.0.2");

	if (forbidden)
		skip();
	snprintf(config.ifname, sizeof(config.ifname), "nowhere0");
	assert_int_equal(link_change(&pair->own, &pair->former, &config), -ENODEV);
	assert_false(link_is_open(&pair->former));
	send_plain(&pair->peer, 254);
	assert_true(hears(&pair->own));
}

static void answers_in_the_dialect_it_hears(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct link_heard heard;

	if (forbidden)
		skip();
	forge(OWN, 255, message, good_message(message, OWN, 51, ADVERT_RFC9568));
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	while (link_receive(&pair->own, &heard, ms))
		;
	send_plain(&pair->peer, 253);
	assert_int_equal(link_receive(&pair->own, &heard, ms), 1);
	assert_int_equal(heard.advert.checksum, ADVERT_RFC9568);
}

/* A flood costs at most one budget a turn of the loop; what comes after it is not lost. */
static void flood_is_read_in_slices(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct link_heard heard;
	uint64_t seen;
	size_t length;

	if (forbidden)
		skip();
	length = good_message(message, OWN, 51, ADVERT_RFC5798);
	for (int i = 0; i < 280; i++)
		forge(OWN, 254, message, length);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 0);
	seen = pair->peer.rejected[ADVERT_BAD_TTL];
	assert_true(seen <= 256);
	while (link_receive(&pair->peer, &heard, ms) || pair->peer.rejected[ADVERT_BAD_TTL] > seen)
		seen = pair->peer.rejected[ADVERT_BAD_TTL];
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
}

/* However loud other routers are, the socket has room for the peer. */
static void other_routers_do_not_reach_us(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct link_heard heard;
	size_t length;

	if (forbidden)
		skip();
	length = good_message(message, OWN, 52, ADVERT_RFC5798);
	for (int i = 0; i < 20000; i++)
		forge(OWN, 255, message, length);
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &heard, ms), 1);
	assert_int_equal(heard.advert.priority, 254);
	assert_int_equal(pair->peer.rejected[ADVERT_OTHER_VRID], 0);
}

static void failed_send_is_counted(void **state)
{
	struct pair *pair = *state;

	if (forbidden)
		skip();
	pair->own.config.own[LINK_V4] = address("10.0.0.1"); /* not of this machine */
	send_fails(&pair->own);
}

static void an_interface_that_is_not_there(void **state)
{
	const struct link_config config = {
		.ifname = "none0",
		.ifindex = 99,
		.speaks[LINK_V4] = true,
	};
	struct link link;

	(void)state;
	link_init(&link);
	if (forbidden)
		skip();
	assert_int_equal(link_open(&link, &config), -ENODEV);
	assert_int_equal(link.port[LINK_V4].fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(heard_as_sent, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(each_refusal_is_counted, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(forger_cannot_reset_the_log, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(told_form_of_the_checksum, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(unicast_from_behind_a_router, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(version_2_has_seconds, open_version_2, close_pair),
		cmocka_unit_test_setup_teardown(heard_over_ipv6, open_ipv6, close_pair),
		cmocka_unit_test_setup_teardown(each_refusal_of_ipv6_is_counted, open_ipv6,
						close_pair),
		cmocka_unit_test_setup_teardown(unicast_in_both_families, open_both, close_pair),
		cmocka_unit_test_setup_teardown(each_refusal_of_ipv6_unicast_is_counted, open_both,
						close_pair),
		cmocka_unit_test_setup_teardown(time_of_arrival, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(overruns_are_counted, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(sockets_stay_when_others_are_not_needed, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(former_way_goes_on_beside_the_new_one, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(either_way_is_no_fault_of_the_other, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(former_way_is_the_one_the_peer_has, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(change_that_fails_changes_nothing, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(answers_in_the_dialect_it_hears, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(flood_is_read_in_slices, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(other_routers_do_not_reach_us, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(failed_send_is_counted, open_pair, close_pair),
		cmocka_unit_test(an_interface_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
