// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/pdu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	FLAGS_WHOLE = 0x03, /* first and last fragment */
	FLAG_OBJECT = 0x80, /* a UUID stands before the stub */
	DREP_LITTLE = 0x10,
	AT_LENGTH = 8,
	AT_HINT = 16,
};

const uint32_t fault_denied = 5;
const uint32_t fault_bad_stub = 0x000006f7;
const uint32_t fault_context = 0x1c00001a;
const uint32_t fault_operation = 0x1c010002;
const uint32_t fault_interface = 0x1c010003;
const uint32_t fault_busy = 0x1c010014;

static const uint8_t negotiation_begins[] = { 0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45 };

int pdu_length(const uint8_t *data, size_t length)
{
	uint16_t fragment;

	if (length < AT_LENGTH + 2)
		return 0;
	fragment = (uint16_t)(data[AT_LENGTH] | data[AT_LENGTH + 1] << 8);
	if (data[0] != 5 || data[4] != DREP_LITTLE || fragment < PDU_HEADER || fragment > PDU_MAX)
		return -EPROTO;
	return fragment;
}

static void open_call(struct pdu *pdu, uint8_t flags)
{
	read32(&pdu->body); /* hint */
	pdu->context = read16(&pdu->body);
	pdu->operation = read16(&pdu->body); /* of an answer: cancels */
	if (flags & FLAG_OBJECT)
		read_bytes(&pdu->body, 16);
	/* NDR aligns from the beginning of the stub. */
	pdu->body.start = pdu->body.at;
}

bool pdu_open(struct pdu *pdu, const uint8_t *data, size_t length)
{
	struct reader head = reader_over(data, length);
	uint16_t fragment, credentials;
	uint8_t flags;

	memset(pdu, 0, sizeof(*pdu));
	read16(&head); /* version */
	pdu->type = (enum pdu_type)read8(&head);
	flags = read8(&head);
	read32(&head); /* drep */
	fragment = read16(&head);
	credentials = read16(&head);
	pdu->call = read32(&head);
	pdu->credentials = credentials;
	if (head.cut || fragment != length || (flags & FLAGS_WHOLE) != FLAGS_WHOLE)
		return false;
	if (credentials && credentials + 8u > length - PDU_HEADER)
		return false;
	pdu->body = read_part(&head, length - PDU_HEADER - (credentials ? credentials + 8u : 0));
	if (pdu->type == PDU_REQUEST || pdu->type == PDU_RESPONSE || pdu->type == PDU_FAULT)
		open_call(pdu, flags);
	if (pdu->type == PDU_FAULT)
		pdu->status = read32(&pdu->body);
	return !pdu->body.cut;
}

void pdu_begin(struct writer *w, enum pdu_type type, uint32_t call)
{
	write_bytes(w, (const uint8_t[]){ 5, 0, (uint8_t)type, FLAGS_WHOLE, DREP_LITTLE, 0, 0, 0 },
		    8);
	write32(w, 0); /* length: pdu_end() knows it; no credentials */
	write32(w, call);
}

size_t pdu_end(struct writer *w)
{
	uint8_t type = w->start[2];

	write16_at(w, AT_LENGTH, (uint16_t)written(w));
	if (type == PDU_REQUEST || type == PDU_RESPONSE)
		write32_at(w, AT_HINT, (uint32_t)written(w) - PDU_STUB);
	return w->full ? 0 : written(w);
}

/* --- bind --------------------------------------------------------------------------------- */

static void read_offer(struct reader *r, struct offer *offer)
{
	uint8_t transfers;

	offer->context = read16(r);
	transfers = read8(r);
	read8(r);
	read_syntax(r, &offer->interface);
	for (; transfers && !r->cut; transfers--) {
		struct syntax transfer;

		read_syntax(r, &transfer);
		if (syntax_same(&transfer, &syntax_ndr32))
			offer->ndr32 = true;
		if (!memcmp(transfer.uuid, negotiation_begins, sizeof(negotiation_begins)))
			offer->negotiation = true;
	}
}

