// SPDX-License-Identifier: BSD-2-Clause
/*
 * Answers are read through a cursor that remembers when it was asked for more than there is: fields
 * are taken in order and the one question "was it all there?" is put at the end.
 */
#include "lbd/check/dce.h"

#include <errno.h>
#include <string.h>

enum {
	FLAGS_WHOLE = 0x03, /* first and last fragment */
	DREP_LITTLE = 0x10, /* integers little-endian, ASCII, IEEE */
	FRAGMENT = 5840,    /* what Windows clients offer */
	TOWER = 75,         /* ncacn_ip_tcp: five floors */
	TOWERS_ASKED = 4,
	TOWER_MAX = 512,
	FLOORS_MIN = 4,
	FLOOR_UUID = 0x0d,
	FLOOR_RPC = 0x0b,
	FLOOR_TCP = 0x07,
	FLOOR_IP = 0x09,
	OPNUM_MAP = 3,
	LOWEST_PORT = 1024,

	RESULT_PROVIDER_REJECT = 2,
	REASON_UNKNOWN_INTERFACE = 1,
	REASON_LOCAL_LIMIT = 3,
	NAK_CONGESTION = 1,
	NAK_LOCAL_LIMIT = 2,
};

/* Status words do not fit an enum. */
static const uint32_t status_denied = 5;
static const uint32_t status_no_interface = 0x1c010003;
static const uint32_t status_no_operation = 0x1c010002;
static const uint32_t status_too_busy = 0x1c010014;
static const uint32_t status_not_registered = 0x16c9a0d6;

const struct rpcif dce_mapper = { { 0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4,
				    0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa },
				  3,
				  0 };
static const struct rpcif ndr32 = { { 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8,
				      0x08, 0x00, 0x2b, 0x10, 0x48, 0x60 },
				    2,
				    0 };

/* --- writing ---------------------------------------------------------------------------------- */

struct writer {
	uint8_t *at;
};

static void put(struct writer *w, const void *bytes, size_t count)
{
	memcpy(w->at, bytes, count);
	w->at += count;
}

static void put_zeros(struct writer *w, size_t count)
{
	memset(w->at, 0, count);
	w->at += count;
}

static void put8(struct writer *w, uint8_t value)
{
	put(w, &value, 1);
}

static void put16(struct writer *w, uint16_t value)
{
	put(w, (const uint8_t[]){ (uint8_t)value, (uint8_t)(value >> 8) }, 2);
}

static void put32(struct writer *w, uint32_t value)
{
	put16(w, (uint16_t)value);
	put16(w, (uint16_t)(value >> 16));
}

static void put_header(struct writer *w, enum dce_type type, uint16_t length, uint32_t call)
{
	put(w, (const uint8_t[]){ 5, 0, (uint8_t)type, FLAGS_WHOLE, DREP_LITTLE, 0, 0, 0 }, 8);
	put16(w, length);
	put16(w, 0); /* no credentials */
	put32(w, call);
}

static void put_syntax(struct writer *w, const struct rpcif *syntax)
{
	put(w, syntax->uuid, sizeof(syntax->uuid));
	put16(w, syntax->major);
	put16(w, syntax->minor);
}

size_t dce_write_bind(uint8_t out[DCE_REQUEST_MAX], enum dce_type type, uint32_t call,
		      uint16_t context, const struct rpcif *interface)
{
	struct writer w = { out };

	put_header(&w, type, DCE_BIND_BYTES, call);
	put16(&w, FRAGMENT);
	put16(&w, FRAGMENT);
	put32(&w, 0); /* a new association group */
	put32(&w, 1); /* contexts */
	put16(&w, context);
	put16(&w, 1); /* transfer syntaxes */
	put_syntax(&w, interface);
	put_syntax(&w, &ndr32);
	return DCE_BIND_BYTES;
}

static void put_uuid_floor(struct writer *w, const struct rpcif *syntax)
{
	put16(w, 19);
	put8(w, FLOOR_UUID);
	put(w, syntax->uuid, sizeof(syntax->uuid));
	put16(w, syntax->major);
	put16(w, 2);
	put16(w, syntax->minor);
}

static void put_floor(struct writer *w, uint8_t protocol, uint16_t right)
{
	put16(w, 1);
	put8(w, protocol);
	put16(w, right);
	put_zeros(w, right);
}

