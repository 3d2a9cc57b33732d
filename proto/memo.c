// SPDX-License-Identifier: BSD-2-Clause
#include "proto/memo.h"

#include <string.h>

_Static_assert(3 * sizeof(struct flow_ip) == MEMO_PART, "three addresses");

/* FNV-1a: tells the parts of one memo from those of another, nothing more. */
static uint32_t check_of(uint8_t kind, const uint8_t *bytes, size_t size)
{
	uint32_t hash = 2166136261u ^ kind;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

static void write_part(struct flow_event *event, const uint8_t part[MEMO_PART])
{
	const size_t step = sizeof(struct flow_ip);

	memcpy(&event->key.client, part, step);
	memcpy(&event->key.vip, part + step, step);
	memcpy(&event->member, part + 2 * step, step);
}

static void read_part(uint8_t part[MEMO_PART], const struct flow_event *event)
{
	const size_t step = sizeof(struct flow_ip);

	memcpy(part, &event->key.client, step);
	memcpy(part + step, &event->key.vip, step);
	memcpy(part + 2 * step, &event->member, step);
}

size_t memo_cut(struct flow_event event[MEMO_PARTS], uint8_t kind, bool news, const void *bytes,
		size_t size)
{
	uint8_t padded[MEMO_BYTES] = { 0 };
	size_t parts = memo_parts(size);

	if (size > MEMO_BYTES)
		return 0;
	memcpy(padded, bytes, size);
	for (size_t i = 0; i < parts; i++) {
		event[i] = (struct flow_event){
			.kind = kind,
			.state = (uint8_t)(i | (news ? MEMO_NEWS : 0)),
			.pool_id = (uint32_t)size,
			.client_ack = check_of(kind, padded, size),
		};
		write_part(&event[i], padded + i * MEMO_PART);
	}
	return parts;
}

bool memo_take(struct memo *memo, const struct flow_event *event)
{
	const uint8_t part = memo_part(event);
	bool first = part == 0;

	if (!first && (event->kind != memo->kind || event->pool_id != memo->size ||
		       event->client_ack != memo->check || part != memo->parts)) {
		memo->parts = memo->size = 0;
		return false;
	}
	if (first) {
		memo->kind = event->kind;
		memo->size = event->pool_id;
		memo->check = event->client_ack;
		memo->parts = 0;
	}
	if (memo->size > MEMO_BYTES || memo->parts >= memo_parts(memo->size))
		return false;
	read_part(memo->bytes + memo->parts * MEMO_PART, event);
	return ++memo->parts == memo_parts(memo->size) &&
	       check_of(memo->kind, memo->bytes, memo->size) == memo->check;
}
