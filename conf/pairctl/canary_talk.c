// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/canary_talk.h"

#include <string.h>

const char *const canary_kind_names[CANARY_KINDS] = { "tcp", "rpc", "smtp", "imap", "pop3" };

bool canary_kind_read(const char *word, enum canary_kind *kind)
{
	for (size_t i = 0; i < CANARY_KINDS; i++)
		if (strcmp(word, canary_kind_names[i]) == 0) {
			*kind = (enum canary_kind)i;
			return true;
		}
	return false;
}

enum canary_kind canary_kind_of_port(uint16_t port)
{
	switch (port) {
	case 135:
		return CANARY_RPC;
	case 25:
	case 587:
		return CANARY_SMTP;
	case 143:
		return CANARY_IMAP;
	case 110:
		return CANARY_POP3;
	default:
		return CANARY_TCP;
	}
}

void canary_talk_init(struct canary_talk *talk, enum canary_kind kind)
{
	*talk = (struct canary_talk){ .kind = kind };
}

bool canary_listens_first(enum canary_kind kind)
{
	return kind == CANARY_SMTP || kind == CANARY_IMAP || kind == CANARY_POP3;
}

/* --- DCE/RPC: the endpoint mapper (C706, chapters 12 and O) ----------------------------------- */

enum {
	RPC_HEADER = 16,
	RPC_RESPONSE = 2,
	RPC_BIND_ACK = 12,
	RPC_LAST_FRAGMENT = 2,
	RPC_CALL_AT = 12,
	RPC_FRAGMENT_MAX = 5840, /* what the bind offers */
};

/* Version 3.0 of the mapper's interface, in NDR. */
#define MAPPER                                                                                     \
	0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0,  \
		0xfa, 3, 0, 0, 0
static const uint8_t rpc_bind[] = {
	5,    0,    11,   3,    0x10,   0,    0,    0,    72,   0,    0,    0,    0,
	0,    0,    0,                                                         /* header */
	0xd0, 0x16, 0xd0, 0x16, 0,      0,    0,    0,    1,    0,    0,    0, /* fragments, one
										  context */
	0,    0,    1,    0,    MAPPER, /* number 0, with one syntax */
	0x04, 0x5d, 0x88, 0x8a, 0xeb,   0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b,
	0x10, 0x48, 0x60, 2,    0,      0,    0,
};
/*
 * ept_lookup of the mapper's own interface: few entries or none, so that the answer is complete and
 * the server keeps nothing for a next question.
 */
static const uint8_t rpc_lookup[] = {
	5,    0, 0, 3, 0x10,   0, 0, 0, 84, 0, 0, 0, 0, 0, 0, 0, /* header */
	60,   0, 0, 0, 0,      0, 2, 0,                          /* ept_lookup */
	1,    0, 0, 0, 0,      0, 0, 0,                          /* by interface, of any object */
	1,    0, 0, 0, MAPPER, 1, 0, 0, 0,                       /* that one, in any version */
	0,    0, 0, 0, 0,      0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0,
	0,    0, 0, 0, /* from the beginning */
	0xf4, 1, 0, 0, /* 500 of them */
};
_Static_assert(sizeof(rpc_bind) == 72 && sizeof(rpc_lookup) == 84, "as their headers say");
_Static_assert(sizeof(rpc_lookup) <= CANARY_REQUEST, "the longest question");

static size_t ask_rpc(struct canary_talk *talk, uint8_t out[CANARY_REQUEST])
{
	const uint8_t *bytes = talk->begun ? rpc_lookup : rpc_bind;
	size_t length = talk->begun ? sizeof(rpc_lookup) : sizeof(rpc_bind);

	talk->call++;
	memcpy(out, bytes, length);
	for (size_t i = 0; i < 4; i++)
		out[RPC_CALL_AT + i] = (uint8_t)(talk->call >> 8 * i);
	return length;
}

static bool rpc_call_matches(const struct canary_talk *talk)
{
	const uint8_t *at = talk->head + RPC_CALL_AT;

	return (at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24) ==
	       talk->call;
}

static bool rpc_header_fits(const struct canary_talk *talk)
{
	const uint8_t *head = talk->head;
	size_t length = head[8] | (size_t)head[9] << 8;

	return head[0] == 5 && head[4] >> 4 == 1 && length >= RPC_HEADER &&
	       length <= RPC_FRAGMENT_MAX && rpc_call_matches(talk) &&
	       head[2] == (talk->begun ? RPC_RESPONSE : RPC_BIND_ACK);
}

static enum canary_heard rpc_fragment_ended(struct canary_talk *talk)
{
	talk->filled = 0;
	if (!talk->last_fragment)
		return CANARY_MORE;
	talk->begun = true;
	return CANARY_ANSWERED;
}

