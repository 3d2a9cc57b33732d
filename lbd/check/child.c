// SPDX-License-Identifier: BSD-2-Clause
/*
 * One timer, one descriptor and one deadline for each target.  The first probe of a target comes
 * at once (a start should know its members within milliseconds), the second at a random point of
 * its interval, and each further one a little earlier than it is due, by chance: so many targets do
 * not fall into step, or out of it and into another.  After the first failure of a row the next
 * probe comes sooner, once.
 */
#include "lbd/check/child.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ev.h>

#include "conf/daemon.h"
#include "conf/log.h"
#include "lbd/check/name.h"
#include "lbd/check/probe.h"
#include "lbd/check/web.h"

/* What a probe may come too early, as a part of the interval. */
static const double jitter = 0.1;

struct job {
	struct probe probe;
	struct child *child;
	ev_timer due, deadline;
	ev_io io;
	unsigned long long began_ns; /* monotonic: a step of the clock must not move a probe */
	bool seen;                   /* had its first probe */
	bool failing;                /* the last one failed */
};

struct child {
	struct ev_loop *loop;
	struct probe_room room;
	struct health_web *web[HEALTH_MAX_TARGETS];
	struct names *names;
	int fd;
	ev_io orders;
	ev_timer alive;
	struct job *job[HEALTH_MAX_TARGETS];
	uint32_t generation;
	uint32_t slowdown;
};

