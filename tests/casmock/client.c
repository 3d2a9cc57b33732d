/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail clients: each keeps a line to its mailbox and one to its address book, calls on both, and
 * when a line breaks, comes back at once by way of the endpoint mapper.
 *
 *	mapi ADDRESS SESSIONS FIRST-SOURCE SOURCES EVERY-MS
 *
 * A call that is not answered is waited for, as RPC does it, for ever.  Every 200 ms, and at the
 *end (SIGTERM), one JSON object: `held` lines, of 2 SESSIONS; `waiting` calls that are older than a
 * second; sessions that are `torn` between two members; mailbox lines at each of the `members`; and
 * since the start or SIGUSR1: `answers`, `ends` by member and reason, times of the first and the
 * last end and of the last return (wall clock, ms), how long a line was away at most, and how long
 * an answer took at most.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

#include "tests/casmock/client_tally.h"
#include "tests/casmock/client_talk.h"

enum { BUFFER = 2048 };

static const double retry_s = 0.1; /* between attempts to get through */
static const double old_s = 1.0;   /* a call that waits longer is told */
static const double report_s = 0.2;

struct line {
	struct ev_io io;
	struct ev_timer tick; /* the next call; while there is no connection, the next attempt */
	struct client *client;
	struct in_addr source;
	struct talk talk;
	int fd; /* -1: none */
	bool connected, waiting;
	double asked_at;
	double broken_at; /* 0: not yet, or mended */
	uint8_t in[BUFFER];
	size_t fill;
};

struct session {
	struct line mail, book;
};

struct client {
	struct ev_loop *loop;
	struct ev_timer report;
	struct ev_signal terminate, forget;
	struct sockaddr_in to;
	double every_s;
	struct session *session;
	unsigned int sessions, held;

	/* since the start, or SIGUSR1 */
	unsigned long answers;
	struct tally ends;
	double first_end_ms, last_end_ms, last_back_ms;
	double longest_away_s, longest_answer_s;
};

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double wall_ms(void)
{
	return now(CLOCK_REALTIME) * 1e3;
}

/* --- one line -----------------------------------------------------------------------------------
 */

static void hang_up(struct line *line)
{
	ev_io_stop(line->client->loop, &line->io);
	close(line->fd);
	line->fd = -1;
	line->connected = line->waiting = false;
	line->fill = 0;
}

static void every(struct line *line, double seconds)
{
	line->tick.repeat = seconds;
	ev_timer_again(line->client->loop, &line->tick);
}

/* Whatever was reached, the way begins at the mapper again. */
static void line_failed(struct line *line, const char *why)
{
	struct client *client = line->client;
	char what[TALLY_TEXT];

	if (line->talk.step == TALK_HELD) {
		client->held--;
		client->last_end_ms = wall_ms();
		if (client->first_end_ms <= 0)
			client->first_end_ms = client->last_end_ms;
		line->broken_at = now(CLOCK_MONOTONIC);
		snprintf(what, sizeof(what), "%s %s", line->talk.member, why);
	} else {
		snprintf(what, sizeof(what), "on the way %s", why);
	}
	tally_add(&client->ends, what);
	if (line->fd >= 0)
		hang_up(line);
	talk_begin(&line->talk, line->talk.book, line->talk.id);
	every(line, retry_s);
}

static void say(struct line *line, const struct writer *out)
{
	if (out->full ||
	    send(line->fd, out->start, written(out), MSG_NOSIGNAL) != (ssize_t)written(out))
		line_failed(line, strerrorname_np(errno));
}

static void on_line(struct ev_loop *loop, ev_io *io, int events);

static void dial(struct line *line)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = line->source };
	struct sockaddr_in to = line->client->to;
	const int one = 1;

	to.sin_port = htons(line->talk.port);
	line->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (line->fd < 0 || setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    bind(line->fd, (struct sockaddr *)&from, sizeof(from)) ||
	    (connect(line->fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)) {
		line_failed(line, strerrorname_np(errno));
		return;
	}
	ev_io_set(&line->io, line->fd, EV_WRITE);
	ev_io_start(line->client->loop, &line->io);
}

static void line_connected(struct line *line)
{
	uint8_t bytes[BUFFER];
	struct writer out = writer_over(bytes, sizeof(bytes));
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		line_failed(line, strerrorname_np(error));
		return;
	}
	line->connected = true;
	ev_io_stop(line->client->loop, &line->io);
	ev_io_set(&line->io, line->fd, EV_READ);
	ev_io_start(line->client->loop, &line->io);
	talk_connected(&line->talk, &out);
	say(line, &out);
}

static void line_held(struct line *line)
{
	struct client *client = line->client;
	double away = line->broken_at > 0 ? now(CLOCK_MONOTONIC) - line->broken_at : 0;

	client->held++;
	if (line->broken_at > 0)
		client->last_back_ms = wall_ms();
	if (away > client->longest_away_s)
		client->longest_away_s = away;
	line->broken_at = 0;
	every(line, client->every_s);
}

static void line_answered(struct line *line)
{
	double took = now(CLOCK_MONOTONIC) - line->asked_at;

	line->waiting = false;
	line->client->answers++;
	if (took > line->client->longest_answer_s)
		line->client->longest_answer_s = took;
}

static void line_heard(struct line *line, size_t length)
{
	uint8_t bytes[BUFFER];
	struct writer out = writer_over(bytes, sizeof(bytes));

	switch (talk_heard(&line->talk, line->in, length, &out)) {
	case TALK_SAY:
		say(line, &out);
		break;
	case TALK_CONNECT:
		hang_up(line);
		dial(line);
		break;
	case TALK_LOGGED_ON:
		line_held(line);
		break;
	case TALK_ANSWERED:
		line_answered(line);
		break;
	case TALK_WRONG:
		line_failed(line, line->talk.why);
		break;
	}
}

