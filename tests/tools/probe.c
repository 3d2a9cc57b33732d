// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long was the path dark, for a client that comes now?
 *
 *	probe ADDRESS PORT SOURCE EVERY-MS
 *
 * Begins a connection every EVERY-MS and resets it once it is open; one that takes longer than
 * 900 ms is given up, before its SYN would be repeated.  So no retransmission timer of any TCP
 *hides in the answer: the path was dark between the begin of one connection that came to be and the
 *begin of the next one.  Prints a JSON line `gap` when that is over three times EVERY-MS, and
 *`total` at the end (SIGTERM or SIGINT); SIGUSR1 forgets the longest gap so far.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

enum { ATTEMPTS = 1024 };

static const double patience = 0.9;

struct attempt {
	struct ev_io io;
	struct probe *probe;
	double begun; /* 0: slot is free */
};

union end {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct probe {
	struct ev_loop *loop;
	struct ev_timer tick;
	struct ev_signal terminate, interrupt, forget;
	union end to, from;
	struct attempt attempt[ATTEMPTS];
	unsigned int next;
	unsigned long opened, failed;
	double every, last, longest;
};

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Answers may overtake each other; what counts is when the connections were begun. */
static void note_open(struct probe *probe, double begun)
{
	double gap = probe->last > 0 ? begun - probe->last : 0;

	probe->opened++;
	if (begun > probe->last)
		probe->last = begun;
	if (gap > probe->longest)
		probe->longest = gap;
	if (gap <= 3 * probe->every)
		return;
	printf("{\"t\":%.0f,\"event\":\"gap\",\"ms\":%.1f}\n",
	       (now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC) + begun) * 1e3, gap * 1e3);
	fflush(stdout);
}

static void attempt_end(struct attempt *attempt, bool open)
{
	const struct linger reset = { .l_onoff = 1 };

	ev_io_stop(attempt->probe->loop, &attempt->io);
	setsockopt(attempt->io.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(attempt->io.fd);
	if (open)
		note_open(attempt->probe, attempt->begun);
	else
		attempt->probe->failed++;
	attempt->begun = 0;
}

static void on_connected(struct ev_loop *loop, ev_io *io, int events)
{
	int error = 0;
	socklen_t size = sizeof(error);

	(void)loop;
	(void)events;
	getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	attempt_end(io->data, !error);
}

static socklen_t end_length(const union end *end)
{
	return end->any.sa_family == AF_INET6 ? sizeof(end->v6) : sizeof(end->v4);
}

/* Both families have the port at one place. */
static bool end_parse(union end *end, const char *text, uint16_t port)
{
	const bool v6 = strchr(text, ':');

	end->any.sa_family = v6 ? AF_INET6 : AF_INET;
	end->v4.sin_port = htons(port);
	return inet_pton(end->any.sa_family, text,
			 v6 ? (void *)&end->v6.sin6_addr : (void *)&end->v4.sin_addr) == 1;
}

static void attempt_begin(struct probe *probe, struct attempt *attempt)
{
	int fd = socket(probe->to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, &probe->from.any, end_length(&probe->from))) {
		perror("probe: source address");
		exit(2);
	}
	ev_io_init(&attempt->io, on_connected, fd, EV_WRITE);
	attempt->io.data = attempt;
	attempt->probe = probe;
	attempt->begun = now(CLOCK_MONOTONIC);
	if (connect(fd, &probe->to.any, end_length(&probe->to)) && errno != EINPROGRESS)
		attempt_end(attempt, false);
	else
		ev_io_start(probe->loop, &attempt->io);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct probe *probe = timer->data;
	double at = now(CLOCK_MONOTONIC);

	(void)loop;
	(void)events;
	for (unsigned int i = 0; i < ATTEMPTS; i++)
		if (probe->attempt[i].begun > 0 && at - probe->attempt[i].begun > patience)
			attempt_end(&probe->attempt[i], false);
	if (probe->attempt[probe->next].begun > 0)
		return; /* more under way than patience allows: the interval is too short */
	attempt_begin(probe, &probe->attempt[probe->next]);
	probe->next = (probe->next + 1) % ATTEMPTS;
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)signal;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void on_forget(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct probe *probe = signal->data;

	(void)loop;
	(void)events;
	probe->longest = 0;
}

static void start(struct probe *probe)
{
	ev_timer_init(&probe->tick, on_tick, 0, probe->every);
	ev_signal_init(&probe->terminate, on_signal, SIGTERM);
	ev_signal_init(&probe->interrupt, on_signal, SIGINT);
	ev_signal_init(&probe->forget, on_forget, SIGUSR1);
	probe->tick.data = probe->forget.data = probe;
	ev_timer_start(probe->loop, &probe->tick);
	ev_signal_start(probe->loop, &probe->terminate);
	ev_signal_start(probe->loop, &probe->interrupt);
	ev_signal_start(probe->loop, &probe->forget);
}

int main(int argc, char **argv)
{
	static struct probe probe;

	probe.loop = ev_default_loop(0);
	if (argc != 5 || !end_parse(&probe.to, argv[1], (uint16_t)atoi(argv[2])) ||
	    !end_parse(&probe.from, argv[3], 0) || atof(argv[4]) < 1) {
		fprintf(stderr, "usage: probe ADDRESS PORT SOURCE EVERY-MS\n");
		return 2;
	}
	probe.every = atof(argv[4]) / 1e3;
	start(&probe);
	ev_run(probe.loop, 0);
	printf("{\"t\":%.0f,\"event\":\"total\",\"opened\":%lu,\"failed\":%lu,"
	       "\"longest_gap_ms\":%.1f}\n",
	       now(CLOCK_REALTIME) * 1e3, probe.opened, probe.failed, probe.longest * 1e3);
	return 0;
}
