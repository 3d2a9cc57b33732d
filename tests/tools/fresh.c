// SPDX-License-Identifier: BSD-2-Clause
/*
 * New connections, again and again: is one that a client saw established ever lost?
 *
 *	fresh burst ADDRESS PORT FIRST-SOURCE SOURCES RATE
 *	fresh time ADDRESS PORT SOURCE COUNT
 *
 * `burst` begins RATE connections a second from SOURCES consecutive addresses.  Each is silent for
 * half a second once it is established, then asks the server (`chat serve`) for an answer and is
 * reset when that has come.  One that ends otherwise, or has no answer after 15 s, is lost: it is
 * told at once, and exit status is 1.  One that was never established is only counted.  `time`
 * makes COUNT connections one after the other and says how long connect() took.  Both print a JSON
 * object `total` at the end; that of `burst` is SIGTERM or SIGINT, from when on none is begun.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

enum { SLOTS = 65536, OPEN_FILES = SLOTS + 64 };

static const double silent = 0.5, patience = 15., turn = 0.005;

struct connection {
	struct ev_io io;
	struct ev_timer timer;
	struct burst *burst;
	int fd;
	bool used, established, asked;
};

union end {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct burst {
	struct ev_loop *loop;
	struct ev_timer turn;
	struct ev_signal terminate, interrupt;
	union end to, from;
	unsigned int sources, source;
	double rate, due;
	bool ending;
	struct connection *slot;
	unsigned int next, living;
	unsigned long begun, established, answered, lost, never, busy;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool parse(union end *end, const char *text, int port)
{
	memset(end, 0, sizeof(*end));
	if (inet_pton(AF_INET, text, &end->v4.sin_addr) == 1) {
		end->v4.sin_family = AF_INET;
		end->v4.sin_port = htons((uint16_t)port);
		return true;
	}
	end->v6.sin6_family = AF_INET6;
	end->v6.sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, text, &end->v6.sin6_addr) == 1;
}

static socklen_t size_of(const union end *end)
{
	return end->any.sa_family == AF_INET ? sizeof(end->v4) : sizeof(end->v6);
}

/* The n-th address from there on. */
static union end plus(const union end *first, unsigned int n)
{
	union end end = *first;
	uint32_t last;

	if (end.any.sa_family == AF_INET) {
		end.v4.sin_addr.s_addr = htonl(ntohl(end.v4.sin_addr.s_addr) + n);
		return end;
	}
	memcpy(&last, &end.v6.sin6_addr.s6_addr[12], sizeof(last));
	last = htonl(ntohl(last) + n);
	memcpy(&end.v6.sin6_addr.s6_addr[12], &last, sizeof(last));
	return end;
}

/* A socket with that source; closing it resets the connection. */
static int open_from(const union end *from, int flags)
{
	const struct linger reset = { .l_onoff = 1 };
	int fd = socket(from->any.sa_family, SOCK_STREAM | flags, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (!bind(fd, &from->any, size_of(from)))
		return fd;
	close(fd);
	return -1;
}

/* --- one connection --------------------------------------------------------------------------- */

static void forget(struct connection *c)
{
	ev_io_stop(c->burst->loop, &c->io);
	ev_timer_stop(c->burst->loop, &c->timer);
	close(c->fd);
	c->used = false;
	c->burst->living--;
	if (c->burst->ending && !c->burst->living)
		ev_break(c->burst->loop, EVBREAK_ALL);
}

/* How it ended; of one that was established only an answer is a good end. */
static void ended(struct connection *c, const char *how)
{
	union end self = { 0 };
	socklen_t size = sizeof(self);
	char text[INET6_ADDRSTRLEN] = "?";

	if (!c->established) {
		c->burst->never++;
		forget(c);
		return;
	}
	c->burst->lost++;
	getsockname(c->fd, &self.any, &size);
	inet_ntop(self.any.sa_family,
		  self.any.sa_family == AF_INET ? (void *)&self.v4.sin_addr
						: (void *)&self.v6.sin6_addr,
		  text, sizeof(text));
	printf("{\"t\":%.0f,\"event\":\"lost\",\"source\":\"%s\",\"port\":%u,\"asked\":%s,"
	       "\"how\":\"%s\"}\n",
	       ev_time() * 1e3, text, ntohs(self.v4.sin_port), c->asked ? "true" : "false", how);
	fflush(stdout);
	forget(c);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct connection *c = timer->data;

	(void)events;
	if (!c->established || c->asked) {
		ended(c, "no answer");
		return;
	}
	c->asked = true;
	if (send(c->fd, "1\n", 2, MSG_NOSIGNAL) != 2) {
		ended(c, strerror(errno));
		return;
	}
	ev_timer_set(timer, patience, 0.);
	ev_timer_start(loop, timer);
}

static void connected(struct connection *c)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		ended(c, strerror(error));
		return;
	}
	c->established = true;
	c->burst->established++;
	ev_io_stop(c->burst->loop, &c->io);
	ev_io_set(&c->io, c->fd, EV_READ);
	ev_io_start(c->burst->loop, &c->io);
	ev_timer_stop(c->burst->loop, &c->timer);
	ev_timer_set(&c->timer, silent, 0.);
	ev_timer_start(c->burst->loop, &c->timer);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct connection *c = io->data;
	char bytes[128];
	ssize_t n;

	(void)loop;
	(void)events;
	if (!c->established) {
		connected(c);
		return;
	}
	n = recv(c->fd, bytes, sizeof(bytes), 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || !c->asked) {
		ended(c, n < 0 ? strerror(errno) : "closed");
		return;
	}
	c->burst->answered++;
	forget(c);
}

