// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sessions through the pair that are asked all the time, and new connections beside them, each 100
 * ms: what a client sees.  It runs anywhere but on the nodes, with no rights, until it is told to
 * end or nobody reads its lines.
 */
#include "conf/pairctl/canary.h"
#include "conf/pairctl/canary_tally.h"
#include "conf/pairctl/canary_talk.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <errno.h>
#include <ev.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRESH = 64, READ_SIZE = 4096, SPARE_FILES = 16 };
#define ASK_EVERY   0.5
#define FRESH_EVERY 0.1
#define FRESH_LIMIT 3.0
#define MUTE_LIMIT  10.0
#define TELL_EVERY  0.2

struct canary;

struct session {
	ev_io io;
	ev_timer again; /* the next question */
	struct canary *canary;
	struct canary_talk talk;
	int fd;
	bool open;
	double asked; /* 0: no answer is awaited */
	double delay; /* of the second question, once: they shall not all be asked at a time */
};

/* A connection that is made, and closed when it has come to be. */
struct fresh {
	ev_io io;
	struct canary *canary;
	int fd; /* -1: not in use */
	double begun;
};

struct canary {
	const struct pairctl *ctl;
	struct ev_loop *loop;
	enum canary_kind kind;
	struct addrinfo *to;
	struct session *session;
	size_t sessions;
	struct fresh fresh[FRESH];
	ev_timer connect, tell;
	ev_signal terminate, interrupt;
	struct canary_tally tally;
	char why[128]; /* a session was lost, the last one */
};

static double monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- held sessions ---------------------------------------------------------------------------- */

static void session_close(struct session *s)
{
	if (s->fd < 0)
		return;
	ev_io_stop(s->canary->loop, &s->io);
	ev_timer_stop(s->canary->loop, &s->again);
	close(s->fd);
	s->fd = -1;
	s->asked = 0;
	if (s->open)
		s->canary->tally.sum.open--;
}

static void session_lost(struct session *s, const char *why)
{
	struct canary *canary = s->canary;

	snprintf(canary->why, sizeof(canary->why), "%s", why);
	canary->tally.sum.lost++;
	session_close(s);
}

/* A question is short and the one before was answered: it fits into the socket, or it is broken. */
static void session_ask(struct session *s)
{
	uint8_t bytes[CANARY_REQUEST];
	size_t length = canary_ask(&s->talk, bytes);

	if (length == 0)
		return;
	s->asked = monotonic();
	if (send(s->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
		session_lost(s, strerror(errno));
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	session_ask(timer->data);
}

static void session_answered(struct session *s)
{
	if (s->asked > 0)
		canary_answered(&s->canary->tally, monotonic() - s->asked);
	s->asked = 0;
	ev_timer_stop(s->canary->loop, &s->again);
	ev_timer_set(&s->again, ASK_EVERY + s->delay, 0);
	ev_timer_start(s->canary->loop, &s->again);
	s->delay = 0;
}

static void session_connected(struct session *s)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		session_lost(s, strerror(error));
		return;
	}
	s->open = true;
	s->canary->tally.sum.open++;
	ev_io_stop(s->canary->loop, &s->io);
	ev_io_set(&s->io, s->fd, EV_READ);
	ev_io_start(s->canary->loop, &s->io);
	if (canary_listens_first(s->canary->kind))
		s->asked = monotonic();
	else
		session_ask(s);
}

static void session_read(struct session *s)
{
	uint8_t bytes[READ_SIZE];
	ssize_t got = recv(s->fd, bytes, sizeof(bytes), 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		session_lost(s, got ? strerror(errno) : "closed by the far end");
		return;
	}
	switch (canary_hear(&s->talk, bytes, (size_t)got)) {
	case CANARY_ANSWERED:
		session_answered(s);
		break;
	case CANARY_WRONG:
		session_lost(s, "an answer that was not to be expected");
		break;
	default:
		break;
	}
}

static void on_session(struct ev_loop *loop, ev_io *io, int events)
{
	struct session *s = io->data;

	(void)loop;
	if (events & EV_WRITE)
		session_connected(s);
	else
		session_read(s);
}

