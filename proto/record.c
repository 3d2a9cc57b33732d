// SPDX-License-Identifier: BSD-2-Clause
#include "proto/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* Order of the columns in sync.Records. */
enum column {
	COLUMN_KIND,
	COLUMN_CLIENT,
	COLUMN_VIP,
	COLUMN_PORTS,
	COLUMN_MEMBER,
	COLUMN_IDLE,
	COLUMN_CLIENT_ACK, /* these three may be absent ... */
	COLUMN_CLIENT_SEQ,
	COLUMN_AGE,
	COLUMN_SOURCE, /* ... and this one is as long as the kinds say, mostly empty */
	COLUMNS
};

/* The kind's highest byte: the mode of a flow, and how many words the record's addresses take. */
enum {
	FORM_MODE = 0x03,
	FORM_SOURCE = 0x20,  /* source: port and address */
	FORM_MEMBER6 = 0x40, /* member is an IPv6 address */
	FORM_KEY6 = 0x80,    /* so are client, vip and source */
	FORM_SHIFT = 24,
	BASE_SHIFT = 16, /* a verdict's weight in the base, above the one in force */
};

enum {
	WIRE_FLAGS = FLOW_OUTBOUND | FLOW_PICKED_UP | FLOW_DOOMED, /* what the peer is told */
	ADDRESS_WORDS = 4,
	WORDS_MAX = 1 + ADDRESS_WORDS, /* of one record in one column */
	ROW_WORDS = 23,                /* of one record in all columns */
};

/* The most words that a record has in a column; they add up to ROW_WORDS. */
static const uint8_t widest[COLUMNS] = {
	[COLUMN_KIND] = 1,
	[COLUMN_CLIENT] = ADDRESS_WORDS,
	[COLUMN_VIP] = ADDRESS_WORDS,
	[COLUMN_PORTS] = 1,
	[COLUMN_MEMBER] = ADDRESS_WORDS,
	[COLUMN_IDLE] = 1,
	[COLUMN_CLIENT_ACK] = 1,
	[COLUMN_CLIENT_SEQ] = 1,
	[COLUMN_AGE] = 1,
	[COLUMN_SOURCE] = 1 + ADDRESS_WORDS,
};

_Static_assert(RECORD_MAX * 4 * ROW_WORDS + 128 <= RECORD_BYTES, "a batch fits a frame");

/* One record's share of the columns; what it does not use is 0. */
struct row {
	uint32_t word[COLUMNS][WORDS_MAX];
};

/* --- rows ------------------------------------------------------------------------------------- */

/*
 * How many words a record has in a column.  Only the first word decides, whatever it is: the sum
 * over a batch is known before anything else is looked at.
 */
static unsigned int width(enum column column, uint32_t kind_word)
{
	const uint8_t kind = (uint8_t)kind_word, form = (uint8_t)(kind_word >> FORM_SHIFT);
	const unsigned int key = form & FORM_KEY6 ? ADDRESS_WORDS : 1;

	switch (column) {
	case COLUMN_CLIENT:
		return record_is_verdict(kind) ? 1 : key;
	case COLUMN_VIP:
		return record_is_pin(kind) ? 1 : key;
	case COLUMN_MEMBER:
		return form & FORM_MEMBER6 ? ADDRESS_WORDS : 1;
	case COLUMN_SOURCE:
		return form & FORM_SOURCE ? 1 + key : 0;
	default:
		return 1;
	}
}

/* Addresses travel as numbers, so that the wire does not depend on anybody's byte order. */
static void write_address(uint32_t *word, const struct flow_ip *ip, bool wide)
{
	if (!wide) {
		/* None is 0 too: 0.0.0.0 is no member and no VIP, and a client is never none. */
		word[0] = ntohl(ip->word[3]);
		return;
	}
	for (unsigned int i = 0; i < ADDRESS_WORDS; i++)
		word[i] = ntohl(ip->word[i]);
}

static struct flow_ip read_address(const uint32_t *word, bool wide)
{
	struct flow_ip ip;

	if (!wide)
		return flow_ip4(htonl(word[0]));
	for (unsigned int i = 0; i < ADDRESS_WORDS; i++)
		ip.word[i] = htonl(word[i]);
	return ip;
}

static struct flow_ip read_member(const uint32_t *word, bool wide)
{
	return wide || word[0] ? read_address(word, wide) : (struct flow_ip){ 0 };
}

