/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a mail server says to whoever connects (RFC 5321 4.3.1, RFC 9051 7.1, RFC 1939 4).  Pure:
 * bytes in, verdict out.
 */
#ifndef CASPAIR_GREETING_H
#define CASPAIR_GREETING_H

#include <stddef.h>
#include <stdint.h>

#include "lbd/health.h"

/* A line of SMTP may have 512 bytes; more of it than this is no greeting. */
enum { GREETING_LINE = 512, GREETING_LINES = 32 };

struct greeting {
	enum health_kind kind; /* HEALTH_SMTP, HEALTH_IMAP or HEALTH_POP3 */
	char line[GREETING_LINE];
	size_t length, lines;
};

void greeting_begin(struct greeting *greeting, enum health_kind kind);

/*
 * Bytes came in; none: the far end has closed.  HEALTH_UNKNOWN while the greeting is not whole,
 * HEALTH_OK or HEALTH_UNWILLING when it is.
 */
enum health_outcome greeting_input(struct greeting *greeting, const uint8_t *data, size_t length);

/* How a client of this kind takes leave. */
const char *greeting_farewell(enum health_kind kind);

#endif
