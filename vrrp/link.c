// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/link.h"

#include <errno.h>
#include <string.h>

#include "conf/log.h"
#include "proto/addr.h"

/* Packets in one go: a flood must not keep our own adverts waiting. */
enum { READ_BUDGET = 256 };

static const uint64_t log_pause_ns = 10000000000;
static const uint8_t family_of[LINK_FAMILIES] = { [LINK_V4] = 4, [LINK_V6] = 6 };

void link_init(struct link *link)
{
	*link = (struct link){ 0 };
	for (size_t i = 0; i < LINK_FAMILIES; i++)
		link->port[i].fd = link->port[i].raw = -1;
}

static bool suits(const struct link *link, const struct link_config *config)
{
	const struct link_config *old = &link->config;

	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		if (config->speaks[i] != (link->port[i].fd >= 0))
			return false;
	}
	return old->ifindex == config->ifindex && old->vrid == config->vrid &&
	       old->unicast == config->unicast && old->virtual_mac == config->virtual_mac &&
	       strcmp(old->ifname, config->ifname) == 0;
}

int link_open(struct link *link, const struct link_config *config)
{
	struct port fresh[LINK_FAMILIES] = { { .fd = -1, .raw = -1 }, { .fd = -1, .raw = -1 } };
	struct port_config port = {
		.ifindex = config->ifindex,
		.vrid = config->vrid,
		.unicast = config->unicast,
		.virtual_mac = config->virtual_mac,
	};
	int err = 0;

	if (suits(link, config)) {
		link->config = *config;
		return 0;
	}
	memcpy(port.ifname, config->ifname, sizeof(port.ifname));
	for (size_t i = 0; !err && i < LINK_FAMILIES; i++) {
		fresh[i].overruns = link->port[i].overruns;
		port.family = family_of[i];
		if (config->speaks[i])
			err = port_open(&fresh[i], &port);
	}
	if (err) {
		log_error("no socket for adverts over IPv%u on %s: %s", port.family, config->ifname,
			  strerror(-err));
		for (size_t i = 0; i < LINK_FAMILIES; i++)
			port_close(&fresh[i]);
		return err;
	}
	link_close(link);
	memcpy(link->port, fresh, sizeof(fresh));
	link->config = *config;
	return 0;
}

void link_close(struct link *link)
{
	for (size_t i = 0; i < LINK_FAMILIES; i++)
		port_close(&link->port[i]);
}

bool link_is_open(const struct link *link)
{
	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		if (link->port[i].fd >= 0)
			return true;
	}
	return false;
}

/* Only those that the file names are known to both nodes. */
static bool same_addresses(const struct link_config *a, const struct link_config *b,
			   enum link_family family)
{
	if (!a->speaks[family] || !b->speaks[family] || (family == LINK_V6 && !a->unicast))
		return true;
	return addr_compare(&a->own[family], &b->own[family]) == 0 &&
	       addr_compare(&a->peer[family], &b->peer[family]) == 0;
}

/* Whether nodes with these two hear and know each other, in every family that both speak. */
static bool agree(const struct link_config *a, const struct link_config *b)
{
	return a->vrid == b->vrid && a->version == b->version && a->unicast == b->unicast &&
	       strcmp(a->ifname, b->ifname) == 0 &&
	       (a->version == 3 || a->advert_cs == b->advert_cs) && same_addresses(a, b, LINK_V4) &&
	       same_addresses(a, b, LINK_V6);
}

/* The peer is still where `former` is, as far as is known.  Only when the change is taken back it
 * may have followed to `link`. */
static void keep(struct link *former, struct link *link, const struct link_config *next)
{
	if (link_is_open(former) && !agree(&former->config, next)) {
		link_close(link);
		return;
	}
	link_close(former);
	*former = *link;
}

int link_change(struct link *link, struct link *former, const struct link_config *config)
{
	struct link fresh = *link;
	int err;

	if (!link_is_open(link) || agree(&link->config, config))
		return link_open(link, config);
	for (size_t i = 0; i < LINK_FAMILIES; i++)
		fresh.port[i].fd = fresh.port[i].raw = -1;
	err = link_open(&fresh, config);
	if (err)
		return err;
	keep(former, link, config);
	*link = fresh;
	link->twin = former;
	former->twin = link;
	return 0;
}

/* True at most once in the pause; keeps the time. */
static bool may_log(uint64_t *logged, uint64_t now)
{
	if (*logged && now - *logged < log_pause_ns)
		return false;
	*logged = now;
	return true;
}

/* --- out -------------------------------------------------------------------------------------- */

enum advert_checksum link_dialect(const struct link *link)
{
	if (link->config.checksum == LINK_CHECKSUM_RFC9568)
		return ADVERT_RFC9568;
	/* keepalived and FRR understand only this one; answer in kind when we know. */
	if (link->config.checksum == LINK_CHECKSUM_RFC5798 || !link->dialect_heard)
		return ADVERT_RFC5798;
	return link->dialect;
}

static void fill_addresses(struct advert *advert, const struct link_advert *what, uint8_t family)
{
	for (size_t i = 0; i < what->count && advert->count < ADVERT_MAX_ADDRESSES; i++) {
		if (what->addresses[i].family == family)
			advert->address[advert->count++] = what->addresses[i];
	}
}

struct addr link_destination(const struct link *link, enum link_family family)
{
	return link->config.unicast ? link->config.peer[family] : advert_group(family_of[family]);
}