static uint8_t form_of(const struct flow_event *event)
{
	const struct flow_ip *key = record_is_pin(event->kind) ? &event->key.client
							       : &event->key.vip;
	uint8_t form = 0;

	if (record_is_memo(event->kind))
		return FORM_KEY6 | FORM_MEMBER6;
	if (flow_ip_family(key) == FLOW_IPV6)
		form |= FORM_KEY6;
	if (!flow_ip_is_none(&event->member) && flow_ip_family(&event->member) == FLOW_IPV6)
		form |= FORM_MEMBER6;
	if (record_is_flow(event->kind))
		form |= event->mode | (event->source_port ? FORM_SOURCE : 0);
	return form;
}

static void write_flow(struct row *row, const struct flow_event *event, bool wide)
{
	row->word[COLUMN_KIND][0] |= (uint32_t)event->state << 8 |
				     (uint32_t)(event->flags & WIRE_FLAGS) << 16;
	write_address(row->word[COLUMN_VIP], &event->key.vip, wide);
	row->word[COLUMN_PORTS][0] = (uint32_t)ntohs(event->key.client_port) << 16 |
				     ntohs(event->key.vip_port);
	row->word[COLUMN_CLIENT_ACK][0] = event->client_ack;
	row->word[COLUMN_CLIENT_SEQ][0] = event->client_seq;
	if (!event->source_port)
		return;
	row->word[COLUMN_SOURCE][0] = ntohs(event->source_port);
	write_address(&row->word[COLUMN_SOURCE][1], &event->source, wide);
}

static void write_verdict(struct row *row, const struct flow_event *event, bool wide)
{
	row->word[COLUMN_KIND][0] |= (uint32_t)event->state << 8;
	write_address(row->word[COLUMN_VIP], &event->key.vip, wide);
	row->word[COLUMN_PORTS][0] = event->pool_id;
	row->word[COLUMN_IDLE][0] = event->client_ack;
	if (event->kind == EVENT_MEMBER)
		row->word[COLUMN_IDLE][0] |= event->client_seq << BASE_SHIFT;
}

/* Of an event that record_check() has found good. */
static void write_row(struct row *row, const struct flow_event *event)
{
	const uint8_t form = form_of(event);
	const bool wide = form & FORM_KEY6;

	memset(row, 0, sizeof(*row));
	row->word[COLUMN_KIND][0] = event->kind | (uint32_t)form << FORM_SHIFT;
	write_address(row->word[COLUMN_MEMBER], &event->member, form & FORM_MEMBER6);
	if (record_is_verdict(event->kind)) {
		write_verdict(row, event, wide);
		return;
	}
	write_address(row->word[COLUMN_CLIENT], &event->key.client, wide);
	if (record_is_memo(event->kind)) {
		write_verdict(row, event, wide);
		return;
	}
	row->word[COLUMN_IDLE][0] = event->idle;
	row->word[COLUMN_AGE][0] = event->age;
	if (record_is_flow(event->kind))
		write_flow(row, event, wide);
	else
		row->word[COLUMN_VIP][0] = event->pool_id;
}

static void read_flow(struct flow_event *event, const struct row *row, uint8_t form)
{
	const uint32_t ports = row->word[COLUMN_PORTS][0];

	event->mode = form & FORM_MODE;
	event->key.vip = read_address(row->word[COLUMN_VIP], form & FORM_KEY6);
	event->key.client_port = htons((uint16_t)(ports >> 16));
	event->key.vip_port = htons((uint16_t)ports);
	event->client_ack = row->word[COLUMN_CLIENT_ACK][0];
	event->client_seq = row->word[COLUMN_CLIENT_SEQ][0];
	if (!(form & FORM_SOURCE))
		return;
	event->source_port = htons((uint16_t)row->word[COLUMN_SOURCE][0]);
	event->source = read_address(&row->word[COLUMN_SOURCE][1], form & FORM_KEY6);
}

static void read_verdict(struct flow_event *event, const struct row *row, uint8_t form)
{
	event->key.vip = read_address(row->word[COLUMN_VIP], form & FORM_KEY6);
	event->pool_id = row->word[COLUMN_PORTS][0];
	event->client_ack = row->word[COLUMN_IDLE][0];
	if (event->kind != EVENT_MEMBER)
		return;
	event->client_seq = event->client_ack >> BASE_SHIFT;
	event->client_ack &= RECORD_MAX_WEIGHT;
}

static void read_row(struct flow_event *event, const struct row *row)
{
	const uint32_t kind = row->word[COLUMN_KIND][0];
	const uint8_t form = (uint8_t)(kind >> FORM_SHIFT);

	*event = (struct flow_event){
		.kind = (uint8_t)kind,
		.state = (uint8_t)(kind >> 8),
		.flags = (uint8_t)(kind >> 16),
		.member = read_member(row->word[COLUMN_MEMBER], form & FORM_MEMBER6),
	};
	if (record_is_verdict(event->kind)) {
		read_verdict(event, row, form);
		return;
	}
	event->key.client = read_address(row->word[COLUMN_CLIENT], form & FORM_KEY6);
	if (record_is_memo(event->kind)) {
		read_verdict(event, row, form);
		return;
	}
	event->idle = row->word[COLUMN_IDLE][0];
	event->age = row->word[COLUMN_AGE][0];
	if (record_is_flow(event->kind))
		read_flow(event, row, form);
	else
		event->pool_id = row->word[COLUMN_VIP][0];
}

