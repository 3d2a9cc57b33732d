// SPDX-License-Identifier: BSD-2-Clause
/*
 * The check child in a process of its own, against sockets on the loopback: each way a probe can
 * end, and what it does with orders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lbd/check/child.h"
#include "lbd/check/probe.h"

enum { PATIENCE_MS = 10000 };

struct fixture {
	int fd;
	pid_t pid;
};

static int setup(void **state)
{
	static struct fixture f;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	f.pid = fork();
	assert_true(f.pid >= 0);
	if (!f.pid) {
		close(pair[0]);
		_exit(check_child_run(pair[1], 0));
	}
	close(pair[1]);
	f.fd = pair[0];
	*state = &f;
	return 0;
}

/* The end of its socket is its end. */
static int teardown(void **state)
{
	struct fixture *f = *state;
	int status = -1;

	close(f->fd);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return 0;
}

/* A socket on 127.0.0.1 that listens, or is bound only (and refuses); its port, host order. */
static uint16_t make_socket(int *fd, int backlog)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t length = sizeof(at);

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(*fd >= 0);
	assert_int_equal(bind(*fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	if (backlog >= 0)
		assert_int_equal(listen(*fd, backlog), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&at, &length), 0);
	return ntohs(at.sin_port);
}

static struct check_order probe_of(uint32_t id, uint16_t port)
{
	return (struct check_order){
		.kind = CHECK_TARGET,
		.id = id,
		.addr = flow_ip4(htonl(INADDR_LOOPBACK)),
		.port = port,
		.interval_ms = 50,
		.timeout_ms = 100,
		.web = CHECK_NO_WEB,
	};
}

static void order(const struct fixture *f, const struct check_order *orders, size_t count)
{
	assert_int_equal(send(f->fd, orders, count * sizeof(*orders), 0), count * sizeof(*orders));
}

/* The next report about target `id`; UINT32_MAX: a sign of life. */
static struct check_report await(const struct fixture *f, uint32_t generation, uint32_t id)
{
	struct pollfd poller = { .fd = f->fd, .events = POLLIN };
	struct check_report report;

	do {
		assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
		assert_int_equal(recv(f->fd, &report, sizeof(report), 0), sizeof(report));
	} while (report.id != id || report.generation != generation);
	return report;
}

/* The same on ::1; 0 where there is no IPv6. */
static uint16_t make_socket6(int *fd, int backlog)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t length = sizeof(at);

	*fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || bind(*fd, (const struct sockaddr *)&at, sizeof(at)))
		return 0;
	if (backlog >= 0)
		assert_int_equal(listen(*fd, backlog), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&at, &length), 0);
	return ntohs(at.sin6_port);
}

static void test_alive(void **state)
{
	await(*state, 0, UINT32_MAX);
	await(*state, 0, UINT32_MAX);
}

static void test_outcomes(void **state)
{
	int listening, deaf;
	struct check_order orders[] = {
		{ .kind = CHECK_RESET, .id = 7 },
		probe_of(0, make_socket(&listening, 16)),
		probe_of(1, make_socket(&deaf, -1)),
		probe_of(2, 9),
	};

	orders[3].addr = flow_ip4(INADDR_BROADCAST); /* TCP has no way there */
	order(*state, orders, 4);
	assert_int_equal(await(*state, 7, 0).outcome, HEALTH_OK);
	assert_int_equal(await(*state, 7, 1).outcome, HEALTH_REFUSED);
	assert_int_equal(await(*state, 7, 2).outcome, HEALTH_UNREACHABLE);
	close(listening);
	/* the same target, again and again: now refused as well */
	while (await(*state, 7, 0).outcome != HEALTH_REFUSED)
		;
	close(deaf);
}

/* A full backlog drops SYNs: the probe has to end by its deadline. */
static void test_timeout(void **state)
{
	int listening, filler[2];
	uint16_t port = make_socket(&listening, 0);
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) },
				  .sin_port = htons(port) };
	struct check_order orders[] = { { .kind = CHECK_RESET, .id = 1 }, probe_of(0, port) };
	struct check_report report;

	for (int i = 0; i < 2; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(filler[i], (const struct sockaddr *)&to, sizeof(to));
	}
	order(*state, orders, 2);
	report = await(*state, 1, 0);
	assert_int_equal(report.outcome, HEALTH_TIMEOUT);
	assert_true(report.latency_us >= 90000 && report.latency_us < 5000000);
	for (int i = 0; i < 2; i++)
		close(filler[i]);
	close(listening);
}

