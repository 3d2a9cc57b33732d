// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/client_talk.h"

#include <stdio.h>
#include <string.h>

#include "tests/casmock/tower.h"

enum {
	MAP = 3,         /* of the mapper */
	CONNECT_EX = 10, /* of EMSMDB */
	RPC_EXT2 = 11,
	NSPI_BIND = 0,
	NSPI_UPDATE_STAT = 2,
	GUID = 16,
	STAT_TAIL = 32, /* bytes of a STAT behind its first field */
	ROPS = 8,
	AUXILIARY_MAX = 4096,
};

static const struct syntax *service_of(const struct talk *talk)
{
	return talk->book ? &syntax_book : &syntax_mail;
}

static enum talk_next wrong(struct talk *talk, const char *why, uint32_t number)
{
	snprintf(talk->why, sizeof(talk->why), "%s %#x", why, number);
	return TALK_WRONG;
}

void talk_begin(struct talk *talk, bool book, uint32_t id)
{
	memset(talk, 0, sizeof(*talk));
	talk->book = book;
	talk->id = id;
	talk->step = TALK_BIND_MAPPER;
	talk->port = TALK_MAPPER_PORT;
}

void talk_join(struct talk *talk, const struct talk *held)
{
	*talk = *held;
	talk->step = TALK_BIND;
}

void talk_connected(struct talk *talk, struct writer *out)
{
	struct bind bind = { .group = talk->group, .offers = 1 };

	bind.offer[0].interface = talk->step == TALK_BIND_MAPPER ? syntax_mapper
								 : *service_of(talk);
	pdu_write_bind(out, PDU_BIND, ++talk->call, &bind);
}

/* --- questions ---------------------------------------------------------------------------- */

static void ask_map(struct talk *talk, struct writer *out)
{
	const struct tower tower = { .interface = *service_of(talk) };

	pdu_begin_request(out, ++talk->call, 0, MAP);
	write32(out, 0); /* no object */
	write32(out, 1);
	write32(out, TOWER_BYTES);
	write32(out, TOWER_BYTES);
	tower_write(out, &tower);
	write_align(out, 4);
	write_zeros(out, TALK_HANDLE);
	write32(out, 1); /* one will do */
	pdu_end(out);
}

/* MS-OXCRPC 3.1.4.1 */
static void log_on_to_mail(struct writer *out)
{
	write_string(out, "/o=lab/ou=lab/cn=user");
	write_align(out, 4);
	write_zeros(out, 7 * 4); /* flags, mode, limit, code page, locales, session link */
	write_zeros(out, 4 * 2); /* code pages; version */
	write32(out, 0);         /* stamp */
	write32(out, 0);         /* no auxiliary bytes, said twice */
	write32(out, 0);
	write32(out, AUXILIARY_MAX);
}

/* MS-NSPI 3.1.4.1 */
static void log_on_to_book(struct writer *out)
{
	write32(out, 0);
	write_zeros(out, 4 + STAT_TAIL);
	write32(out, 1); /* tell your GUID */
	write_zeros(out, GUID);
}

static void log_on(struct talk *talk, struct writer *out)
{
	pdu_begin_request(out, ++talk->call, 0, talk->book ? NSPI_BIND : CONNECT_EX);
	if (talk->book)
		log_on_to_book(out);
	else
		log_on_to_mail(out);
	pdu_end(out);
}

void talk_call(struct talk *talk, struct writer *out)
{
	pdu_begin_request(out, ++talk->call, 0, talk->book ? NSPI_UPDATE_STAT : RPC_EXT2);
	write_bytes(out, talk->handle, TALK_HANDLE);
	write32(out, 0); /* flags */
	if (talk->book) {
		write32(out, talk->call); /* begins the STAT */
		write_zeros(out, STAT_TAIL);
		write32(out, 0); /* no delta */
	} else {
		write32(out, ROPS);
		write32(out, talk->id);
		write32(out, talk->call);
		write32(out, ROPS);
		write32(out, AUXILIARY_MAX);
		write32(out, 0); /* no auxiliary bytes, said twice */
		write32(out, 0);
		write32(out, AUXILIARY_MAX);
	}
	pdu_end(out);
}

/* --- answers ------------------------------------------------------------------------------ */

