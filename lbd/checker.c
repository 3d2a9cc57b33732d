// SPDX-License-Identifier: BSD-2-Clause
/*
 * The child is an executable of its own, not a bare fork: nothing of what lbd has in memory is in
 * it, and nothing of what it is linked with in lbd.
 */
#include "lbd/checker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/log.h"

enum { FIXED_ORDERS = 2 }; /* reset and slowdown come before the targets */

static uint32_t web_index(const struct health *health, const struct health_web *web)
{
	for (size_t i = 0; i < health->webs; i++)
		if (health->web[i] == web)
			return (uint32_t)i;
	return CHECK_NO_WEB;
}

static size_t names(const struct checker *checker)
{
	return checker->fqdn ? checker->fqdn->count : 0;
}

/* What comes before the targets: reset, slowdown, questions, names. */
static size_t before_targets(const struct checker *checker)
{
	return FIXED_ORDERS + checker->health->webs + names(checker);
}

/* All that is to be said of a generation. */
static size_t orders(const struct checker *checker)
{
	return before_targets(checker) + checker->health->probed;
}

static struct check_order order_at(const struct checker *checker, size_t index)
{
	const struct health *health = checker->health;
	const struct health_target *target;
	struct check_order order;

	if (index == 0)
		return (struct check_order){ .kind = CHECK_RESET, .id = checker->generation };
	if (index == 1)
		return (struct check_order){ .kind = CHECK_SLOWDOWN,
					     .interval_ms = checker->slowdown };
	index -= before_targets(checker);
	target = &health->target[index];
	order = (struct check_order){
		.kind = CHECK_TARGET,
		.id = (uint32_t)index,
		.addr = target->addr,
		.port = target->port,
		.interfaces = (uint16_t)target->interfaces,
		.probe = target->kind,
		.interval_ms = target->rule.interval_ms,
		.timeout_ms = target->rule.timeout_ms,
		.recheck_ms = target->rule.recheck_ms,
		.web = web_index(health, target->web),
	};
	memcpy(order.interface, target->interface, sizeof(order.interface));
	return order;
}