static void line_read(struct line *line)
{
	ssize_t got = read(line->fd, line->in + line->fill, sizeof(line->in) - line->fill);
	int length;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		line_failed(line, got ? strerrorname_np(errno) : "closed");
		return;
	}
	line->fill += (size_t)got;
	length = pdu_length(line->in, line->fill);
	if (length < 0 || (length && (size_t)length < line->fill) || line->fill == sizeof(line->in))
		line_failed(line, "more than was asked for");
	else if (length && (size_t)length == line->fill) {
		line->fill = 0;
		line_heard(line, (size_t)length);
	}
}

static void on_line(struct ev_loop *loop, ev_io *io, int events)
{
	struct line *line = io->data;

	(void)loop;
	(void)events;
	if (line->connected)
		line_read(line);
	else
		line_connected(line);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct line *line = timer->data;
	uint8_t bytes[BUFFER];
	struct writer out = writer_over(bytes, sizeof(bytes));

	(void)loop;
	(void)events;
	if (line->fd < 0)
		dial(line);
	if (line->talk.step != TALK_HELD || line->waiting)
		return;
	line->waiting = true;
	line->asked_at = now(CLOCK_MONOTONIC);
	talk_call(&line->talk, &out);
	say(line, &out);
}

/* --- all of them --------------------------------------------------------------------------------
 */

static void line_init(struct line *line, struct client *client, unsigned int id, bool book)
{
	line->client = client;
	line->fd = -1;
	talk_begin(&line->talk, book, id);
	ev_io_init(&line->io, on_line, -1, EV_READ);
	/* One after the other, so that not all come in the same instant. */
	ev_timer_init(&line->tick, on_tick, client->every_s * id / client->sessions, retry_s);
	line->io.data = line->tick.data = line;
	ev_timer_start(client->loop, &line->tick);
}

static bool is_old(const struct line *line)
{
	return line->waiting && now(CLOCK_MONOTONIC) - line->asked_at > old_s;
}

static bool is_torn(const struct session *session)
{
	return session->mail.talk.step == TALK_HELD && session->book.talk.step == TALK_HELD &&
	       strcmp(session->mail.talk.member, session->book.talk.member) != 0;
}

static void print(struct client *client, const char *event)
{
	struct tally members = { .kinds = 0 };
	unsigned int waiting = 0, torn = 0;

	for (unsigned int i = 0; i < client->sessions; i++) {
		const struct session *session = &client->session[i];

		waiting += (unsigned int)is_old(&session->mail) + is_old(&session->book);
		torn += is_torn(session);
		if (session->mail.talk.step == TALK_HELD)
			tally_add(&members, session->mail.talk.member);
	}
	printf("{\"t\":%.0f,\"event\":\"%s\",\"held\":%u,\"waiting\":%u,\"torn\":%u,\"members\":",
	       wall_ms(), event, client->held, waiting, torn);
	tally_print(&members);
	printf(",\"answers\":%lu,\"ends\":", client->answers);
	tally_print(&client->ends);
	printf(",\"first_end\":%.0f,\"last_end\":%.0f,\"last_back\":%.0f,\"away_ms\":%.0f,"
	       "\"answer_ms\":%.1f}\n",
	       client->first_end_ms, client->last_end_ms, client->last_back_ms,
	       client->longest_away_s * 1e3, client->longest_answer_s * 1e3);
	fflush(stdout);
}

static void on_report(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	print(timer->data, "count");
}

static void on_terminate(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)signal;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void on_forget(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct client *client = signal->data;

	(void)loop;
	(void)events;
	client->answers = 0;
	client->ends.kinds = 0;
	client->first_end_ms = client->last_end_ms = client->last_back_ms = 0;
	client->longest_away_s = client->longest_answer_s = 0;
	print(client, "forgotten");
}

static void watch(struct client *client)
{
	ev_timer_init(&client->report, on_report, report_s, report_s);
	ev_signal_init(&client->terminate, on_terminate, SIGTERM);
	ev_signal_init(&client->forget, on_forget, SIGUSR1);
	client->report.data = client->terminate.data = client->forget.data = client;
	ev_timer_start(client->loop, &client->report);
	ev_signal_start(client->loop, &client->terminate);
	ev_signal_start(client->loop, &client->forget);
}

static int run(struct client *client, struct in_addr first, unsigned int sources)
{
	client->session = calloc(client->sessions, sizeof(*client->session));
	if (!client->session)
		return 1;
	for (unsigned int i = 0; i < client->sessions; i++) {
		struct session *session = &client->session[i];

		line_init(&session->mail, client, i, false);
		line_init(&session->book, client, i, true);
		session->mail.source.s_addr = htonl(ntohl(first.s_addr) + i % sources);
		session->book.source = session->mail.source;
	}
	watch(client);
	ev_run(client->loop, 0);
	print(client, "total");
	free(client->session);
	return 0;
}

int main(int argc, char **argv)
{
	struct client client = { .loop = ev_default_loop(0), .to = { .sin_family = AF_INET } };
	const struct rlimit files = { 65536, 65536 };
	unsigned int sources = argc == 6 ? (unsigned int)atoi(argv[4]) : 0;
	struct in_addr first;

	if (sources) {
		client.sessions = (unsigned int)atoi(argv[2]);
		client.every_s = atof(argv[5]) / 1e3;
	}
	if (!sources || !client.sessions || client.every_s <= 0 ||
	    inet_pton(AF_INET, argv[1], &client.to.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[3], &first) != 1) {
		fprintf(stderr, "usage: mapi ADDRESS SESSIONS FIRST-SOURCE SOURCES EVERY-MS\n");
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	return run(&client, first, sources);
}
