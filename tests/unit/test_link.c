// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two ends of the advert socket in a network namespace of their own: the loopback interface,
 * unicast between 127.0.0.1 and 127.0.0.2.  Where namespaces are forbidden the test says so and
 * passes.
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
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/log.h"
#include "vrrp/link.h"

enum { OWN = 0x7f000001, PEER = 0x7f000002 };

static const uint64_t ms = 1000000;
static bool forbidden;

struct pair {
	struct link own, peer;
};

static int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int err;

	request.ifr_flags = IFF_UP | IFF_RUNNING;
	err = ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return err;
}

static int enter_namespace(void **unused)
{
	(void)unused;
	log_open("test", LOG_LEVEL_ERROR);
	forbidden = unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET);
	if (forbidden) {
		print_message("no network namespace: %s\n", strerror(errno));
		return 0;
	}
	return loopback_up();
}

static int open_pair(void **state)
{
	static struct pair pair;
	struct link_config config = {
		.ifname = "lo",
		.ifindex = (int)if_nametoindex("lo"),
		.own = htonl(OWN),
		.peer = htonl(PEER),
		.vrid = 51,
		.unicast = true,
	};

	pair = (struct pair){ .own.fd = -1, .peer.fd = -1 };
	*state = &pair;
	if (forbidden)
		return 0;
	if (link_open(&pair.own, &config))
		return -1;
	config.own = htonl(PEER);
	config.peer = htonl(OWN);
	return link_open(&pair.peer, &config);
}

static int close_pair(void **state)
{
	struct pair *pair = *state;

	link_close(&pair->own);
	link_close(&pair->peer);
	return 0;
}

static void send_plain(struct link *link, uint8_t priority)
{
	const uint32_t addresses[] = { htonl(0x0a14000a), htonl(0x0a1e0001) };
	const struct link_advert what = { priority, 100 * ms, addresses, 2 };

	assert_int_equal(link_send(link, &what, ms), 0);
}

static void heard_as_sent(void **state)
{
	struct pair *pair = *state;
	struct advert advert;

	if (forbidden)
		skip();
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &advert, ms), 1);
	assert_int_equal(advert.source, htonl(OWN));
	assert_int_equal(advert.vrid, 51);
	assert_int_equal(advert.priority, 254);
	assert_int_equal(advert.interval_cs, 10);
	assert_int_equal(advert.count, 2);
	assert_int_equal(advert.address[1], htonl(0x0a1e0001));
	assert_int_equal(advert.checksum, ADVERT_RFC5798);
	assert_int_equal(link_receive(&pair->peer, &advert, ms), 0);
	assert_int_equal(pair->own.sent, 1);
	assert_int_equal(pair->peer.received, 1);
	/* A raw socket also hears what it said itself on this interface. */
	assert_int_equal(link_receive(&pair->own, &advert, ms), 0);
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
		.source = htonl(source),
		.destination = htonl(PEER),
		.vrid = vrid,
		.priority = 255,
		.count = 1,
		.interval_cs = 10,
		.address = { htonl(0x0a14000a) },
		.checksum = checksum,
	};

	return advert_write(&advert, message);
}

static void each_refusal_is_counted(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert;
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
	assert_int_equal(link_receive(&pair->peer, &advert, ms), 0);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_TTL], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_LENGTH] + pair->peer.rejected[ADVERT_SHORT],
			 2);
	assert_int_equal(pair->peer.rejected[ADVERT_BAD_CHECKSUM], 1);
	assert_int_equal(pair->peer.rejected[ADVERT_STRANGER], 1);
	assert_int_equal(pair->peer.received, 0);
	assert_int_equal(pair->peer.logged[ADVERT_BAD_TTL], ms);
}

/* Only a good packet ends the pause of the log. */
static void forger_cannot_reset_the_log(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert;
	size_t length;

	if (forbidden)
		skip();
	length = good_message(message, OWN, 51, ADVERT_RFC5798);
	for (uint64_t i = 1; i < 100; i++) {
		forge(OWN, 1, message, length);
		link_receive(&pair->peer, &advert, i * 50 * ms);
		assert_int_equal(pair->peer.logged[ADVERT_BAD_TTL], 50 * ms);
	}
	forge(OWN, 1, message, length);
	link_receive(&pair->peer, &advert, 11000 * ms);
	assert_int_equal(pair->peer.logged[ADVERT_BAD_TTL], 11000 * ms);
	forge(OWN, 255, message, length);
	assert_int_equal(link_receive(&pair->peer, &advert, 11000 * ms), 1);
	assert_int_equal(pair->peer.logged[ADVERT_BAD_TTL], 0);
}

static void answers_in_the_dialect_it_hears(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert;

	if (forbidden)
		skip();
	forge(OWN, 255, message, good_message(message, OWN, 51, ADVERT_RFC9568));
	assert_int_equal(link_receive(&pair->peer, &advert, ms), 1);
	while (link_receive(&pair->own, &advert, ms))
		;
	send_plain(&pair->peer, 253);
	assert_int_equal(link_receive(&pair->own, &advert, ms), 1);
	assert_int_equal(advert.checksum, ADVERT_RFC9568);
}

/* A flood costs at most one budget a turn of the loop; what comes after it is not lost. */
static void flood_is_read_in_slices(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert;
	uint64_t seen;
	size_t length;

	if (forbidden)
		skip();
	length = good_message(message, OWN, 51, ADVERT_RFC5798);
	for (int i = 0; i < 280; i++)
		forge(OWN, 254, message, length);
	assert_int_equal(link_receive(&pair->peer, &advert, ms), 0);
	seen = pair->peer.rejected[ADVERT_BAD_TTL];
	assert_true(seen <= 256);
	while (link_receive(&pair->peer, &advert, ms) || pair->peer.rejected[ADVERT_BAD_TTL] > seen)
		seen = pair->peer.rejected[ADVERT_BAD_TTL];
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &advert, ms), 1);
}

/* However loud other routers are, the socket has room for the peer. */
static void other_routers_do_not_reach_us(void **state)
{
	struct pair *pair = *state;
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert;
	size_t length;

	if (forbidden)
		skip();
	length = good_message(message, OWN, 52, ADVERT_RFC5798);
	for (int i = 0; i < 20000; i++)
		forge(OWN, 255, message, length);
	send_plain(&pair->own, 254);
	assert_int_equal(link_receive(&pair->peer, &advert, ms), 1);
	assert_int_equal(advert.priority, 254);
	assert_int_equal(pair->peer.rejected[ADVERT_OTHER_VRID], 0);
}

static void failed_send_is_counted(void **state)
{
	struct pair *pair = *state;
	const uint32_t address = htonl(0x0a14000a);
	const struct link_advert what = { 254, 100 * ms, &address, 1 };

	if (forbidden)
		skip();
	pair->own.config.own = htonl(0x0a000001); /* not an address of this machine */
	assert_true(link_send(&pair->own, &what, ms) < 0);
	assert_int_equal(pair->own.send_errors, 1);
	assert_int_equal(pair->own.sent, 0);
}

static void an_interface_that_is_not_there(void **state)
{
	struct link link = { .fd = -1 };
	const struct link_config config = { .ifname = "none0", .ifindex = 99 };

	(void)state;
	if (forbidden)
		skip();
	assert_int_equal(link_open(&link, &config), -ENODEV);
	assert_int_equal(link.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(heard_as_sent, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(each_refusal_is_counted, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(forger_cannot_reset_the_log, open_pair, close_pair),
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
