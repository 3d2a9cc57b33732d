/* SPDX-License-Identifier: BSD-2-Clause */
/* Text of a configuration to tokens with places.  Reports bytes that do not belong into such a
 * file. */
#ifndef CASPAIR_SCAN_H
#define CASPAIR_SCAN_H

#include "conf/fault.h"

enum { SCAN_WORD_MAX = 255 };

enum scan_kind {
	SCAN_WORD,
	SCAN_OPEN,  /* { */
	SCAN_CLOSE, /* } */
	SCAN_COMMA,
	SCAN_LINE, /* end of a line */
	SCAN_SEMICOLON,
	SCAN_BAD, /* a word that cannot be used; already reported */
	SCAN_EOF,
};

struct token {
	enum scan_kind kind;
	struct place place;
	char text[SCAN_WORD_MAX + 1]; /* WORD: itself; others: what to call it in a message */
};

struct scan {
	const char *at, *end; /* borrowed */
	struct place place;
	struct conf_faults *faults;
};

void scan_start(struct scan *scan, const char *text, size_t length, struct conf_faults *faults);
void scan_next(struct scan *scan, struct token *token);
/* Is a "{" the next thing in this line?  Looks ahead, takes nothing. */
bool scan_before_open(const struct scan *scan);

#endif