/* What comes alone: 1, or -1. */
static ssize_t send_alone(const struct checker *checker, const void *packet, size_t size)
{
	return send(checker->fd, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 1;
}

static ssize_t send_web(const struct checker *checker, size_t number)
{
	struct check_web web = { .kind = CHECK_WEB,
				 .id = (uint32_t)number,
				 .web = *checker->health->web[number] };

	return send_alone(checker, &web, sizeof(web));
}

static ssize_t send_name(const struct checker *checker, size_t number)
{
	const struct fqdn_question *question = &checker->fqdn->question[number];
	struct check_name name = { .kind = CHECK_NAME,
				   .id = (uint32_t)number,
				   .interval_ms = checker->fqdn->interval_ms,
				   .resolver = question->resolver };

	snprintf(name.name, sizeof(name.name), "%s", question->name);
	return send_alone(checker, &name, sizeof(name));
}

/* The next packet: a question or a name alone, or a batch of orders.  How many were sent, or -1. */
static ssize_t send_next(const struct checker *checker)
{
	size_t past = checker->told - FIXED_ORDERS, webs = checker->health->webs, count = 0;
	size_t end = checker->told < FIXED_ORDERS ? FIXED_ORDERS : orders(checker);
	struct check_order order[CHECK_BATCH];

	if (checker->told >= FIXED_ORDERS && past < webs)
		return send_web(checker, past);
	if (checker->told >= FIXED_ORDERS && past < webs + names(checker))
		return send_name(checker, past - webs);
	for (; count < CHECK_BATCH && checker->told + count < end; count++)
		order[count] = order_at(checker, checker->told + count);
	if (send(checker->fd, order, count * sizeof(*order), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -1;
	return (ssize_t)count;
}

/* Sends what has not been said yet, as far as the socket takes it. */
static void speak(struct checker *checker)
{
	int events = EV_READ;

	while (checker->told < orders(checker)) {
		ssize_t sent = send_next(checker);

		if (sent < 0) {
			events |= errno == EAGAIN ? EV_WRITE : 0;
			break;
		}
		checker->told += (size_t)sent;
	}
	ev_io_stop(checker->loop, &checker->io);
	ev_io_set(&checker->io, checker->fd, events);
	ev_io_start(checker->loop, &checker->io);
}

static void drop(struct checker *checker)
{
	if (checker->fd < 0)
		return;
	ev_io_stop(checker->loop, &checker->io);
	ev_timer_stop(checker->loop, &checker->silence);
	close(checker->fd);
	checker->fd = -1;
}

static void take(struct checker *checker, const struct check_report *report)
{
	if (check_report_valid(report, checker->generation, checker->health->probed))
		checker->report(checker->arg, report);
}

static void take_name(struct checker *checker, const struct check_name_report *report)
{
	if (check_name_report_valid(report, checker->generation, names(checker)))
		checker->name_report(checker->name_arg, report);
}

static void hear(struct checker *checker)
{
	union {
		struct check_report report;
		struct check_name_report name;
	} come;
	ssize_t got;

	/* A bound, so that a child gone wild cannot hold the loop. */
	for (int i = 0; i < 4 * CHECK_BATCH; i++) {
		got = recv(checker->fd, &come, sizeof(come), MSG_DONTWAIT);
		if (got <= 0)
			break;
		ev_timer_again(checker->loop, &checker->silence);
		if (got == sizeof(come.report))
			take(checker, &come.report);
		else if (got == sizeof(come.name))
			take_name(checker, &come.name);
	}
	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	/* Nothing more can come; on_exited() reports its end and starts another. */
	kill(checker->pid, SIGKILL);
	drop(checker);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct checker *checker = io->data;

	(void)loop;
	if (events & EV_READ)
		hear(checker);
	if (events & EV_WRITE && checker->fd >= 0)
		speak(checker);
}

static void on_silence(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct checker *checker = timer->data;

	(void)loop;
	(void)events;
	log_warning("check child says nothing for %d s: it is replaced", CHECKER_SILENT_S);
	kill(checker->pid, SIGKILL);
	drop(checker);
}

static void on_exited(struct ev_loop *loop, ev_child *child, int events)
{
	struct checker *checker = child->data;

	(void)events;
	if (WIFSIGNALED(child->rstatus))
		log_warning("check child died of signal %d: another one is started",
			    WTERMSIG(child->rstatus));
	else
		log_warning("check child left with status %d: another one is started",
			    WEXITSTATUS(child->rstatus));
	ev_child_stop(loop, child);
	drop(checker);
	checker->pid = 0;
	ev_timer_set(&checker->again, 1., 0.);
	ev_timer_start(loop, &checker->again);
}

/* In the new process: only async-signal-safe calls until exec. */
static void become_child(struct checker *checker, int fd)
{
	char *const argv[] = { (char[]){ CHECK_CHILD_NAME }, checker->build, NULL };

	signal(SIGPIPE, SIG_DFL);
	if (dup2(fd, STDIN_FILENO) < 0)
		_exit(126);
	/* By its descriptor: what has been installed meanwhile is of another build. */
	execveat(checker->program, "", argv, environ, AT_EMPTY_PATH);
	_exit(127);
}

static int spawn(struct checker *checker)
{
	int pair[2], error;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -errno;
	pid = fork();
	if (!pid)
		become_child(checker, pair[1]);
	error = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (error) {
		close(pair[0]);
		return error;
	}
	checker->pid = pid;
	checker->fd = pair[0];
	return 0;
}

static void begin(struct checker *checker)
{
	int error = spawn(checker);

	if (error) {
		log_error("check child cannot be started: %s", strerror(-error));
		ev_timer_set(&checker->again, 1., 0.);
		ev_timer_start(checker->loop, &checker->again);
		return;
	}
	/* lbd's start may have taken longer than a silence that is suffered. */
	ev_now_update(checker->loop);
	ev_child_set(&checker->exited, checker->pid, 0);
	ev_child_start(checker->loop, &checker->exited);
	ev_timer_again(checker->loop, &checker->silence);
	checker->told = 0;
	speak(checker);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	begin(timer->data);
}

/* Beside this executable. */
static int open_program(void)
{
	char path[PATH_MAX + sizeof("-check")];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
	char *slash;
	int fd;

	if (length <= 0 || length == PATH_MAX)
		return length < 0 ? -errno : -ENAMETOOLONG;
	path[length] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash ? slash + 1 : path, sizeof(CHECK_CHILD_NAME), "%s", CHECK_CHILD_NAME);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	log_error("%s: %s", path, strerror(errno));
	return -ENOENT;
}

int checker_start(struct checker *checker, struct ev_loop *loop, const struct health *health,
		  void (*report)(void *arg, const struct check_report *report), void *arg)
{
	*checker = (struct checker){
		.health = health,
		.report = report,
		.arg = arg,
		.fd = -1,
		.generation = 1,
		.slowdown = 1,
	};
	checker->program = open_program();
	if (checker->program < 0)
		return checker->program;
	check_build(checker->build);
	checker->loop = loop;
	ev_init(&checker->io, on_io);
	ev_init(&checker->exited, on_exited);
	ev_init(&checker->again, on_again);
	ev_timer_init(&checker->silence, on_silence, 0., CHECKER_SILENT_S);
	checker->io.data = checker->exited.data = checker;
	checker->again.data = checker->silence.data = checker;
	begin(checker);
	return 0;
}

void checker_stop(struct checker *checker)
{
	if (!checker->loop)
		return;
	ev_child_stop(checker->loop, &checker->exited);
	ev_timer_stop(checker->loop, &checker->again);
	close(checker->program);
	drop(checker); /* the end of its socket is the child's sign to leave */
}

void checker_names(struct checker *checker, const struct fqdn *fqdn,
		   void (*report)(void *arg, const struct check_name_report *report), void *arg)
{
	checker->fqdn = fqdn;
	checker->name_report = report;
	checker->name_arg = arg;
	if (names(checker))
		checker_targets_changed(checker);
}

void checker_targets_changed(struct checker *checker)
{
	checker->generation++;
	checker->told = 0;
	if (checker->fd >= 0)
		speak(checker);
}

void checker_slow_down(struct checker *checker, uint32_t slowdown)
{
	struct check_order order = { .kind = CHECK_SLOWDOWN, .interval_ms = slowdown };

	checker->slowdown = slowdown;
	if (checker->fd < 0 || checker->told < orders(checker))
		return; /* said with the rest, or again with the next child */
	if (send(checker->fd, &order, sizeof(order), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		checker_targets_changed(checker);
}

void checker_now(struct checker *checker, size_t target)
{
	struct check_order order = { .kind = CHECK_NOW, .id = (uint32_t)target };

	if (checker->fd < 0 || checker->told < orders(checker))
		return; /* its first probe comes at once anyway */
	if (send(checker->fd, &order, sizeof(order), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a probe comes when it is due: %s", strerror(errno));
}

bool checker_alive(const struct checker *checker)
{
	return checker->fd >= 0;
}