/*
 * What a row says beyond its event (a pin's ports, an IPv4 address in four words) has no meaning,
 * so such a row is refused.
 */
static enum record_verdict check_row(const struct flow_event *event, const struct row *row)
{
	const enum record_verdict verdict = record_check(event);
	struct row again;

	if (verdict != RECORD_OK)
		return verdict;
	if (event->flags & (record_is_flow(event->kind) ? ~WIRE_FLAGS : ~0))
		return RECORD_BAD_FLAGS;
	write_row(&again, event);
	return memcmp(&again, row, sizeof(again)) ? RECORD_BAD_KEY : RECORD_OK;
}

/* --- a batch ---------------------------------------------------------------------------------- */

static enum record_verdict check_batch(const struct record_batch *batch)
{
	if (batch->count == 0)
		return RECORD_EMPTY;
	if (batch->count > RECORD_MAX)
		return RECORD_TOO_MANY;
	if (batch->listed && (batch->snapshot || batch->only_if_absent))
		return RECORD_BAD_POSITION;
	if (batch->snapshot || batch->listed)
		return batch->first_seq ? RECORD_BAD_POSITION : RECORD_OK;
	if (!batch->first_seq || batch->first_seq > UINT64_MAX - batch->count)
		return RECORD_BAD_POSITION;
	return RECORD_OK;
}

static int pack_frame(const struct record_batch *batch, Sync__Records *records, uint8_t *out,
		      size_t size)
{
	Sync__Frame frame = SYNC__FRAME__INIT;

	records->has_epoch = true;
	records->epoch = batch->epoch;
	records->has_first_seq = batch->snapshot == 0 && batch->listed == 0;
	records->first_seq = batch->first_seq;
	records->has_snapshot = batch->snapshot != 0;
	records->snapshot = batch->snapshot;
	records->has_only_if_absent = batch->only_if_absent;
	records->only_if_absent = batch->only_if_absent;
	records->has_listed = batch->listed != 0;
	records->listed = batch->listed;
	frame.records = records;
	if (sync__frame__get_packed_size(&frame) > size)
		return -EMSGSIZE;
	return (int)sync__frame__pack(&frame, out);
}

struct columns {
	uint32_t *column[COLUMNS];
	size_t count[COLUMNS];
};

static void append_row(struct columns *to, const struct row *row, bool full)
{
	for (enum column c = 0; c < COLUMNS; c++) {
		const unsigned int words = width(c, row->word[COLUMN_KIND][0]);

		if (!full && c >= COLUMN_CLIENT_ACK && c <= COLUMN_AGE)
			continue;
		memcpy(to->column[c] + to->count[c], row->word[c], words * sizeof(uint32_t));
		to->count[c] += words;
	}
}

static void show_columns(Sync__Records *records, const struct columns *columns)
{
	records->n_kind = columns->count[COLUMN_KIND];
	records->kind = columns->column[COLUMN_KIND];
	records->n_client = columns->count[COLUMN_CLIENT];
	records->client = columns->column[COLUMN_CLIENT];
	records->n_vip = columns->count[COLUMN_VIP];
	records->vip = columns->column[COLUMN_VIP];
	records->n_ports = columns->count[COLUMN_PORTS];
	records->ports = columns->column[COLUMN_PORTS];
	records->n_member = columns->count[COLUMN_MEMBER];
	records->member = columns->column[COLUMN_MEMBER];
	records->n_idle = columns->count[COLUMN_IDLE];
	records->idle = columns->column[COLUMN_IDLE];
	records->n_client_ack = columns->count[COLUMN_CLIENT_ACK];
	records->client_ack = columns->column[COLUMN_CLIENT_ACK];
	records->n_client_seq = columns->count[COLUMN_CLIENT_SEQ];
	records->client_seq = columns->column[COLUMN_CLIENT_SEQ];
	records->n_age = columns->count[COLUMN_AGE];
	records->age = columns->column[COLUMN_AGE];
	records->n_source = columns->count[COLUMN_SOURCE];
	records->source = columns->column[COLUMN_SOURCE];
}

