// SPDX-License-Identifier: BSD-2-Clause
/*
 * Chatty TCP sessions, the stand-in for mail clients that talk all the time.
 *
 *	chat serve NAME PORT
 *	chat hold ADDRESS PORT SESSIONS FIRST-SOURCE SOURCES EVERY-MS MUTE-MS
 *
 * `serve` answers each line with its own name in front.  `hold` keeps SESSIONS connections open
 *from SOURCES consecutive source addresses; each sends a numbered line every EVERY-MS and expects
 *the answers in order, none missing, none twice, always from the member it began with.  It prints
 *one JSON object a line: `count` every 200 ms, `stall` when an answer took more than 100 ms, `gap`
 *when no session at all got an answer for more than 10 ms (the path was dark), `lost` and `moved`
 *at once, and `total` at the end (SIGTERM or SIGINT).  Exit status 1 when a session was lost or
 *moved.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

enum { LINE = 128, BUFFER = 4096, OUTSTANDING = 1024 };

static const double stall_from = 0.100;

struct session {
	struct ev_io io;
	struct ev_timer tick;
	struct hold *hold;
	unsigned int id;
	int fd;
	bool connected, lost, moved;
	char member[32];
	unsigned long sent, answered;
	double sent_at[OUTSTANDING]; /* of line n at n % OUTSTANDING */
	double longest;
	char in[BUFFER];
	size_t fill;
};

struct hold {
	struct ev_loop *loop;
	struct ev_timer report, drain;
	struct ev_signal terminate, interrupt, forget;
	struct sockaddr_in to;
	double every, mute;
	struct session *session;
	unsigned int sessions, open, lost, moved;
	unsigned long answers;
	unsigned long retransmits; /* of the sessions closed so far */
	double longest_stall;
	bool draining;
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

/* --- client ----------------------------------------------------------------------------------- */

static unsigned int retransmits_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) ? 0 : info.tcpi_total_retrans;
}

static void session_end(struct session *s)
{
	if (s->fd < 0)
		return;
	s->hold->retransmits += retransmits_of(s->fd);
	ev_io_stop(s->hold->loop, &s->io);
	ev_timer_stop(s->hold->loop, &s->tick);
	close(s->fd);
	s->fd = -1;
	if (s->connected)
		s->hold->open--;
}

static void session_lost(struct session *s, const char *why)
{
	printf("{\"t\":%.0f,\"event\":\"lost\",\"session\":%u,\"member\":\"%s\",\"why\":\"%s\"}\n",
	       wall_ms(), s->id, s->member, why);
	session_end(s);
	s->lost = true;
	s->hold->lost++;
}

static void note_latency(struct session *s, double at)
{
	double took = at - s->sent_at[s->answered % OUTSTANDING];

	if (took > s->longest)
		s->longest = took;
	if (took > s->hold->longest_stall)
		s->hold->longest_stall = took;
	if (took > stall_from)
		printf("{\"t\":%.0f,\"event\":\"stall\",\"session\":%u,\"ms\":%.1f}\n", wall_ms(),
		       s->id, took * 1e3);
}

static void note_member(struct session *s, const char *member)
{
	if (!s->member[0])
		snprintf(s->member, sizeof(s->member), "%s", member);
	if (!strcmp(s->member, member) || s->moved)
		return;
	printf("{\"t\":%.0f,\"event\":\"moved\",\"session\":%u,\"from\":\"%s\",\"to\":\"%s\"}\n",
	       wall_ms(), s->id, s->member, member);
	s->moved = true;
	s->hold->moved++;
}

/* Returns NULL, or what is wrong with the answer. */
static const char *session_answer(struct session *s, const char *line)
{
	double at = now(CLOCK_MONOTONIC);
	unsigned long number;
	unsigned int id;
	char member[32];

	if (sscanf(line, "%31s %u %lu", member, &id, &number) != 3)
		return "unreadable answer";
	if (id != s->id)
		return "another session's answer";
	if (number != s->answered || number >= s->sent)
		return number < s->answered ? "answer came twice" : "answer missing";
	note_latency(s, at);
	note_member(s, member);
	s->answered++;
	s->hold->answers++;
	return NULL;
}

static void session_read(struct session *s)
{
	const char *wrong = NULL;
	char *line, *end;
	ssize_t got = read(s->fd, s->in + s->fill, sizeof(s->in) - s->fill - 1);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		session_lost(s, got ? strerror(errno) : "closed by the far end");
		return;
	}
	s->fill += (size_t)got;
	s->in[s->fill] = '\0';
	for (line = s->in; !wrong && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		wrong = session_answer(s, line);
	}
	s->fill -= (size_t)(line - s->in);
	memmove(s->in, line, s->fill);
	if (!wrong && s->fill == sizeof(s->in) - 1)
		wrong = "endless line";
	if (wrong)
		session_lost(s, wrong);
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
	s->connected = true;
	s->hold->open++;
	ev_io_stop(s->hold->loop, &s->io);
	ev_io_set(&s->io, s->fd, EV_READ);
	ev_io_start(s->hold->loop, &s->io);
	ev_timer_start(s->hold->loop, &s->tick);
}

