// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/speaker.h"

#include <errno.h>

#include "tests/casmock/service.h"

static const struct interface *offered(const struct service *service, const struct syntax *syntax)
{
	for (const struct interface *const *i = service->interface; *i; i++)
		if (syntax_same((*i)->syntax, syntax))
			return *i;
	return NULL;
}

static struct verdict consider(struct speaker *speaker, const struct offer *offer)
{
	const struct interface *interface = offered(speaker->service, &offer->interface);

	if (offer->negotiation) /* of the features that it asks for we have none */
		return (struct verdict){ RESULT_NEGOTIATED, 0 };
	if (!interface || speaker->service->fault == FAULT_WRONG)
		return (struct verdict){ RESULT_REJECTED, REASON_INTERFACE };
	if (!offer->ndr32)
		return (struct verdict){ RESULT_REJECTED, REASON_TRANSFER };
	if (speaker->contexts == PDU_CONTEXTS || speaker->service->fault == FAULT_FULL)
		return (struct verdict){ RESULT_REJECTED, REASON_LIMIT };
	speaker->context[speaker->contexts].id = offer->context;
	speaker->context[speaker->contexts++].interface = interface;
	return (struct verdict){ RESULT_ACCEPTED, REASON_NONE };
}

/* The reason to take nobody, -1 when there is none. */
static int refusal(const struct speaker *speaker, const struct pdu *pdu)
{
	if (speaker->service->fault == FAULT_CONGESTED)
		return NAK_CONGESTION;
	if (speaker->service->fault == FAULT_LIMIT)
		return NAK_LOCAL_LIMIT;
	/* There is nobody here whose password could be wrong. */
	return pdu->credentials ? NAK_AUTHENTICATION : -1;
}

static size_t answer_bind(struct speaker *speaker, struct pdu *pdu, struct writer *out)
{
	bool first = pdu->type == PDU_BIND;
	struct bind_ack ack = { .port = speaker->service->port };
	int reason = refusal(speaker, pdu);
	struct bind bind;

	if (!pdu_read_bind(pdu, &bind) || first == !!speaker->association)
		return 0;
	if (reason >= 0)
		return pdu_write_bind_nak(out, pdu->call, (uint16_t)reason);
	if (first)
		speaker->association = association_join(speaker->associations, bind.group);
	if (!speaker->association)
		return pdu_write_bind_nak(out, pdu->call, NAK_UNSPECIFIED);
	ack.group = speaker->association->id;
	for (; ack.verdicts < bind.offers; ack.verdicts++)
		ack.verdict[ack.verdicts] = consider(speaker, &bind.offer[ack.verdicts]);
	return pdu_write_bind_ack(out, first ? PDU_BIND_ACK : PDU_ALTER_ACK, pdu->call, &ack);
}

static handler *find_operation(const struct speaker *speaker, const struct pdu *pdu,
			       uint32_t *status)
{
	const struct interface *interface = NULL;

	for (size_t i = 0; i < speaker->contexts; i++)
		if (speaker->context[i].id == pdu->context)
			interface = speaker->context[i].interface;
	*status = interface ? fault_operation : fault_interface;
	if (!interface || pdu->operation >= interface->operations)
		return NULL;
	return interface->operation[pdu->operation];
}

static uint32_t carry_out(struct speaker *speaker, struct pdu *pdu, struct writer *out,
			  unsigned int *after_ms)
{
	struct call call = { .in = pdu->body,
			     .out = out,
			     .association = speaker->association,
			     .service = speaker->service };
	uint32_t status;
	handler *operation = find_operation(speaker, pdu, &status);

	if (speaker->service->fault == FAULT_BUSY)
		return fault_busy;
	if (speaker->service->fault == FAULT_DENIED && !pdu->credentials)
		return fault_denied;
	if (!operation)
		return status;
	for (size_t i = 0; i < sizeof(call.address); i++)
		call.address[i] = speaker->address[i];
	pdu_begin_response(out, pdu);
	status = operation(&call);
	*after_ms = call.answer_after_ms;
	return status;
}

static size_t answer_request(struct speaker *speaker, struct pdu *pdu, struct writer *out,
			     unsigned int *after_ms)
{
	uint32_t status;

	if (!speaker->association)
		return 0;
	status = carry_out(speaker, pdu, out, after_ms);
	if (!status)
		return pdu_end(out);
	*out = writer_over(out->start, (size_t)(out->end - out->start));
	*after_ms = 0;
	return pdu_write_fault(out, pdu, status);
}

int speaker_answer(struct speaker *speaker, const uint8_t *data, size_t length, struct writer *out,
		   unsigned int *after_ms)
{
	static const char garbage[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
	size_t answer = 0;
	struct pdu pdu;

	*after_ms = 0;
	if (speaker->service->fault == FAULT_GARBAGE) {
		write_bytes(out, garbage, sizeof(garbage) - 1);
		return (int)written(out);
	}
	if (!pdu_open(&pdu, data, length))
		return -EPROTO;
	if (pdu.type == PDU_BIND || pdu.type == PDU_ALTER)
		answer = answer_bind(speaker, &pdu, out);
	else if (pdu.type == PDU_REQUEST)
		answer = answer_request(speaker, &pdu, out, after_ms);
	return answer ? (int)answer : -EPROTO;
}

void speaker_end(struct speaker *speaker)
{
	if (speaker->association)
		association_leave(speaker->association);
	speaker->association = NULL;
}