bool pdu_read_bind(struct pdu *pdu, struct bind *bind)
{
	struct reader *r = &pdu->body;
	size_t offers;

	memset(bind, 0, sizeof(*bind));
	read32(r); /* fragment sizes: nothing here is longer than the smallest that may be asked */
	bind->group = read32(r);
	offers = read8(r);
	read_bytes(r, 3);
	if (!offers || offers > PDU_CONTEXTS)
		return false;
	for (; bind->offers < offers; bind->offers++)
		read_offer(r, &bind->offer[bind->offers]);
	return !r->cut;
}

size_t pdu_write_bind(struct writer *w, enum pdu_type type, uint32_t call, const struct bind *bind)
{
	pdu_begin(w, type, call);
	write16(w, PDU_MAX);
	write16(w, PDU_MAX);
	write32(w, bind->group);
	write32(w, (uint32_t)bind->offers);
	for (size_t i = 0; i < bind->offers; i++) {
		write16(w, bind->offer[i].context);
		write16(w, 1);
		write_syntax(w, &bind->offer[i].interface);
		write_syntax(w, &syntax_ndr32);
	}
	return pdu_end(w);
}

size_t pdu_write_bind_ack(struct writer *w, enum pdu_type type, uint32_t call,
			  const struct bind_ack *ack)
{
	char port[8] = "";

	if (type == PDU_BIND_ACK)
		snprintf(port, sizeof(port), "%u", ack->port);
	pdu_begin(w, type, call);
	write16(w, PDU_MAX);
	write16(w, PDU_MAX);
	write32(w, ack->group);
	write16(w, (uint16_t)(port[0] ? strlen(port) + 1 : 0));
	write_bytes(w, port, port[0] ? strlen(port) + 1 : 0);
	write_align(w, 4);
	write32(w, (uint32_t)ack->verdicts);
	for (size_t i = 0; i < ack->verdicts; i++) {
		write16(w, ack->verdict[i].result);
		write16(w, ack->verdict[i].reason);
		if (ack->verdict[i].result == RESULT_ACCEPTED) {
			write_syntax(w, &syntax_ndr32);
		} else {
			write_zeros(w, 20);
		}
	}
	return pdu_end(w);
}

bool pdu_read_bind_ack(struct pdu *pdu, struct bind_ack *ack)
{
	struct reader *r = &pdu->body;
	uint16_t address;
	size_t verdicts;

	memset(ack, 0, sizeof(*ack));
	read32(r);
	ack->group = read32(r);
	address = read16(r);
	read_bytes(r, address);
	read_align(r, 4); /* the header's length is a multiple of it */
	verdicts = read8(r);
	read_bytes(r, 3);
	if (verdicts > PDU_CONTEXTS)
		return false;
	for (; ack->verdicts < verdicts; ack->verdicts++) {
		ack->verdict[ack->verdicts].result = read16(r);
		ack->verdict[ack->verdicts].reason = read16(r);
		read_bytes(r, 20);
	}
	return !r->cut;
}

size_t pdu_write_bind_nak(struct writer *w, uint32_t call, uint16_t reason)
{
	pdu_begin(w, PDU_BIND_NAK, call);
	write16(w, reason);
	write_bytes(w, (const uint8_t[]){ 1, 5, 0 }, 3); /* one version: 5.0 */
	write_align(w, 8);
	return pdu_end(w);
}

/* --- calls -------------------------------------------------------------------------------- */

size_t pdu_write_fault(struct writer *w, const struct pdu *request, uint32_t status)
{
	pdu_begin(w, PDU_FAULT, request->call);
	write32(w, 0); /* hint */
	write16(w, request->context);
	write16(w, 0); /* cancels */
	write32(w, status);
	write32(w, 0);
	return pdu_end(w);
}

void pdu_begin_request(struct writer *w, uint32_t call, uint16_t context, uint16_t operation)
{
	pdu_begin(w, PDU_REQUEST, call);
	write32(w, 0); /* hint */
	write16(w, context);
	write16(w, operation);
}

void pdu_begin_response(struct writer *w, const struct pdu *request)
{
	pdu_begin(w, PDU_RESPONSE, request->call);
	write32(w, 0); /* hint */
	write16(w, request->context);
	write16(w, 0); /* cancels */
}