/* A socket on its way to the target, or -1 with errno. */
static int set_out(const struct canary *canary)
{
	int fd = socket(canary->to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, canary->to->ai_addr, canary->to->ai_addrlen) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

static void session_open(struct canary *canary, struct session *s)
{
	s->canary = canary;
	s->delay = ASK_EVERY * (double)(s - canary->session) / (double)canary->sessions;
	canary_talk_init(&s->talk, canary->kind);
	s->fd = set_out(canary);
	if (s->fd < 0) {
		session_lost(s, strerror(errno));
		return;
	}
	ev_timer_init(&s->again, on_again, ASK_EVERY, 0);
	ev_io_init(&s->io, on_session, s->fd, EV_WRITE);
	s->again.data = s->io.data = s;
	ev_io_start(canary->loop, &s->io);
}

/* --- new connections -------------------------------------------------------------------------- */

static void fresh_end(struct fresh *fresh)
{
	ev_io_stop(fresh->canary->loop, &fresh->io);
	close(fresh->fd);
	fresh->fd = -1;
}

static void fresh_refused(struct fresh *fresh)
{
	fresh->canary->tally.sum.refused++;
	fresh_end(fresh);
}

static void on_fresh(struct ev_loop *loop, ev_io *io, int events)
{
	struct fresh *fresh = io->data;
	int error = 0;
	socklen_t size = sizeof(error);

	(void)loop;
	(void)events;
	getsockopt(fresh->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		fresh_refused(fresh);
		return;
	}
	canary_connected(&fresh->canary->tally, monotonic());
	fresh_end(fresh);
}

static struct fresh *fresh_place(struct canary *canary)
{
	for (size_t i = 0; i < FRESH; i++)
		if (canary->fresh[i].fd < 0)
			return &canary->fresh[i];
	return NULL;
}

static void on_connect(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct canary *canary = timer->data;
	double now = monotonic();
	struct fresh *fresh;

	(void)loop;
	(void)events;
	for (size_t i = 0; i < FRESH; i++)
		if (canary->fresh[i].fd >= 0 && now - canary->fresh[i].begun > FRESH_LIMIT)
			fresh_refused(&canary->fresh[i]);
	fresh = fresh_place(canary);
	if (!fresh)
		return;
	fresh->fd = set_out(canary);
	if (fresh->fd < 0) {
		canary->tally.sum.refused++;
		return;
	}
	fresh->begun = now;
	ev_io_init(&fresh->io, on_fresh, fresh->fd, EV_WRITE);
	fresh->io.data = fresh;
	ev_io_start(canary->loop, &fresh->io);
}

/* --- what they tell --------------------------------------------------------------------------- */

/* Who has waited too long is lost; returns how long the one that waits longest has. */
static double look_at_waiting(struct canary *canary, double now)
{
	double longest = 0;

	for (size_t i = 0; i < canary->sessions; i++) {
		struct session *s = &canary->session[i];
		double waited = s->asked > 0 ? now - s->asked : 0;

		longest = waited > longest ? waited : longest;
		if (waited > MUTE_LIMIT)
			session_lost(s, "no answer for 10 s");
	}
	return longest;
}

static void tell(struct canary *canary, bool last)
{
	Answer__Canary answer = ANSWER__CANARY__INIT;
	double now = monotonic(), waiting = look_at_waiting(canary, now);
	struct canary_line line = canary_tally_take(&canary->tally, now, waiting);
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	answer.schema = ANSWER_SCHEMA;
	answer.time_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000;
	answer.open = line.open;
	answer.lost = line.lost;
	answer.answers = line.answers;
	answer.stall_ms = line.stall_ms;
	answer.connects = line.connects;
	answer.refused = line.refused;
	answer.gap_ms = line.gap_ms;
	answer.why = canary->why[0] ? canary->why : NULL;
	answer.has_last = answer.last = last;
	answer_print(&answer.base, stdout);
	if (fflush(stdout) != 0)
		ev_break(canary->loop, EVBREAK_ALL);
}

static void on_tell(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	tell(timer->data, false);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* --- start and end ---------------------------------------------------------------------------- */

static void start(struct canary *canary)
{
	struct ev_loop *loop = canary->loop;

	canary_tally_init(&canary->tally, monotonic());
	for (size_t i = 0; i < FRESH; i++) {
		canary->fresh[i].canary = canary;
		canary->fresh[i].fd = -1;
	}
	for (size_t i = 0; i < canary->sessions; i++)
		session_open(canary, &canary->session[i]);
	ev_timer_init(&canary->connect, on_connect, 0, FRESH_EVERY);
	ev_timer_init(&canary->tell, on_tell, TELL_EVERY, TELL_EVERY);
	ev_signal_init(&canary->terminate, on_signal, SIGTERM);
	ev_signal_init(&canary->interrupt, on_signal, SIGINT);
	canary->connect.data = canary->tell.data = canary;
	ev_timer_start(loop, &canary->connect);
	ev_timer_start(loop, &canary->tell);
	ev_signal_start(loop, &canary->terminate);
	ev_signal_start(loop, &canary->interrupt);
}

static void finish(struct canary *canary)
{
	tell(canary, true);
	for (size_t i = 0; i < canary->sessions; i++)
		session_close(&canary->session[i]);
	for (size_t i = 0; i < FRESH; i++)
		if (canary->fresh[i].fd >= 0)
			fresh_end(&canary->fresh[i]);
	ev_timer_stop(canary->loop, &canary->connect);
	ev_timer_stop(canary->loop, &canary->tell);
	ev_signal_stop(canary->loop, &canary->terminate);
	ev_signal_stop(canary->loop, &canary->interrupt);
}

/* A file for each session, as far as the system lets us. */
static bool enough_files(size_t sessions)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return false;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	       limit.rlim_cur >= sessions + FRESH + SPARE_FILES;
}

static int run(struct canary *canary)
{
	canary->loop = ev_loop_new(EVFLAG_AUTO);
	if (!canary->loop)
		return ask_fail(canary->ctl, PAIRCTL_PROBLEM, "no event loop");
	canary->session = text_alloc(canary->sessions, sizeof(*canary->session));
	signal(SIGPIPE, SIG_IGN);
	start(canary);
	ev_run(canary->loop, 0);
	finish(canary);
	ev_loop_destroy(canary->loop);
	free(canary->session);
	return canary->tally.sum.lost ? PAIRCTL_PROBLEM : PAIRCTL_DONE;
}

static int resolve(struct canary *canary, const struct canary_target *target)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char port[8], *text;
	int error;

	snprintf(port, sizeof(port), "%u", target->port);
	error = getaddrinfo(target->host, port, &hints, &canary->to);
	if (error == 0)
		return PAIRCTL_DONE;
	text = text_format("%s: %s", target->host, gai_strerror(error));
	error = ask_fail(canary->ctl, PAIRCTL_PROBLEM, text);
	free(text);
	return error;
}

int canary_run(const struct pairctl *ctl)
{
	struct canary canary = { .ctl = ctl, .sessions = ctl->number ? ctl->number : 10 };
	struct canary_target target;
	int status;

	if (!ctl->to || !canary_target_read(ctl->to, &target))
		return pairctl_usage("canary wants --to HOST:PORT");
	canary.kind = canary_kind_of_port(target.port);
	if (ctl->kind && !canary_kind_read(ctl->kind, &canary.kind))
		return pairctl_usage("--kind %s is none of tcp, rpc, smtp, imap, pop3", ctl->kind);
	if (canary.sessions > CANARY_MOST)
		return pairctl_usage("at most %d sessions", CANARY_MOST);
	if (!enough_files(canary.sessions))
		return ask_fail(ctl, PAIRCTL_PROBLEM,
				"so many sessions need more open files than the system allows");
	status = resolve(&canary, &target);
	if (status != PAIRCTL_DONE)
		return status;
	status = run(&canary);
	freeaddrinfo(canary.to);
	return status;
}