/* After a reset the old targets are silent. */
static void test_reset(void **state)
{
	int first, second;
	struct check_order before[] = { { .kind = CHECK_RESET, .id = 1 },
					probe_of(0, make_socket(&first, 16)) };
	struct check_order after[] = { { .kind = CHECK_RESET, .id = 2 },
				       probe_of(1, make_socket(&second, 16)) };
	struct fixture *f = *state;

	order(f, before, 2);
	await(f, 1, 0);
	order(f, after, 2);
	await(f, 2, 1);
	for (int i = 0; i < 5; i++) {
		struct check_report report;

		assert_int_equal(recv(f->fd, &report, sizeof(report), 0), sizeof(report));
		assert_int_equal(report.generation, 2);
		assert_true(report.id == 1 || report.id == UINT32_MAX);
	}
	close(first);
	close(second);
}

/* Garbage of lbd's own is no reason to die. */
static void test_nonsense(void **state)
{
	int listening;
	struct check_order orders[] = {
		{ .kind = 99 },
		{ .kind = CHECK_TARGET, .id = HEALTH_MAX_TARGETS },
		{ .kind = CHECK_SLOWDOWN, .interval_ms = 0 },
		{ .kind = CHECK_RESET, .id = 3 },
		probe_of(4, make_socket(&listening, 16)),
		{ .kind = CHECK_TARGET, .id = 5, .probe = HEALTH_KINDS },
		{ .kind = CHECK_TARGET, .id = 5, .interfaces = RPCIF_MAX + 1 },
		probe_of(4, 1), /* a second one of that number is not taken */
	};
	struct fixture *f = *state;

	assert_int_equal(send(f->fd, "x", 1, 0), 1);
	order(f, orders, 8);
	for (int i = 0; i < 3; i++)
		assert_int_equal(await(f, 3, 4).outcome, HEALTH_OK);
	close(listening);
}

/* What a member may do to whoever asks it for RPC, each in a process of its own. */
static void never_end(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) > 0)
		;
}

static void dribble(int fd)
{
	static const char header[] = { 5, 0, 12, 3, 0x10, 0, 0, 0, 0, 8 };

	for (size_t i = 0; i < 2048; i++) {
		char byte = i < sizeof(header) ? header[i] : 0;

		if (send(fd, &byte, 1, MSG_NOSIGNAL) < 0)
			return;
		poll(NULL, 0, 3);
	}
}

static void flood(int fd)
{
	static const char much[1 << 16] = { 5, 0, 12, 3, 0x10, 0, 0, 0, 0, 8 };

	while (send(fd, much, sizeof(much), MSG_NOSIGNAL) > 0)
		;
}

static void babble(int fd)
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
	never_end(fd);
}

static void greet(int fd)
{
	static const char text[] = "220 mail ready\r\n";

	send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
	never_end(fd);
}

static void reset_it(int fd)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

static pid_t serve(uint16_t *port, void (*hostility)(int fd))
{
	int listening;
	pid_t pid;

	*port = make_socket(&listening, 64);
	pid = fork();
	assert_true(pid >= 0);
	while (!pid) {
		int fd = accept(listening, NULL, NULL);

		hostility(fd);
		close(fd);
	}
	close(listening);
	return pid;
}

