/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of a mail client: its socket, its calls, and its way back when it breaks. */
#ifndef CASMOCK_CLIENT_LINE_H
#define CASMOCK_CLIENT_LINE_H

#include <netinet/in.h>

#include <ev.h>

#include "tests/casmock/client_tally.h"
#include "tests/casmock/client_talk.h"

enum { LINE_BUFFER = 2048 };

struct line {
	struct ev_io io;
	struct ev_timer tick; /* the next call; while there is no connection, the next attempt */
	struct client *client;
	struct in_addr source;
	struct talk talk;
	struct line *joint; /* beside this one, for one call; NULL: has none, or is one */
	bool is_joint;
	unsigned long answers;
	int fd; /* -1: none */
	bool connected, waiting;
	double asked_at;
	double broken_at; /* 0: not yet, or mended */
	uint8_t in[LINE_BUFFER];
	size_t fill;
};

/* What all lines have in common, and what has become of them. */
struct client {
	struct ev_loop *loop;
	struct sockaddr_in to;
	double every_s;
	unsigned int held; /* lines, now */

	/* since the start, or SIGUSR1 */
	unsigned long answers, joined;
	struct tally ends, parted;
	double first_end_ms, last_end_ms, last_back_ms;
	double longest_away_s, longest_answer_s;
};

double client_now(void);     /* seconds, monotonic */
double client_wall_ms(void); /* of the date */

void line_init(struct line *line, struct client *client, uint32_t id, bool book);
/* Begins to try, `after_s` from now. */
void line_start(struct line *line, double after_s);

#endif