static enum canary_heard hear_rpc(struct canary_talk *talk, uint8_t byte)
{
	if (talk->filled == RPC_HEADER)
		return --talk->left ? CANARY_MORE : rpc_fragment_ended(talk);
	talk->head[talk->filled++] = byte;
	if (talk->filled < RPC_HEADER)
		return CANARY_MORE;
	if (!rpc_header_fits(talk))
		return CANARY_WRONG;
	talk->last_fragment = talk->head[3] & RPC_LAST_FRAGMENT;
	talk->left = (talk->head[8] | (size_t)talk->head[9] << 8) - RPC_HEADER;
	return talk->left ? CANARY_MORE : rpc_fragment_ended(talk);
}

/* --- mail: lines, of which the first bytes say all
 * ------------------------------------------------
 */

static bool line_is(const struct canary_talk *talk, const char *start)
{
	size_t length = strlen(start);

	return talk->filled >= length && memcmp(talk->head, start, length) == 0;
}

/* RFC 5321: 220 at first, 250 to NOOP; all lines but the last have a dash behind the number. */
static enum canary_heard smtp_line(struct canary_talk *talk)
{
	if (!line_is(talk, talk->begun ? "250" : "220"))
		return CANARY_WRONG;
	return talk->filled > 3 && talk->head[3] == '-' ? CANARY_MORE : CANARY_ANSWERED;
}

/* RFC 9051: whatever is untagged may come in between, but for a farewell. */
static enum canary_heard imap_line(struct canary_talk *talk)
{
	if (!talk->begun)
		return line_is(talk, "* OK") || line_is(talk, "* PREAUTH") ? CANARY_ANSWERED
									   : CANARY_WRONG;
	if (line_is(talk, "* ") && !line_is(talk, "* BYE"))
		return CANARY_MORE;
	return line_is(talk, "c OK") ? CANARY_ANSWERED : CANARY_WRONG;
}

/* RFC 2449: CAPA may be asked before anybody logs in, NOOP may not.  A refusal is an answer too. */
static enum canary_heard pop3_line(struct canary_talk *talk)
{
	if (talk->listing) {
		talk->listing = !(talk->filled == 1 && talk->head[0] == '.');
		return talk->listing ? CANARY_MORE : CANARY_ANSWERED;
	}
	if (talk->begun && line_is(talk, "-ERR"))
		return CANARY_ANSWERED;
	if (!line_is(talk, "+OK"))
		return CANARY_WRONG;
	talk->listing = talk->begun;
	return talk->listing ? CANARY_MORE : CANARY_ANSWERED;
}

static enum canary_heard mail_line(struct canary_talk *talk)
{
	switch (talk->kind) {
	case CANARY_SMTP:
		return smtp_line(talk);
	case CANARY_IMAP:
		return imap_line(talk);
	default:
		return pop3_line(talk);
	}
}

static enum canary_heard hear_mail(struct canary_talk *talk, uint8_t byte)
{
	enum canary_heard heard;

	if (byte != '\n') {
		if (byte != '\r' && talk->filled < sizeof(talk->head))
			talk->head[talk->filled++] = byte;
		return CANARY_MORE;
	}
	heard = mail_line(talk);
	talk->filled = 0;
	talk->begun |= heard == CANARY_ANSWERED;
	return heard;
}

/* --- all -------------------------------------------------------------------------------------- */

static size_t ask_line(const char *line, uint8_t out[CANARY_REQUEST])
{
	size_t length = strlen(line);

	memcpy(out, line, length);
	return length;
}

size_t canary_ask(struct canary_talk *talk, uint8_t out[CANARY_REQUEST])
{
	switch (talk->kind) {
	case CANARY_RPC:
		return ask_rpc(talk, out);
	case CANARY_SMTP:
		return ask_line("NOOP\r\n", out);
	case CANARY_IMAP:
		return ask_line("c NOOP\r\n", out);
	case CANARY_POP3:
		return ask_line("CAPA\r\n", out);
	default:
		return 0;
	}
}

enum canary_heard canary_hear(struct canary_talk *talk, const uint8_t *bytes, size_t length)
{
	enum canary_heard heard = CANARY_MORE;

	if (talk->kind == CANARY_TCP)
		return CANARY_MORE;
	for (size_t i = 0; i < length && heard != CANARY_WRONG; i++) {
		enum canary_heard now = talk->kind == CANARY_RPC ? hear_rpc(talk, bytes[i])
								 : hear_mail(talk, bytes[i]);

		/* Behind an answer nothing more was asked for, but an IMAP server may go on. */
		if (now != CANARY_MORE)
			heard = now;
	}
	return heard;
}
