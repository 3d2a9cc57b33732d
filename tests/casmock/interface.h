/* SPDX-License-Identifier: BSD-2-Clause */
/* An RPC interface: its name on the wire, and a function for each of its operations. */
#ifndef CASMOCK_INTERFACE_H
#define CASMOCK_INTERFACE_H

#include "tests/casmock/association.h"
#include "tests/casmock/pdu.h"

struct service;

/* A call under way. */
struct call {
	struct reader in;   /* the request's stub */
	struct writer *out; /* the response's, to be appended to */
	struct association *association;
	const struct service *service;
	uint8_t address[4];           /* that the client has reached, IPv4 */
	unsigned int answer_after_ms; /* set by an operation that lets its caller wait */
};

/* 0, or the status word of a fault. */
typedef uint32_t handler(struct call *call);

struct interface {
	const char *name;
	const struct syntax *syntax;
	handler *const *operation; /* by number; NULL: not offered here */
	size_t operations;
};

extern const struct interface interface_mapper, interface_management, interface_mail,
	interface_mail_async, interface_book, interface_referral;

#endif