static void begin(struct burst *burst)
{
	struct connection *c = &burst->slot[burst->next];
	union end from = plus(&burst->from, burst->source);

	burst->next = (burst->next + 1) % SLOTS;
	burst->source = (burst->source + 1) % burst->sources;
	if (c->used || (c->fd = open_from(&from, SOCK_NONBLOCK)) < 0) {
		burst->busy++;
		return;
	}
	if (connect(c->fd, &burst->to.any, size_of(&burst->to)) && errno != EINPROGRESS) {
		close(c->fd);
		burst->busy++;
		return;
	}
	c->burst = burst;
	c->used = true;
	c->established = c->asked = false;
	burst->begun++;
	burst->living++;
	ev_io_init(&c->io, on_io, c->fd, EV_WRITE);
	ev_timer_init(&c->timer, on_timer, patience, 0.);
	c->io.data = c->timer.data = c;
	ev_io_start(burst->loop, &c->io);
	ev_timer_start(burst->loop, &c->timer);
}

/* --- all of them ------------------------------------------------------------------------------ */

static void on_turn(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct burst *burst = timer->data;

	(void)loop;
	(void)events;
	for (burst->due += burst->rate * turn; burst->due >= 1.; burst->due -= 1.)
		begin(burst);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct burst *burst = signal->data;

	(void)events;
	burst->ending = true;
	ev_timer_stop(loop, &burst->turn);
	if (!burst->living)
		ev_break(loop, EVBREAK_ALL);
}

static int run_burst(struct burst *burst)
{
	struct rlimit files = { OPEN_FILES, OPEN_FILES };

	setrlimit(RLIMIT_NOFILE, &files);
	burst->slot = calloc(SLOTS, sizeof(*burst->slot));
	if (!burst->slot)
		return EXIT_FAILURE;
	burst->loop = ev_default_loop(EVFLAG_AUTO);
	ev_timer_init(&burst->turn, on_turn, 0., turn);
	ev_signal_init(&burst->terminate, on_signal, SIGTERM);
	ev_signal_init(&burst->interrupt, on_signal, SIGINT);
	burst->turn.data = burst->terminate.data = burst->interrupt.data = burst;
	ev_timer_start(burst->loop, &burst->turn);
	ev_signal_start(burst->loop, &burst->terminate);
	ev_signal_start(burst->loop, &burst->interrupt);
	ev_run(burst->loop, 0);
	printf("{\"event\":\"total\",\"begun\":%lu,\"established\":%lu,\"answered\":%lu,"
	       "\"lost\":%lu,\"never\":%lu,\"busy\":%lu}\n",
	       burst->begun, burst->established, burst->answered, burst->lost, burst->never,
	       burst->busy);
	free(burst->slot);
	return burst->lost ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- how long one takes ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int run_time(const union end *to, const union end *from, size_t count)
{
	uint64_t *took = calloc(count + 1, sizeof(*took));
	size_t done = 0;

	for (size_t i = 0; took && i < count; i++) {
		int fd = open_from(from, 0);
		uint64_t begin = now_ns();

		if (fd < 0)
			continue;
		if (!connect(fd, &to->any, size_of(to)))
			took[done++] = now_ns() - begin;
		close(fd);
	}
	if (!took)
		return EXIT_FAILURE;
	qsort(took, done, sizeof(*took), compare);
	printf("{\"event\":\"total\",\"connections\":%zu,\"p50_us\":%.1f,\"p90_us\":%.1f,"
	       "\"p99_us\":%.1f}\n",
	       done, (double)took[done / 2] / 1e3, (double)took[done * 9 / 10] / 1e3,
	       (double)took[done * 99 / 100] / 1e3);
	free(took);
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct burst burst = { 0 };
	bool usable = argc >= 6 && parse(&burst.to, argv[2], atoi(argv[3])) &&
		      parse(&burst.from, argv[4], 0);

	if (usable && argc == 7 && !strcmp(argv[1], "burst")) {
		burst.sources = (unsigned int)atoi(argv[5]);
		burst.rate = atof(argv[6]);
		if (burst.sources && burst.rate > 0.)
			return run_burst(&burst);
	}
	if (usable && argc == 6 && !strcmp(argv[1], "time") && atoi(argv[5]) > 0)
		return run_time(&burst.to, &burst.from, (size_t)atoi(argv[5]));
	fprintf(stderr, "usage: fresh burst ADDRESS PORT FIRST-SOURCE SOURCES RATE\n"
			"       fresh time ADDRESS PORT SOURCE COUNT\n");
	return 2;
}