static int send_one(struct link *link, enum link_family family, const struct link_advert *what)
{
	const struct link_config *config = &link->config;
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert = {
		.source = config->own[family],
		.destination = link_destination(link, family),
		.version = config->version,
		.vrid = config->vrid,
		.priority = what->priority,
		/* Of version 2 another interval than the receiver's own is refused. */
		.interval_cs = config->version == 2 ? config->advert_cs
						    : (uint16_t)(what->interval_ns / 10000000),
		.checksum = link_dialect(link),
	};
	size_t length;
	int err;

	fill_addresses(&advert, what, family_of[family]);
	if (!advert.count)
		return 0;
	if (!advert.source.family)
		return -EADDRNOTAVAIL;
	length = advert_write(&advert, message);
	err = port_send(&link->port[family], &advert.source, &advert.destination, message, length);
	if (!err)
		link->sent++;
	return err;
}

int link_send(struct link *link, const struct link_advert *what, uint64_t now)
{
	int err, result = 0;

	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		if (!link->config.speaks[i])
			continue;
		err = send_one(link, (enum link_family)i, what);
		if (!err)
			continue;
		result = err;
		link->send_errors++;
		if (may_log(&link->send_logged, now))
			log_warning("cannot send adverts over IPv%u on %s: %s", family_of[i],
				    link->config.ifname, strerror(-err));
	}
	if (!result)
		link->send_logged = 0;
	return result;
}

/* --- in --------------------------------------------------------------------------------------- */

static void reject(struct link *link, enum advert_verdict verdict, const struct addr *source,
		   uint64_t now)
{
	char text[ADDR_TEXT];

	link->rejected[verdict]++;
	/* Another virtual router on the LAN is no fault. */
	if (verdict == ADVERT_OTHER_VRID || !may_log(&link->logged[verdict], now))
		return;
	log_warning("advert from %s refused: %s", addr_print(text, source),
		    advert_verdict_names[verdict]);
}

/*
 * The next fault is told at once after a good advert: of the peer only, and not more often than the
 * pause, because a stranger can forge even that and would have us fill the log.
 */
static void relent(struct link *link, const struct addr *source, uint64_t now)
{
	bool peer = false;

	for (size_t i = 0; i < LINK_FAMILIES; i++)
		peer |= addr_compare(source, &link->config.peer[i]) == 0;
	if (peer && may_log(&link->relented, now))
		memset(link->logged, 0, sizeof(link->logged));
}

static void accepted(struct link *link, const struct advert *advert, uint64_t now)
{
	const enum link_family family = advert->source.family == 6 ? LINK_V6 : LINK_V4;
	const bool forms = family == LINK_V4 && advert->version == 3;
	bool news = addr_compare(&link->last_source[family], &advert->source) != 0 ||
		    (forms && (!link->dialect_heard || link->dialect != advert->checksum));
	char text[ADDR_TEXT];

	link->received++;
	link->heard_at[family] = now;
	relent(link, &advert->source, now);
	if (news && may_log(&link->news_logged, now))
		log_info("adverts of %s heard: version %u, priority %u, interval %u0 ms%s%s",
			 addr_print(text, &advert->source), advert->version, advert->priority,
			 advert->interval_cs, forms ? ", checksum as in " : "",
			 !forms                               ? ""
			 : advert->checksum == ADVERT_RFC5798 ? "RFC 5798"
							      : "RFC 9568");
	link->last_source[family] = advert->source;
	if (!forms)
		return;
	link->dialect = advert->checksum;
	link->dialect_heard = true;
}

/* In turns, so that a flood in one family does not hide the other. */
static int next_packet(struct link *link, struct port_packet *packet)
{
	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		link->turn = (link->turn + 1) % LINK_FAMILIES;
		if (port_receive(&link->port[link->turn], packet))
			return 1;
	}
	return 0;
}

static struct advert_expect expectation(const struct link *link)
{
	const struct link_config *config = &link->config;

	return (struct advert_expect){
		.version = config->version,
		.vrid = config->vrid,
		.ttl_min = config->unicast ? config->ttl_min : ADVERT_TTL,
		.unicast = config->unicast,
		.interval_cs = config->advert_cs,
	};
}

static enum advert_verdict judge(const struct link *link, unsigned int turn,
				 const struct port_packet *packet, struct advert *advert)
{
	struct advert_expect expect = expectation(link);

	expect.own = link->config.own[turn];
	expect.peer = link->config.peer[turn];
	return packet->verdict == ADVERT_OK ? advert_read(advert, &packet->envelope, &expect)
					    : packet->verdict;
}

/* Each gets the other's too. */
static bool is_twins(const struct link *link, const struct port_packet *packet)
{
	struct advert advert;

	return link->twin && link_is_open(link->twin) &&
	       judge(link->twin, link->turn, packet, &advert) == ADVERT_OK;
}

int link_receive(struct link *link, struct link_heard *heard, uint64_t now)
{
	struct port_packet packet;
	enum advert_verdict verdict;

	for (int i = 0; i < READ_BUDGET && next_packet(link, &packet); i++) {
		verdict = judge(link, link->turn, &packet, &heard->advert);
		if (verdict == ADVERT_OK) {
			heard->at = packet.at;
			accepted(link, &heard->advert, now);
			return 1;
		}
		if (!is_twins(link, &packet))
			reject(link, verdict, &packet.source, now);
	}
	return 0;
}

uint64_t link_overruns(const struct link *link)
{
	uint64_t total = 0;

	for (size_t i = 0; i < LINK_FAMILIES; i++)
		total += link->port[i].overruns;
	return total;
}