size_t dce_write_map(uint8_t out[DCE_REQUEST_MAX], uint32_t call, const struct rpcif *interface)
{
	struct writer w = { out };

	put_header(&w, DCE_REQUEST, DCE_MAP_BYTES, call);
	put32(&w, DCE_MAP_BYTES - 24);
	put16(&w, 0);
	put16(&w, OPNUM_MAP);
	put32(&w, 1); /* pointer to the object: the nil UUID, any */
	put_zeros(&w, 16);
	put32(&w, 2); /* pointer to the tower */
	put32(&w, TOWER);
	put32(&w, TOWER);
	put16(&w, 5);
	put_uuid_floor(&w, interface);
	put_uuid_floor(&w, &ndr32);
	put_floor(&w, FLOOR_RPC, 2);
	put_floor(&w, FLOOR_TCP, 2);
	put_floor(&w, FLOOR_IP, 4);
	put_zeros(&w, 1);  /* to a multiple of four */
	put_zeros(&w, 20); /* entry handle: from the beginning */
	put32(&w, TOWERS_ASKED);
	return DCE_MAP_BYTES;
}

/* --- reading ---------------------------------------------------------------------------------- */

struct cursor {
	const uint8_t *start, *at, *end;
	bool short_of; /* something was not there; all further values are 0 */
};

static struct cursor cursor_over(const uint8_t *data, size_t length)
{
	return (struct cursor){ data, data, data + length, false };
}

/* NULL when there is not so much. */
static const uint8_t *take(struct cursor *c, size_t count)
{
	const uint8_t *taken = c->at;

	if (c->short_of || count > (size_t)(c->end - c->at)) {
		c->short_of = true;
		return NULL;
	}
	c->at += count;
	return taken;
}

static uint16_t take16(struct cursor *c)
{
	const uint8_t *b = take(c, 2);

	if (!b)
		return 0;
	return (uint16_t)(b[0] | b[1] << 8);
}

static uint32_t take32(struct cursor *c)
{
	uint32_t low = take16(c);

	return low | (uint32_t)take16(c) << 16;
}

static uint8_t take8(struct cursor *c)
{
	const uint8_t *b = take(c, 1);

	return b ? *b : 0;
}

static void align4(struct cursor *c)
{
	take(c, (size_t)(-(c->at - c->start) & 3));
}

/* A part of its own; what is beyond it cannot be reached from it. */
static struct cursor take_part(struct cursor *c, size_t count)
{
	const uint8_t *part = take(c, count);

	return part ? cursor_over(part, count) : (struct cursor){ .short_of = true };
}

int dce_length(const uint8_t *data, size_t length)
{
	static const uint8_t expected[] = { 5, 0 };
	uint16_t fragment;

	if (memcmp(data, expected, length < sizeof(expected) ? length : sizeof(expected)) != 0)
		return -EPROTO;
	if (length > 4 && data[4] >> 4 != DREP_LITTLE >> 4)
		return -EPROTO;
	if (length < 10)
		return 0;
	fragment = (uint16_t)(data[8] | data[9] << 8);
	return fragment < DCE_HEADER || fragment > DCE_ANSWER_MAX ? -EPROTO : fragment;
}

/* The common header, up to the body; the type, or -1 when it does not answer the call. */
static int take_header(struct cursor *c, size_t length, uint32_t call)
{
	const uint8_t *head = take(c, 8);
	uint16_t fragment = take16(c), credentials = take16(c);
	uint32_t answered = take32(c);

	if (c->short_of || head[0] != 5 || head[1] != 0 || head[4] >> 4 != DREP_LITTLE >> 4)
		return -1;
	/* Whoever was asked without credentials signs nothing. */
	if (fragment != length || credentials || answered != call ||
	    (head[3] & FLAGS_WHOLE) != FLAGS_WHOLE)
		return -1;
	return head[2];
}

static enum dce_answer read_fault(struct cursor *c)
{
	uint32_t status;

	take(c, 8); /* hint, context, cancels */
	status = take32(c);
	if (c->short_of)
		return DCE_NONSENSE;
	if (status == status_denied)
		return DCE_DENIED;
	if (status == status_too_busy)
		return DCE_BUSY;
	return status == status_no_interface || status == status_no_operation
		       ? DCE_NO_SUCH_INTERFACE
		       : DCE_NONSENSE;
}

static enum dce_answer read_nak(struct cursor *c)
{
	uint16_t reason = take16(c);

	if (c->short_of)
		return DCE_NONSENSE;
	return reason == NAK_CONGESTION || reason == NAK_LOCAL_LIMIT ? DCE_BUSY : DCE_NONSENSE;
}

static enum dce_answer read_ack(struct cursor *c)
{
	uint16_t result, reason;
	uint8_t results;