/* 64 KiB of stack for the columns: a daemon's only thread has megabytes, and nothing is shared. */
int record_pack(const struct record_batch *batch, uint8_t *out, size_t size)
{
	uint32_t words[RECORD_MAX * ROW_WORDS], *next = words;
	Sync__Records records = SYNC__RECORDS__INIT;
	struct columns columns = { 0 };

	if (check_batch(batch) != RECORD_OK)
		return -EINVAL;
	for (enum column c = 0; c < COLUMNS; c++) {
		columns.column[c] = next;
		next += (size_t)widest[c] * RECORD_MAX;
	}
	for (size_t i = 0; i < batch->count; i++) {
		struct row row;

		if (record_check(&batch->event[i]) != RECORD_OK)
			return -EINVAL;
		write_row(&row, &batch->event[i]);
		append_row(&columns, &row, batch->full || batch->snapshot);
	}
	show_columns(&records, &columns);
	return pack_frame(batch, &records, out, size);
}

/* What is left to read of each column. */
struct view {
	const uint32_t *value;
	size_t count;
};

/* Afterwards every record has in every column as many words as it says, and no word is left over.
 */
static bool view_columns(struct view view[COLUMNS], const Sync__Records *records)
{
	const struct view found[COLUMNS] = {
		[COLUMN_KIND] = { records->kind, records->n_kind },
		[COLUMN_CLIENT] = { records->client, records->n_client },
		[COLUMN_VIP] = { records->vip, records->n_vip },
		[COLUMN_PORTS] = { records->ports, records->n_ports },
		[COLUMN_MEMBER] = { records->member, records->n_member },
		[COLUMN_IDLE] = { records->idle, records->n_idle },
		[COLUMN_CLIENT_ACK] = { records->client_ack, records->n_client_ack },
		[COLUMN_CLIENT_SEQ] = { records->client_seq, records->n_client_seq },
		[COLUMN_AGE] = { records->age, records->n_age },
		[COLUMN_SOURCE] = { records->source, records->n_source },
	};

	memcpy(view, found, sizeof(found));
	for (enum column c = 0; c < COLUMNS; c++) {
		size_t words = 0;

		if (c >= COLUMN_CLIENT_ACK && c <= COLUMN_AGE && view[c].count == 0)
			continue;
		for (size_t i = 0; i < records->n_kind; i++)
			words += width(c, records->kind[i]);
		if (view[c].count != words)
			return false;
	}
	return true;
}

/* Where there are positions, each has its record. */
static bool has_positions(const struct record_batch *batch)
{
	return batch->first_seq && !batch->only_if_absent;
}

static void next_row(struct view view[COLUMNS], struct row *row)
{
	const uint32_t kind = *view[COLUMN_KIND].value;

	memset(row, 0, sizeof(*row));
	for (enum column c = 0; c < COLUMNS; c++) {
		const unsigned int words = width(c, kind);

		if (view[c].count == 0)
			continue;
		memcpy(row->word[c], view[c].value, words * sizeof(uint32_t));
		view[c].value += words;
		view[c].count -= words;
	}
}

static enum record_verdict read_rows(struct record_batch *batch, struct view view[COLUMNS])
{
	const uint32_t rows = batch->count;

	batch->count = 0;
	for (uint32_t i = 0; i < rows; i++) {
		struct flow_event *event = &batch->event[batch->count];
		enum record_verdict verdict;
		struct row row;

		next_row(view, &row);
		if (record_is_ignorable((uint8_t)row.word[COLUMN_KIND][0])) {
			*event = (struct flow_event){ .kind = RECORD_NOTHING };
			batch->count += has_positions(batch);
			batch->unknown++;
			continue;
		}
		read_row(event, &row);
		verdict = check_row(event, &row);
		if (verdict != RECORD_OK)
			return verdict;
		event->epoch = (uint32_t)batch->epoch;
		event->apply = batch->only_if_absent ? APPLY_IF_ABSENT : APPLY_UPSERT;
		batch->count++;
	}
	return RECORD_OK;
}

enum record_verdict record_unpack(struct record_batch *batch, const Sync__Records *records)
{
	struct view view[COLUMNS];
	enum record_verdict verdict;

	if (records->n_kind > RECORD_MAX)
		return RECORD_TOO_MANY;
	if (!view_columns(view, records))
		return RECORD_UNEVEN;
	batch->epoch = records->epoch;
	batch->first_seq = records->first_seq;
	batch->snapshot = records->snapshot;
	batch->only_if_absent = records->only_if_absent;
	batch->listed = records->listed;
	batch->full = records->n_client_ack && records->n_client_seq && records->n_age;
	batch->count = (uint32_t)records->n_kind;
	batch->unknown = 0;
	verdict = records->has_epoch ? check_batch(batch) : RECORD_BAD_POSITION;
	if (verdict == RECORD_OK)
		verdict = read_rows(batch, view);
	return verdict;
}
