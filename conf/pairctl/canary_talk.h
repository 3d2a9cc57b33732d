/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a canary session says and what it takes for an answer, a kind of server each.  Pure: bytes
 * to verdicts and back.  Nobody logs in anywhere: it is asked what a stranger may ask.
 */
#ifndef CASPAIR_CANARY_TALK_H
#define CASPAIR_CANARY_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum canary_kind { CANARY_TCP, CANARY_RPC, CANARY_SMTP, CANARY_IMAP, CANARY_POP3, CANARY_KINDS };
extern const char *const canary_kind_names[CANARY_KINDS];

enum { CANARY_REQUEST = 128 };

/* By name; or by the port that it is known for, CANARY_TCP for any other. */
bool canary_kind_read(const char *word, enum canary_kind *kind);
enum canary_kind canary_kind_of_port(uint16_t port);

struct canary_talk {
	enum canary_kind kind;
	bool begun; /* greeted, or bound */
	uint32_t call;
	size_t filled; /* of head: a line's first bytes, or a fragment's header */
	uint8_t head[16];
	size_t left;        /* RPC: bytes of the fragment to come */
	bool last_fragment; /* RPC: that one is the answer's last */
	bool listing;       /* POP3: lines follow until one with a dot */
};

void canary_talk_init(struct canary_talk *talk, enum canary_kind kind);

/* The server speaks first: its greeting is the first answer. */
bool canary_listens_first(enum canary_kind kind);

/* The next question; 0: there is none to ask, the connection is only held. */
size_t canary_ask(struct canary_talk *talk, uint8_t out[CANARY_REQUEST]);

/* Bytes of the server.  CANARY_WRONG: it answered, but not as one of its kind that serves us. */
enum canary_heard { CANARY_MORE, CANARY_ANSWERED, CANARY_WRONG };
enum canary_heard canary_hear(struct canary_talk *talk, const uint8_t *bytes, size_t length);

#endif