	take(c, 8);         /* fragment sizes, association group */
	take(c, take16(c)); /* secondary address: the port in digits */
	align4(c);
	results = take8(c);
	take(c, 3);
	result = take16(c);
	reason = take16(c);
	take(c, sizeof(ndr32.uuid) + 4);
	if (c->short_of || results != 1)
		return DCE_NONSENSE;
	if (!result)
		return DCE_YES;
	if (result == RESULT_PROVIDER_REJECT && reason == REASON_UNKNOWN_INTERFACE)
		return DCE_NO_SUCH_INTERFACE;
	return reason == REASON_LOCAL_LIMIT ? DCE_BUSY : DCE_NONSENSE;
}

enum dce_answer dce_read_bind(const uint8_t *data, size_t length, enum dce_type type, uint32_t call)
{
	struct cursor c = cursor_over(data, length);
	int got = take_header(&c, length, call);

	if (got == (type == DCE_BIND ? DCE_BIND_ACK : DCE_ALTER_ACK))
		return read_ack(&c);
	if (got == DCE_BIND_NAK)
		return read_nak(&c);
	return got == DCE_FAULT ? read_fault(&c) : DCE_NONSENSE;
}

/* A floor: its protocol's id, the rest of its left side, and its right side. */
static uint8_t take_floor(struct cursor *tower, struct cursor *left, struct cursor *right)
{
	*left = take_part(tower, take16(tower));
	*right = take_part(tower, take16(tower));
	return take8(left);
}

/* DCE_NOT_REGISTERED: a tower that leads elsewhere. */
static enum dce_answer read_tower(struct cursor *tower, const struct rpcif *interface,
				  uint16_t *port)
{
	struct cursor left, right;
	const uint8_t *bytes;
	struct rpcif named;
	uint8_t protocol;

	if (take16(tower) < FLOORS_MIN)
		return DCE_NONSENSE;
	protocol = take_floor(tower, &left, &right);
	bytes = take(&left, sizeof(named.uuid));
	if (protocol != FLOOR_UUID || !bytes)
		return DCE_NONSENSE;
	memcpy(named.uuid, bytes, sizeof(named.uuid));
	named.major = take16(&left);
	if (left.short_of || !rpcif_same(&named, interface))
		return left.short_of ? DCE_NONSENSE : DCE_NOT_REGISTERED;
	take_floor(tower, &left, &right); /* transfer syntax */
	take_floor(tower, &left, &right); /* RPC over connections */
	protocol = take_floor(tower, &left, &right);
	bytes = take(&right, 2); /* the one number in network order */
	if (tower->short_of)
		return DCE_NONSENSE;
	if (protocol != FLOOR_TCP || !bytes)
		return DCE_NOT_REGISTERED;
	*port = (uint16_t)(bytes[0] << 8 | bytes[1]);
	return *port < LOWEST_PORT ? DCE_BAD_PORT : DCE_YES;
}

/* The first tower that leads there; all are read, for the status stands behind them. */
static enum dce_answer read_towers(struct cursor *c, uint32_t count, const struct rpcif *interface,
				   uint16_t *port)
{
	enum dce_answer answer = DCE_NOT_REGISTERED;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t length = take32(c);
		struct cursor tower;

		if (take32(c) != length || length > TOWER_MAX)
			return DCE_NONSENSE;
		tower = take_part(c, length);
		align4(c);
		if (c->short_of)
			return DCE_NONSENSE;
		if (answer == DCE_NOT_REGISTERED)
			answer = read_tower(&tower, interface, port);
	}
	return answer;
}

static enum dce_answer read_map_body(struct cursor *c, const struct rpcif *interface,
				     uint16_t *port)
{
	uint32_t count, most, offset, actual, status;
	enum dce_answer answer;

	take(c, 8 + 20); /* hint, context, cancels; entry handle */
	count = take32(c);
	most = take32(c);
	offset = take32(c);
	actual = take32(c);
	if (c->short_of || actual != count || offset || actual > TOWERS_ASKED || actual > most)
		return DCE_NONSENSE;
	take(c, 4 * actual); /* pointers */
	answer = read_towers(c, actual, interface, port);
	if (answer == DCE_NONSENSE)
		return answer;
	status = take32(c);
	if (c->short_of || (status && status != status_not_registered))
		return status == status_denied ? DCE_DENIED : DCE_NONSENSE;
	return status ? DCE_NOT_REGISTERED : answer;
}

enum dce_answer dce_read_map(const uint8_t *data, size_t length, uint32_t call,
			     const struct rpcif *interface, uint16_t *port)
{
	struct cursor c = cursor_over(data, length);
	int got = take_header(&c, length, call);

	if (got == DCE_RESPONSE)
		return read_map_body(&c, interface, port);
	return got == DCE_FAULT ? read_fault(&c) : DCE_NONSENSE;
}