/* None of it hurts the child, and a polite member's probe beside them is as quick as ever. */
static void test_hostile(void **state)
{
	static const struct {
		void (*hostility)(int fd);
		enum health_outcome outcome;
	} cases[] = {
		{ never_end, HEALTH_HUNG }, { dribble, HEALTH_HUNG },     { flood, HEALTH_NO_RPC },
		{ babble, HEALTH_NO_RPC },  { reset_it, HEALTH_REFUSED },
	};
	enum { CASES = sizeof(cases) / sizeof(cases[0]), ROUNDS = 4 };
	struct check_order orders[CASES + 2] = { { .kind = CHECK_RESET, .id = 1 } };
	int listening, slow = 0;
	pid_t pid[CASES];
	uint16_t port;

	orders[CASES + 1] = probe_of(CASES, make_socket(&listening, 256));
	for (uint32_t i = 0; i < CASES; i++) {
		pid[i] = serve(&port, cases[i].hostility);
		orders[i + 1] = probe_of(i, port);
		orders[i + 1].probe = HEALTH_RPC;
	}
	order(*state, orders, CASES + 2);
	for (uint32_t i = 0; i < CASES; i++)
		for (int round = 0; round < ROUNDS; round++)
			assert_int_equal(await(*state, 1, i).outcome, cases[i].outcome);
	for (int round = 0; round < 10; round++) {
		struct check_report report = await(*state, 1, CASES);

		assert_int_equal(report.outcome, HEALTH_OK);
		slow += report.latency_us > 50000;
	}
	assert_true(slow <= 1); /* the machine may be busy, once */
	for (uint32_t i = 0; i < CASES; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	close(listening);
}

/* The same servers, asked for mail. */
static void test_mail(void **state)
{
	static const struct {
		void (*server)(int fd);
		enum health_kind kind;
		enum health_outcome outcome;
	} cases[] = {
		{ greet, HEALTH_SMTP, HEALTH_OK },         { greet, HEALTH_IMAP, HEALTH_UNWILLING },
		{ babble, HEALTH_POP3, HEALTH_UNWILLING }, { flood, HEALTH_SMTP, HEALTH_UNWILLING },
		{ dribble, HEALTH_IMAP, HEALTH_HUNG },     { never_end, HEALTH_POP3, HEALTH_HUNG },
		{ reset_it, HEALTH_SMTP, HEALTH_REFUSED },
	};
	enum { CASES = sizeof(cases) / sizeof(cases[0]) };
	struct check_order orders[CASES + 1] = { { .kind = CHECK_RESET, .id = 1 } };
	pid_t pid[CASES];
	uint16_t port;

	for (uint32_t i = 0; i < CASES; i++) {
		pid[i] = serve(&port, cases[i].server);
		orders[i + 1] = probe_of(i, port);
		orders[i + 1].probe = cases[i].kind;
	}
	order(*state, orders, CASES + 1);
	for (uint32_t i = 0; i < CASES; i++)
		for (int round = 0; round < 3; round++)
			assert_int_equal(await(*state, 1, i).outcome, cases[i].outcome);
	for (uint32_t i = 0; i < CASES; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
}

/* Answers every request alike; who asks waits for the end of the connection or for the length. */
static void answer(int fd, const char *text)
{
	char request[512];

	if (recv(fd, request, sizeof(request), 0) > 0)
		send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void be_well(int fd)
{
	answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void ask_name(int fd)
{
	answer(fd, "HTTP/1.1 401 Who?\r\nContent-Length: 0\r\n\r\n");
}

static void be_sick(int fd)
{
	answer(fd, "HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\n\r\n");
}

static void stop_midway(int fd)
{
	answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
	never_end(fd);
}

static void send_forever(int fd, const char *start, const char *line)
{
	answer(fd, start);
	while (send(fd, line, strlen(line), MSG_NOSIGNAL) > 0)
		;
}

static void flood_headers(int fd)
{
	send_forever(fd, "HTTP/1.1 200 OK\r\n", "X-Much: more\r\n");
}

static void flood_body(int fd)
{
	send_forever(fd, "HTTP/1.1 200 OK\r\n\r\n", "more and more and more and more\n");
}

/* A question of two paths. */
static void ask(const struct fixture *f, uint32_t id, uint32_t status)
{
	struct check_web order = { .kind = CHECK_WEB, .id = id };

	strcpy(order.web.host, "outlook.example.com");
	strcpy(order.web.path[0], "/owa");
	strcpy(order.web.path[1], "/ews");
	order.web.paths = 2;
	order.web.status = status;
	assert_int_equal(send(f->fd, &order, sizeof(order), 0), sizeof(order));
}

/* A web server in all its moods, and a polite one beside them that waits for none. */
static void test_web(void **state)
{
	static const struct {
		void (*server)(int fd);
		uint32_t web;
		enum health_outcome outcome;
		enum health_step step;
	} cases[] = {
		{ be_well, 0, HEALTH_OK, HEALTH_STEP_ANSWER },
		{ ask_name, 0, HEALTH_OK, HEALTH_STEP_ANSWER },
		{ ask_name, 1, HEALTH_BAD_STATUS, HEALTH_STEP_ANSWER },
		{ be_sick, 0, HEALTH_BAD_STATUS, HEALTH_STEP_ANSWER },
		{ stop_midway, 0, HEALTH_HUNG, HEALTH_STEP_ANSWER },
		{ never_end, 0, HEALTH_HUNG, HEALTH_STEP_ANSWER },
		{ flood_headers, 0, HEALTH_NO_HTTP, HEALTH_STEP_ANSWER },
		{ flood_body, 0, HEALTH_OK, HEALTH_STEP_ANSWER },
		{ flood, 0, HEALTH_NO_HTTP, HEALTH_STEP_ANSWER },
		{ dribble, 0, HEALTH_NO_HTTP, HEALTH_STEP_ANSWER },
		{ greet, 0, HEALTH_NO_HTTP, HEALTH_STEP_ANSWER },
		{ reset_it, 0, HEALTH_REFUSED, HEALTH_STEP_ANSWER },
		{ be_well, CHECK_NO_WEB, HEALTH_FAULT, HEALTH_STEP_CONNECT },
	};
	enum { CASES = sizeof(cases) / sizeof(cases[0]) };
	struct check_order reset = { .kind = CHECK_RESET, .id = 1 }, orders[CASES + 1];
	int listening, slow = 0;
	pid_t pid[CASES];
	uint16_t port;

	orders[CASES] = probe_of(CASES, make_socket(&listening, 256));
	for (uint32_t i = 0; i < CASES; i++) {
		pid[i] = serve(&port, cases[i].server);
		orders[i] = probe_of(i, port);
		orders[i].probe = HEALTH_HTTP;
		orders[i].web = cases[i].web;
		orders[i].interval_ms = orders[i].timeout_ms = 400;
	}
	order(*state, &reset, 1);
	ask(*state, 0, 0);
	ask(*state, 1, 200);
	order(*state, orders, CASES + 1);
	for (uint32_t i = 0; i < CASES; i++)
		for (int round = 0; round < 2; round++) {
			struct check_report report = await(*state, 1, i);

			if (report.outcome != cases[i].outcome)
				fail_msg("case %u: outcome %u", i, report.outcome);
			/* A reset may come before the connection is known to be one. */
			if (cases[i].server != reset_it)
				assert_int_equal(report.trace.step, cases[i].step);
		}
	for (int round = 0; round < 10; round++)
		slow += await(*state, 1, CASES).latency_us > 200000;
	assert_true(slow <= 7); /* a probe that waits for others would be slow each time */
	for (uint32_t i = 0; i < CASES; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	close(listening);
}

/* Which path it was, and what it said. */
static void test_paths(void **state)
{
	struct check_order orders[] = { { .kind = CHECK_RESET, .id = 1 }, probe_of(0, 0) };
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct check_report report;
	int listening, fd;

	orders[1] = probe_of(0, make_socket(&listening, 16));
	setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	orders[1].probe = HEALTH_HTTP;
	orders[1].web = 0;
	orders[1].timeout_ms = PATIENCE_MS;
	order(*state, orders, 1);
	ask(*state, 0, 0);
	order(*state, orders + 1, 1);
	fd = accept(listening, NULL, NULL);
	be_well(fd);
	close(fd);
	fd = accept(listening, NULL, NULL);
	be_sick(fd);
	close(fd);
	report = await(*state, 1, 0);
	assert_int_equal(report.outcome, HEALTH_BAD_STATUS);
	assert_int_equal(report.trace.path, 1);
	assert_int_equal(report.trace.status, 503);
	assert_true(report.trace.step_us[HEALTH_STEP_CONNECT] > 0);
	assert_true(report.trace.step_us[HEALTH_STEP_ANSWER] > 0);
	close(listening);
}

/* A question that is none is not taken, and then there is none. */
static void test_bad_question(void **state)
{
	struct check_order orders[] = { { .kind = CHECK_RESET, .id = 1 }, probe_of(0, 1) };
	struct check_web bad[3] = { { .kind = CHECK_WEB, .id = 0 } };
	struct fixture *f = *state;

	bad[1] = bad[2] = bad[0];
	bad[0].web.paths = HEALTH_PATHS + 1;
	bad[1].web.paths = 1;
	memset(bad[1].web.path[0], 'x', HEALTH_WORD);
	bad[2].id = HEALTH_MAX_TARGETS;
	bad[2].web.paths = 1;
	orders[1].probe = HEALTH_HTTPS;
	orders[1].web = 0;
	order(f, orders, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send(f->fd, &bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
	order(f, orders + 1, 1);
	assert_int_equal(await(f, 1, 0).outcome, HEALTH_FAULT);
}

/* Where the kernel lends a socket for it. */
static void test_ping(void **state)
{
	struct check_order orders[] = { { .kind = CHECK_RESET, .id = 1 },
					probe_of(0, 0),
					probe_of(1, 0) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
	uint32_t good = fd >= 0 ? HEALTH_OK : HEALTH_FAULT;

	if (fd >= 0)
		close(fd);
	orders[1].probe = orders[2].probe = HEALTH_PING;
	orders[2].addr = (struct flow_ip){ { 0, 0, 0, htonl(1) } };
	order(*state, orders, 3);
	for (int round = 0; round < 3; round++)
		assert_int_equal(await(*state, 1, 0).outcome, good);
	await(*state, 1, 1); /* there may be no IPv6, but there is an end */
}

/* After a first failure the next probe does not wait for the interval; the one after it does. */
static void test_recheck(void **state)
{
	struct check_order orders[] = { { .kind = CHECK_RESET, .id = 1 },
					probe_of(0, 0),
					probe_of(1, 0) };
	int deaf, listening, others = 0;

	orders[1] = probe_of(0, make_socket(&deaf, -1));
	orders[1].interval_ms = 3600000;
	orders[1].recheck_ms = 20;
	orders[2] = probe_of(1, make_socket(&listening, 16));
	order(*state, orders, 3);
	assert_int_equal(await(*state, 1, 0).outcome, HEALTH_REFUSED);
	assert_int_equal(await(*state, 1, 0).outcome, HEALTH_REFUSED);
	while (others < 10) {
		struct check_report report;
		struct fixture *f = *state;

		assert_int_equal(recv(f->fd, &report, sizeof(report), 0), sizeof(report));
		assert_int_not_equal(report.id, 0);
		others += report.id == 1;
	}
	close(deaf);
	close(listening);
}

static void test_report_valid(void **state)
{
	static const struct {
		uint32_t generation, id, outcome;
		uint16_t interface;
		bool valid;
	} cases[] = {
		{ 3, 0, HEALTH_OK, 0, true },           { 3, 9, HEALTH_FAULT, 0, true },
		{ 2, 0, HEALTH_OK, 0, false },          { 3, 10, HEALTH_OK, 0, false },
		{ 3, UINT32_MAX, HEALTH_OK, 0, false }, { 3, 0, HEALTH_UNKNOWN, 0, false },
		{ 3, 0, HEALTH_OUTCOMES, 0, false },    { 3, 0, UINT32_MAX, 0, false },
		{ 3, 0, HEALTH_OK, RPCIF_MAX, true },   { 3, 0, HEALTH_OK, RPCIF_MAX + 1, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct check_report report = { .generation = cases[i].generation,
					       .id = cases[i].id,
					       .outcome = cases[i].outcome,
					       .trace = { .interface = cases[i].interface } };

		assert_int_equal(check_report_valid(&report, 3, 10), cases[i].valid);
		report.trace.path = HEALTH_PATHS;
		assert_false(check_report_valid(&report, 3, 10));
		report.trace.path = 0;
		report.trace.step = HEALTH_STEPS;
		assert_false(check_report_valid(&report, 3, 10));
	}
}

static void test_errno(void **state)
{
	static const struct {
		int error;
		enum health_outcome outcome;
	} cases[] = {
		{ 0, HEALTH_OK },
		{ ECONNREFUSED, HEALTH_REFUSED },
		{ ECONNRESET, HEALTH_REFUSED },
		{ ETIMEDOUT, HEALTH_TIMEOUT },
		{ EHOSTUNREACH, HEALTH_UNREACHABLE },
		{ ENETUNREACH, HEALTH_UNREACHABLE },
		{ EMFILE, HEALTH_FAULT },
		{ EADDRNOTAVAIL, HEALTH_FAULT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(probe_outcome(cases[i].error), cases[i].outcome);
}

/* Every kind dials through the same door. */
static void test_ipv6(void **state)
{
	const struct flow_ip loopback = { { 0, 0, 0, htonl(1) } };
	const struct flow_ip nobody = { { htonl(0x01000000), 0, 0, htonl(1) } }; /* RFC 6666 */
	int listening, deaf;
	struct check_order orders[] = {
		{ .kind = CHECK_RESET, .id = 7 },
		probe_of(0, make_socket6(&listening, 16)),
		probe_of(1, make_socket6(&deaf, -1)),
		probe_of(2, 0),
	};

	if (!orders[1].port)
		skip();
	orders[3].port = orders[2].port;
	orders[3].probe = HEALTH_SMTP;
	orders[1].addr = orders[2].addr = orders[3].addr = loopback;
	order(*state, orders, 4);
	assert_int_equal(await(*state, 7, 0).outcome, HEALTH_OK);
	assert_int_equal(await(*state, 7, 1).outcome, HEALTH_REFUSED);
	assert_int_equal(await(*state, 7, 2).outcome, HEALTH_REFUSED);
	/* The same port of the other family is another server, and so is another address. */
	orders[2].port = orders[1].port;
	orders[1].addr = flow_ip4(htonl(INADDR_LOOPBACK));
	orders[2].addr = nobody;
	orders[0].id = 8;
	order(*state, orders, 3);
	assert_int_equal(await(*state, 8, 0).outcome, HEALTH_REFUSED);
	assert_int_not_equal(await(*state, 8, 1).outcome, HEALTH_OK);
	close(listening);
	close(deaf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outcomes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_web, setup, teardown),
		cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_question, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ping, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recheck, setup, teardown),
		cmocka_unit_test(test_report_valid),
		cmocka_unit_test(test_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