static void tell(struct child *child, const void *report, size_t size)
{
	/* When lbd does not read, a result more or less is no loss: the next probe says it again.
	 */
	if (send(child->fd, report, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno != EAGAIN && errno != ENOBUFS)
		ev_break(child->loop, EVBREAK_ALL);
}

static double took(const struct job *job)
{
	return (double)(daemon_now_ns() - job->began_ns) / 1e9;
}

/* Seconds until the next probe. */
static double pause_of(const struct job *job, bool first_failure)
{
	const struct check_order *order = &job->probe.order;
	double interval = (double)order->interval_ms / 1000.0 * job->child->slowdown;

	if (first_failure && order->recheck_ms)
		return (double)order->recheck_ms / 1000.0 * job->child->slowdown;
	if (!job->seen)
		return interval * drand48();
	return interval * (1 - jitter * drand48()) - took(job);
}

static void rest(struct job *job, enum health_outcome outcome)
{
	struct ev_loop *loop = job->child->loop;
	bool bad = health_is_bad(outcome);
	double pause = pause_of(job, bad && !job->failing);

	job->seen = true;
	job->failing = bad;
	ev_timer_set(&job->due, pause > 0.001 ? pause : 0.001, 0.);
	ev_timer_start(loop, &job->due);
}

static void stop(struct job *job)
{
	ev_io_stop(job->child->loop, &job->io);
	ev_timer_stop(job->child->loop, &job->deadline);
	ev_timer_stop(job->child->loop, &job->due);
	if (job->probe.ops->stop)
		job->probe.ops->stop(&job->probe);
	if (job->probe.fd >= 0)
		close(job->probe.fd);
	job->probe.fd = -1;
}

static void finish(struct job *job, enum health_outcome outcome)
{
	double seconds = took(job);
	struct check_report report = {
		.generation = job->child->generation,
		.id = job->probe.order.id,
		.outcome = outcome,
		.latency_us = seconds < 3600 ? (uint32_t)(seconds * 1e6) : 0,
	};

	if (job->probe.mark_us)
		probe_enter(&job->probe, (enum health_step)job->probe.trace.step);
	report.trace = job->probe.trace;
	stop(job);
	tell(job->child, &report, sizeof(report));
	rest(job, outcome);
}

static void on_done(struct probe *probe, enum health_outcome outcome)
{
	finish(probe->owner, outcome);
}

static void await(struct job *job)
{
	if (job->probe.fd < 0)
		return; /* it watches by itself, and says when it is done */
	ev_io_set(&job->io, job->probe.fd, job->probe.events);
	ev_io_start(job->child->loop, &job->io);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
	struct job *job = io->data;
	enum health_outcome outcome;

	(void)events;
	ev_io_stop(loop, io); /* before the probe may close its descriptor */
	outcome = job->probe.ops->ready(&job->probe);
	if (outcome == HEALTH_UNKNOWN)
		await(job);
	else
		finish(job, outcome);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct job *job = timer->data;

	(void)loop;
	(void)events;
	finish(job, job->probe.ops->late ? job->probe.ops->late(&job->probe) : HEALTH_TIMEOUT);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct job *job = timer->data;
	enum health_outcome outcome;

	(void)events;
	ev_now_update(loop);
	job->began_ns = daemon_now_ns();
	job->probe.trace = (struct health_trace){ .step = HEALTH_STEP_CONNECT };
	job->probe.mark_us = probe_now_us();
	outcome = job->probe.ops->start(&job->probe);
	if (outcome != HEALTH_UNKNOWN) {
		finish(job, outcome);
		return;
	}
	await(job);
	ev_timer_set(&job->deadline, (double)job->probe.order.timeout_ms / 1000.0, 0.);
	ev_timer_start(loop, &job->deadline);
}

static void reset(struct child *child, uint32_t generation)
{
	for (size_t i = 0; i < HEALTH_MAX_TARGETS; i++) {
		if (!child->job[i])
			continue;
		stop(child->job[i]);
		free(child->job[i]->probe.state);
		free(child->job[i]);
		child->job[i] = NULL;
	}
	for (size_t i = 0; i < HEALTH_MAX_TARGETS; i++) {
		free(child->web[i]);
		child->web[i] = NULL;
	}
	names_forget(child->names);
	child->generation = generation;
}

static struct job *new_job(const struct check_order *order)
{
	static const struct probe_ops *const kinds[HEALTH_KINDS] = {
		[HEALTH_TCP] = &probe_tcp,        [HEALTH_RPC] = &probe_rpc,
		[HEALTH_SMTP] = &probe_mail,      [HEALTH_IMAP] = &probe_mail,
		[HEALTH_POP3] = &probe_mail,      [HEALTH_IMAPS] = &probe_tls_mail,
		[HEALTH_POP3S] = &probe_tls_mail, [HEALTH_HTTP] = &probe_web,
		[HEALTH_HTTPS] = &probe_web,      [HEALTH_PING] = &probe_ping,
	};
	const struct probe_ops *ops = kinds[order->probe];
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->probe = (struct probe){ .ops = ops, .order = *order, .fd = -1 };
	if (!ops->state_bytes)
		return job;
	job->probe.state = calloc(1, ops->state_bytes);
	if (job->probe.state)
		return job;
	free(job);
	return NULL;
}

static void add(struct child *child, const struct check_order *order)
{
	struct job *job;

	if (order->id >= HEALTH_MAX_TARGETS || child->job[order->id] ||
	    order->probe >= HEALTH_VIP || order->interfaces > RPCIF_MAX)
		return; /* lbd asks for VIPs itself */
	job = new_job(order);
	if (!job)
		return;
	job->child = child;
	job->probe.owner = job;
	job->probe.room = &child->room;
	if (order->web < HEALTH_MAX_TARGETS)
		job->probe.web = child->web[order->web];
	ev_init(&job->due, on_due);
	ev_init(&job->deadline, on_deadline);
	ev_init(&job->io, on_ready);
	job->due.data = job->deadline.data = job->io.data = job;
	child->job[order->id] = job;
	ev_timer_set(&job->due, 0., 0.);
	ev_timer_start(child->loop, &job->due);
}

static void hurry(struct child *child, uint32_t id)
{
	struct job *job = id < HEALTH_MAX_TARGETS ? child->job[id] : NULL;

	if (!job || !ev_is_active(&job->due))
		return;
	ev_timer_stop(child->loop, &job->due);
	ev_timer_set(&job->due, 0., 0.);
	ev_timer_start(child->loop, &job->due);
}

static void obey(struct child *child, const struct check_order *order)
{
	switch (order->kind) {
	case CHECK_RESET:
		reset(child, order->id);
		break;
	case CHECK_TARGET:
		add(child, order);
		break;
	case CHECK_SLOWDOWN:
		child->slowdown = order->interval_ms ? order->interval_ms : 1;
		break;
	case CHECK_NOW:
		hurry(child, order->id);
		break;
	default:
		log_warning("check child: unknown order %u", order->kind);
	}
}

static bool is_text(const char word[HEALTH_WORD])
{
	return memchr(word, '\0', HEALTH_WORD);
}

/* The questions come before the targets that ask them. */
static void learn(struct child *child, const struct check_web *order)
{
	const struct health_web *web = &order->web;
	bool good = order->id < HEALTH_MAX_TARGETS && !child->web[order->id] && web->paths &&
		    web->paths <= HEALTH_PATHS && is_text(web->host) && is_text(web->ca_file);

	for (uint32_t i = 0; good && i < web->paths; i++)
		good = is_text(web->path[i]);
	if (!good || !(child->web[order->id] = malloc(sizeof(*web))))
		return;
	*child->web[order->id] = *web;
}

static void on_answer(void *arg, uint32_t id, const struct fqdn_answer answer[FLOW_FAMILIES])
{
	struct child *child = arg;
	struct check_name_report report = { .generation = child->generation, .id = id };

	memcpy(report.answer, answer, sizeof(report.answer));
	tell(child, &report, sizeof(report));
}

static void learn_name(struct child *child, const struct check_name *order)
{
	if (!child->names)
		child->names = names_open(child->loop, on_answer, child);
	if (child->names && is_text(order->name))
		names_add(child->names, order);
}

static void on_orders(struct ev_loop *loop, ev_io *io, int events)
{
	union {
		struct check_order order[CHECK_BATCH];
		struct check_web web;
		struct check_name name;
	} come;
	ssize_t got = recv(io->fd, &come, sizeof(come), MSG_DONTWAIT);

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		ev_break(loop, EVBREAK_ALL); /* lbd has gone */
		return;
	}
	if (got == sizeof(come.web) && come.web.kind == CHECK_WEB) {
		learn(io->data, &come.web);
		return;
	}
	if (got == sizeof(come.name) && come.name.kind == CHECK_NAME) {
		learn_name(io->data, &come.name);
		return;
	}
	for (size_t i = 0; i < (size_t)got / sizeof(come.order[0]); i++)
		obey(io->data, &come.order[i]);
}