static enum talk_next on_bound(struct talk *talk, struct pdu *pdu, struct writer *out)
{
	struct bind_ack ack;

	if (!pdu_read_bind_ack(pdu, &ack) || ack.verdicts != 1)
		return wrong(talk, "bind_ack", 0);
	if (ack.verdict[0].result != RESULT_ACCEPTED)
		return wrong(talk, "interface refused", ack.verdict[0].reason);
	if (talk->step == TALK_BIND_MAPPER) {
		talk->step = TALK_MAP;
		ask_map(talk, out);
		return TALK_SAY;
	}
	if (talk->group && ack.group != talk->group)
		return wrong(talk, "another group", ack.group);
	if (talk->group) {
		talk->step = TALK_HELD;
		return TALK_LOGGED_ON;
	}
	talk->group = ack.group;
	talk->step = TALK_LOG_ON;
	log_on(talk, out);
	return TALK_SAY;
}

static enum talk_next on_mapped(struct talk *talk, struct reader *in)
{
	struct tower tower;
	struct reader bytes;
	uint32_t count;

	read_bytes(in, TALK_HANDLE);
	count = read32(in);
	if (in->cut || count != 1)
		return wrong(talk, "towers", count);
	read_bytes(in, 4 * 4); /* room, offset, count, pointer */
	read32(in);
	bytes = read_part(in, read32(in));
	if (!tower_read(&bytes, &tower) || !syntax_same(&tower.interface, service_of(talk)))
		return wrong(talk, "tower", 0);
	talk->step = TALK_BIND;
	talk->port = tower.port;
	return TALK_CONNECT;
}

/* The server tells its name as the user's own, see mail.c, or as its GUID, see book.c. */
static enum talk_next on_logged_on(struct talk *talk, struct reader *in)
{
	char prefix[TALK_NAME];
	const uint8_t *bytes;

	memset(talk->member, 0, sizeof(talk->member));
	if (talk->book) {
		read32(in);
		bytes = read_bytes(in, GUID);
		if (bytes)
			memcpy(talk->member, bytes, GUID);
		bytes = read_bytes(in, TALK_HANDLE);
	} else {
		bytes = read_bytes(in, TALK_HANDLE);
		read_bytes(in, 3 * 4 + 2);
		read_align(in, 4);
		read32(in);
		read_string(in, prefix, sizeof(prefix));
		read_align(in, 4);
		read32(in);
		read_string(in, talk->member, sizeof(talk->member));
	}
	if (in->cut || !talk->member[0])
		return wrong(talk, "log-on", 0);
	memcpy(talk->handle, bytes, TALK_HANDLE);
	talk->step = TALK_HELD;
	return TALK_LOGGED_ON;
}

/* What was sent comes back: the number of the call, and whose it was. */
static enum talk_next on_answered(struct talk *talk, struct reader *in)
{
	uint32_t id = talk->id, number;

	if (talk->book) {
		number = read32(in); /* first field of the STAT */
	} else {
		read_bytes(in, TALK_HANDLE + 4);
		read_bytes(in, 3 * 4); /* room, offset, count */
		id = read32(in);
		number = read32(in);
	}
	if (in->cut || id != talk->id || number != talk->call)
		return wrong(talk, "another answer", number);
	return TALK_ANSWERED;
}

enum talk_next talk_heard(struct talk *talk, const uint8_t *data, size_t length, struct writer *out)
{
	bool binding = talk->step == TALK_BIND_MAPPER || talk->step == TALK_BIND;
	struct pdu pdu;

	if (!pdu_open(&pdu, data, length) || pdu.call != talk->call)
		return wrong(talk, "no answer", 0);
	if (pdu.type == PDU_FAULT)
		return wrong(talk, "fault", pdu.status);
	if (pdu.type != (binding ? PDU_BIND_ACK : PDU_RESPONSE))
		return wrong(talk, "answer of type", pdu.type);
	if (binding)
		return on_bound(talk, &pdu, out);
	if (talk->step == TALK_MAP)
		return on_mapped(talk, &pdu.body);
	return talk->step == TALK_LOG_ON ? on_logged_on(talk, &pdu.body)
					 : on_answered(talk, &pdu.body);
}