static void on_session(struct ev_loop *loop, ev_io *io, int events)
{
	struct session *s = io->data;

	(void)loop;
	if (s->connected)
		session_read(s);
	else if (events & EV_WRITE)
		session_connected(s);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct session *s = timer->data;
	double at = now(CLOCK_MONOTONIC);
	char line[LINE];
	int length;

	(void)loop;
	(void)events;
	if (s->sent > s->answered && at - s->sent_at[s->answered % OUTSTANDING] > s->hold->mute) {
		session_lost(s, "mute");
		return;
	}
	if (s->hold->draining || s->sent - s->answered >= OUTSTANDING)
		return;
	length = snprintf(line, sizeof(line), "%u %lu\n", s->id, s->sent);
	s->sent_at[s->sent % OUTSTANDING] = at;
	if (write(s->fd, line, (size_t)length) != length) {
		session_lost(s, strerror(errno));
		return;
	}
	s->sent++;
}

static void session_open(struct session *s, struct in_addr source)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = source };
	struct hold *hold = s->hold;
	const int one = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&from, sizeof(from))) {
		perror("chat: source address");
		exit(2);
	}
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ev_io_init(&s->io, on_session, s->fd, EV_WRITE);
	/* Spread over the interval, so that at each instant somebody is about to ask. */
	ev_timer_init(&s->tick, on_tick, hold->every * s->id / hold->sessions, hold->every);
	s->io.data = s->tick.data = s;
	if (connect(s->fd, (struct sockaddr *)&hold->to, sizeof(hold->to)) &&
	    errno != EINPROGRESS) {
		session_lost(s, strerror(errno));
		return;
	}
	ev_io_start(hold->loop, &s->io);
}

static double waiting(const struct hold *hold)
{
	double at = now(CLOCK_MONOTONIC), longest = 0;

	for (unsigned int i = 0; i < hold->sessions; i++) {
		const struct session *s = &hold->session[i];

		if (s->fd >= 0 && s->sent > s->answered &&
		    at - s->sent_at[s->answered % OUTSTANDING] > longest)
			longest = at - s->sent_at[s->answered % OUTSTANDING];
	}
	return longest;
}

static void print_count(struct hold *hold, const char *event)
{
	unsigned long retransmits = hold->retransmits;

	for (unsigned int i = 0; i < hold->sessions; i++)
		if (hold->session[i].fd >= 0)
			retransmits += retransmits_of(hold->session[i].fd);
	printf("{\"t\":%.0f,\"event\":\"%s\",\"sessions\":%u,\"open\":%u,\"lost\":%u,\"moved\":%u,"
	       "\"answers\":%lu,\"waiting_ms\":%.1f,\"longest_stall_ms\":%.1f,"
	       "\"retransmits\":%lu}\n",
	       wall_ms(), event, hold->sessions, hold->open, hold->lost, hold->moved, hold->answers,
	       waiting(hold) * 1e3, hold->longest_stall * 1e3, retransmits);
	fflush(stdout);
}

static void on_report(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	print_count(timer->data, "count");
}

static void on_drain(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct hold *hold = timer->data;

	(void)events;
	if (waiting(hold) == 0)
		ev_break(loop, EVBREAK_ALL);
}

/* Asks no more and waits for what is outstanding; a session that stays mute is found by its tick.
 */
static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct hold *hold = signal->data;

	(void)events;
	hold->draining = true;
	ev_timer_start(loop, &hold->drain);
}

static void on_forget(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct hold *hold = signal->data;

	(void)loop;
	(void)events;
	hold->longest_stall = 0;
	for (unsigned int i = 0; i < hold->sessions; i++)
		hold->session[i].longest = 0;
}

static void print_sessions(const struct hold *hold)
{
	for (unsigned int i = 0; i < hold->sessions; i++) {
		const struct session *s = &hold->session[i];

		printf("{\"event\":\"session\",\"session\":%u,\"member\":\"%s\",\"lost\":%s,"
		       "\"moved\":%s,\"answers\":%lu,\"longest_stall_ms\":%.1f}\n",
		       s->id, s->member, s->lost || !s->connected ? "true" : "false",
		       s->moved ? "true" : "false", s->answered, s->longest * 1e3);
	}
}

