// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/client_line.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { JOIN_EVERY = 3 }; /* answers */

static const double retry_s = 0.1; /* between attempts to get through */

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double client_now(void)
{
	return now(CLOCK_MONOTONIC);
}

double client_wall_ms(void)
{
	return now(CLOCK_REALTIME) * 1e3;
}

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

static void joint_failed(struct line *line, const char *why)
{
	char what[TALLY_TEXT];

	snprintf(what, sizeof(what), "%s %s", line->talk.member, why);
	tally_add(&line->client->parted, what);
	if (line->fd >= 0)
		hang_up(line);
}

/* Whatever was reached, the way begins at the mapper again. */
static void line_failed(struct line *line, const char *why)
{
	struct client *client = line->client;
	char what[TALLY_TEXT];

	if (line->is_joint) {
		joint_failed(line, why);
		return;
	}
	if (line->talk.step == TALK_HELD) {
		client->held--;
		client->last_end_ms = client_wall_ms();
		if (client->first_end_ms <= 0)
			client->first_end_ms = client->last_end_ms;
		line->broken_at = client_now();
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
	uint8_t bytes[LINE_BUFFER];
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
	double away = line->broken_at > 0 ? client_now() - line->broken_at : 0;

	client->held++;
	if (line->broken_at > 0)
		client->last_back_ms = client_wall_ms();
	if (away > client->longest_away_s)
		client->longest_away_s = away;
	line->broken_at = 0;
	every(line, client->every_s);
}

static void call(struct line *line)
{
	uint8_t bytes[LINE_BUFFER];
	struct writer out = writer_over(bytes, sizeof(bytes));

	line->waiting = true;
	line->asked_at = client_now();
	talk_call(&line->talk, &out);
	say(line, &out);
}

static void join(struct line *joint, const struct line *line)
{
	if (joint->fd >= 0) /* the last one is not through yet */
		return;
	talk_join(&joint->talk, &line->talk);
	dial(joint);
}

static void line_answered(struct line *line)
{
	double took = client_now() - line->asked_at;

	line->waiting = false;
	if (line->is_joint) {
		line->client->joined++;
		hang_up(line);
		return;
	}
	line->client->answers++;
	if (took > line->client->longest_answer_s)
		line->client->longest_answer_s = took;
	if (line->joint && ++line->answers % JOIN_EVERY == 0)
		join(line->joint, line);
}

static void line_heard(struct line *line, size_t length)
{
	uint8_t bytes[LINE_BUFFER];
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
		if (line->is_joint)
			call(line);
		else
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

	(void)loop;
	(void)events;
	if (line->fd < 0)
		dial(line);
	if (line->talk.step == TALK_HELD && !line->waiting)
		call(line);
}

void line_init(struct line *line, struct client *client, uint32_t id, bool book)
{
	line->client = client;
	line->fd = -1;
	talk_begin(&line->talk, book, id);
	ev_io_init(&line->io, on_line, -1, EV_READ);
	ev_init(&line->tick, on_tick);
	line->io.data = line->tick.data = line;
}

void line_start(struct line *line, double after_s)
{
	ev_timer_set(&line->tick, after_s, retry_s);
	ev_timer_start(line->client->loop, &line->tick);
}
