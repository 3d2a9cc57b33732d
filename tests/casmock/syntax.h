/* SPDX-License-Identifier: BSD-2-Clause */
/* The names that interfaces and encodings have on the wire. */
#ifndef CASMOCK_SYNTAX_H
#define CASMOCK_SYNTAX_H

#include "tests/casmock/wire.h"

struct syntax {
	uint8_t uuid[16]; /* as on the wire */
	uint16_t major, minor;
};

extern const struct syntax syntax_ndr32;      /* C706, appendix I */
extern const struct syntax syntax_mapper;     /* C706, appendix O */
extern const struct syntax syntax_management; /* C706, appendix Q */
extern const struct syntax syntax_mail;       /* EMSMDB: MS-OXCRPC 1.9 */
extern const struct syntax syntax_mail_async; /* AsyncEMSMDB: MS-OXCRPC 1.9 */
extern const struct syntax syntax_book;       /* NSPI: MS-NSPI 1.9 */
extern const struct syntax syntax_referral;   /* RFR: MS-OXABREF 1.9 */

/* Any minor version serves a client of the same major one. */
bool syntax_same(const struct syntax *one, const struct syntax *other);
void read_syntax(struct reader *r, struct syntax *syntax);
void write_syntax(struct writer *w, const struct syntax *syntax);

#endif