static void on_alive(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct child *child = timer->data;
	struct check_report report = { .generation = child->generation, .id = UINT32_MAX };

	(void)loop;
	(void)events;
	tell(child, &report, sizeof(report));
}

/* A stop that goes to the whole group is lbd's business: the end of the socket ends this. */
static void ignore_signals(void)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

/* The unit's own user where there is one, else nobody. */
static int drop_rights(void)
{
	const struct passwd *user = getpwnam("caspair-check");
	uid_t uid = user ? user->pw_uid : 65534;
	gid_t gid = user ? user->pw_gid : 65534;

	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_change_id((int)uid, (int)gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING))
		return -EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	return geteuid() == uid && capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE
		       ? 0
		       : -EPERM;
}

static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int check_child_run(int fd, int drop)
{
	struct child *child;
	int error;

	ignore_signals();
	raise_descriptors();
	if (drop && (error = drop_rights())) {
		log_error("check child cannot give up its rights: %s", strerror(-error));
		return 1;
	}
	child = calloc(1, sizeof(*child));
	if (!child)
		return 1;
	srand48(getpid());
	child->fd = fd;
	child->slowdown = 1;
	child->loop = ev_default_loop(EVFLAG_AUTO);
	child->room = (struct probe_room){ .loop = child->loop, .done = on_done };
	ev_io_init(&child->orders, on_orders, fd, EV_READ);
	ev_timer_init(&child->alive, on_alive, 0., CHECK_ALIVE_MS / 1000.0);
	child->orders.data = child->alive.data = child;
	ev_io_start(child->loop, &child->orders);
	ev_timer_start(child->loop, &child->alive);
	/* Probes that are due within a hundredth of a second begin together, and their answers come
	 * together: to be woken for each costs more than to ask. */
	ev_set_timeout_collect_interval(child->loop, 0.01);
	ev_run(child->loop, 0);
	reset(child, 0);
	web_close(child->room.web);
	names_close(child->names);
	free(child);
	return 0;
}