static int hold(char **argv)
{
	struct hold hold = { .loop = ev_default_loop(0), .sessions = (unsigned int)atoi(argv[2]) };
	unsigned int sources = (unsigned int)atoi(argv[4]);
	struct in_addr first;

	hold.to = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_port = htons((uint16_t)atoi(argv[1])) };
	hold.every = atof(argv[5]) / 1e3;
	hold.mute = atof(argv[6]) / 1e3;
	hold.session = calloc(hold.sessions, sizeof(*hold.session));
	if (!hold.session || !sources || hold.every <= 0 ||
	    inet_pton(AF_INET, argv[0], &hold.to.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[3], &first) != 1) {
		fprintf(stderr, "chat: bad argument\n");
		return 2;
	}
	ev_timer_init(&hold.report, on_report, 0.2, 0.2);
	ev_timer_init(&hold.drain, on_drain, 0.02, 0.02);
	ev_signal_init(&hold.terminate, on_signal, SIGTERM);
	ev_signal_init(&hold.interrupt, on_signal, SIGINT);
	ev_signal_init(&hold.forget, on_forget, SIGUSR1);
	hold.report.data = hold.drain.data = hold.forget.data = &hold;
	hold.terminate.data = hold.interrupt.data = &hold;
	ev_timer_start(hold.loop, &hold.report);
	ev_signal_start(hold.loop, &hold.terminate);
	ev_signal_start(hold.loop, &hold.interrupt);
	ev_signal_start(hold.loop, &hold.forget);
	for (unsigned int i = 0; i < hold.sessions; i++) {
		hold.session[i].id = i;
		hold.session[i].hold = &hold;
		session_open(&hold.session[i],
			     (struct in_addr){ htonl(ntohl(first.s_addr) + i % sources) });
	}
	ev_run(hold.loop, 0);
	print_sessions(&hold);
	print_count(&hold, "total");
	free(hold.session);
	return hold.lost || hold.moved || hold.open != hold.sessions;
}

/* --- server ----------------------------------------------------------------------------------- */

struct caller {
	struct ev_io io;
	const char *name;
	char in[BUFFER];
	size_t fill;
};

struct server {
	struct ev_io io;
	const char *name;
};

static void caller_end(struct ev_loop *loop, struct caller *caller)
{
	ev_io_stop(loop, &caller->io);
	close(caller->io.fd);
	free(caller);
}

/* To all lines that were read at once. */
struct answers {
	char text[16 * BUFFER];
	size_t fill;
};

/* False when the caller sends more lines at once than anybody who waits for answers. */
static bool answer(struct answers *answers, const char *name, const char *line)
{
	size_t room = sizeof(answers->text) - answers->fill;
	int length = snprintf(answers->text + answers->fill, room, "%s %s\n", name, line);

	if (length < 0 || (size_t)length >= room)
		return false;
	answers->fill += (size_t)length;
	return true;
}

/*
 * False when the caller does not take its answers.  In one piece: after a dark path the lines of
 * many seconds come at once, and as each piece takes a kilobyte of the socket's room, that has
 * an end at 85 of them.
 */
static bool send_answers(const struct caller *caller, const struct answers *answers)
{
	return write(caller->io.fd, answers->text, answers->fill) == (ssize_t)answers->fill;
}

static void on_caller(struct ev_loop *loop, ev_io *io, int events)
{
	struct caller *caller = io->data;
	struct answers answers;
	ssize_t got = read(io->fd, caller->in + caller->fill,
			   sizeof(caller->in) - caller->fill - 1);
	char *line, *end;
	bool well = got > 0;

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	answers.fill = 0;
	if (well)
		caller->fill += (size_t)got;
	caller->in[caller->fill] = '\0';
	for (line = caller->in; well && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		well = answer(&answers, caller->name, line);
	}
	if (well && answers.fill)
		well = send_answers(caller, &answers);
	caller->fill -= (size_t)(line - caller->in);
	memmove(caller->in, line, caller->fill);
	if (!well || caller->fill == sizeof(caller->in) - 1)
		caller_end(loop, caller);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
	struct server *server = io->data;
	struct caller *caller;
	const int one = 1;
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	caller = calloc(1, sizeof(*caller));
	if (!caller) {
		close(fd);
		return;
	}
	caller->name = server->name;
	caller->io.data = caller;
	ev_io_init(&caller->io, on_caller, fd, EV_READ);
	ev_io_start(loop, &caller->io);
}

static int serve(char **argv)
{
	/* Of both families. */
	struct sockaddr_in6 at = { .sin6_family = AF_INET6,
				   .sin6_port = htons((uint16_t)atoi(argv[1])) };
	struct rlimit files = { 65536, 65536 };
	struct server server = { .name = argv[0] };
	struct ev_loop *loop = ev_default_loop(0);
	const int one = 1, zero = 0;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setrlimit(RLIMIT_NOFILE, &files);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 4096)) {
		perror("chat: listen");
		return 1;
	}
	ev_io_init(&server.io, on_accept, fd, EV_READ);
	server.io.data = &server;
	ev_io_start(loop, &server.io);
	ev_run(loop, 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(argv + 2);
	if (argc == 9 && !strcmp(argv[1], "hold"))
		return hold(argv + 2);
	fprintf(stderr,
		"usage: chat serve NAME PORT\n"
		"       chat hold ADDRESS PORT SESSIONS FIRST-SOURCE SOURCES EVERY-MS MUTE-MS\n");
	return 2;
}
