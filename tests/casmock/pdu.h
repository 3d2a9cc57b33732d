/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments of connection-oriented DCE/RPC, for both ends (C706 chapter 12, MS-RPCE 2.2.2). Written
 * apart from the product's own codec, so that one mistake cannot hide the other.
 *
 *	 0      1      2      3      4             8             10            12
 *	+------+------+------+------+-------------+-------------+-------------+-------------+
 *	|  5   |  0   | type |flags | drep        | frag_length | auth_length | call_id     |
 *	+------+------+------+------+-------------+-------------+-------------+-------------+
 */
#ifndef CASMOCK_PDU_H
#define CASMOCK_PDU_H

#include "tests/casmock/syntax.h"

enum { PDU_HEADER = 16, PDU_STUB = 24, PDU_MAX = 5840, PDU_CONTEXTS = 8 };

enum pdu_type {
	PDU_REQUEST = 0,
	PDU_RESPONSE = 2,
	PDU_FAULT = 3,
	PDU_BIND = 11,
	PDU_BIND_ACK = 12,
	PDU_BIND_NAK = 13,
	PDU_ALTER = 14,
	PDU_ALTER_ACK = 15,
};

/* Reasons of a bind_nak. */
enum { NAK_UNSPECIFIED = 0, NAK_CONGESTION = 1, NAK_LOCAL_LIMIT = 2, NAK_AUTHENTICATION = 8 };
/* What becomes of a context, and why. */
enum { RESULT_ACCEPTED = 0, RESULT_REJECTED = 2, RESULT_NEGOTIATED = 3 };
enum { REASON_NONE = 0, REASON_INTERFACE = 1, REASON_TRANSFER = 2, REASON_LIMIT = 3 };

/* Status words of a fault; they do not fit an enum. */
extern const uint32_t fault_denied, fault_bad_stub, fault_context, fault_operation, fault_interface,
	fault_busy;

struct pdu {
	enum pdu_type type;
	uint32_t call;
	bool credentials;
	uint16_t context; /* of a request, response or fault */
	uint16_t operation;
	uint32_t status;    /* of a fault */
	struct reader body; /* what follows the header; of a request and a response: the stub */
};

/* Length of the fragment that begins here, 0 when it does not tell yet, -EPROTO when it is none. */
int pdu_length(const uint8_t *data, size_t length);
/* Opens a whole fragment; false when it is not one that this code takes, such as a part of a call.
 */
bool pdu_open(struct pdu *pdu, const uint8_t *data, size_t length);

/* Begins a fragment, ends it with its length; 0 when it did not fit. */
void pdu_begin(struct writer *w, enum pdu_type type, uint32_t call);
size_t pdu_end(struct writer *w);

/* What a client offers to speak in one context. */
struct offer {
	uint16_t context;
	struct syntax interface;
	bool ndr32;       /* among the transfer syntaxes */
	bool negotiation; /* no offer but a question for features (MS-RPCE 2.2.2.14) */
};

struct bind {
	uint32_t group; /* association group; 0: a new one */
	struct offer offer[PDU_CONTEXTS];
	size_t offers;
};

bool pdu_read_bind(struct pdu *pdu, struct bind *bind);
size_t pdu_write_bind(struct writer *w, enum pdu_type type, uint32_t call, const struct bind *bind);

struct verdict {
	uint16_t result, reason;
};

struct bind_ack {
	uint32_t group;
	uint16_t port; /* told in digits by a bind_ack, not by an alter_context_resp */
	struct verdict verdict[PDU_CONTEXTS];
	size_t verdicts;
};

size_t pdu_write_bind_ack(struct writer *w, enum pdu_type type, uint32_t call,
			  const struct bind_ack *ack);
bool pdu_read_bind_ack(struct pdu *pdu, struct bind_ack *ack);
size_t pdu_write_bind_nak(struct writer *w, uint32_t call, uint16_t reason);
size_t pdu_write_fault(struct writer *w, const struct pdu *request, uint32_t status);

/* Everything before the stub; pdu_end() after it. */
void pdu_begin_request(struct writer *w, uint32_t call, uint16_t context, uint16_t operation);
void pdu_begin_response(struct writer *w, const struct pdu *request);

#endif
