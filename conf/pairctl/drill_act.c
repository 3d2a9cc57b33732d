// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a drill does to this node.  Nothing of it needs pairctl to live: who is killed is started by
 * init, who is stopped goes on by a guardian's hand, and syncd itself opens the channel again.
 */
#include "conf/ctl.h"
#include "conf/pairctl/drill.h"
#include "conf/pairctl/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAILOVER_WAIT_MS = 30000 };

uint64_t drill_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- processes -------------------------------------------------------------------------------- */

static pid_t pid_of(const struct pairctl *ctl, size_t daemon)
{
	char path[PAIRCTL_PATH];

	snprintf(path, sizeof(path), "%s/%s.sock", ctl->run_dir, drill_daemons[daemon]);
	return ctl_pid(path);
}

/*
 * A handle of the daemon: once it is open, the number cannot become another process's.  That it
 * still listens behind that says that it was the daemon's all the time.
 */
static int open_daemon(const struct pairctl *ctl, size_t daemon, pid_t *pid)
{
	int fd, error;

	*pid = pid_of(ctl, daemon);
	if (*pid < 0)
		return *pid;
	fd = pidfd_open(*pid, 0);
	if (fd < 0)
		return -errno;
	if (pid_of(ctl, daemon) != *pid)
		error = -ESRCH;
	else if (pidfd_send_signal(fd, 0, NULL, 0) < 0)
		error = -errno;
	else
		return fd;
	close(fd);
	return error;
}

static char *cannot_signal(size_t daemon, int error)
{
	return text_format("cannot signal %s of this node: %s", drill_daemons[daemon],
			   error == -EPERM ? "only root may" : strerror(-error));
}

char *drill_may_signal(const struct pairctl *ctl)
{
	for (size_t i = 0; i < DRILL_DAEMONS; i++) {
		pid_t pid;
		int fd = open_daemon(ctl, i, &pid);

		/* Who does not answer at all is told by status. */
		if (fd == -EPERM)
			return cannot_signal(i, fd);
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

/* All are looked up first: the kills come as close to each other as they can. */
static char *kill_daemons(struct drill_act *act, uint8_t victims)
{
	int fd[DRILL_DAEMONS] = { -1, -1, -1 };
	char *why = NULL;

	for (size_t i = 0; i < DRILL_DAEMONS && !why; i++) {
		if (!(victims >> i & 1))
			continue;
		fd[i] = open_daemon(act->ctl, i, &act->before[i]);
		if (fd[i] < 0) {
			act->before[i] = 0;
			why = cannot_signal(i, fd[i]);
		}
	}
	for (size_t i = 0; i < DRILL_DAEMONS; i++) {
		if (fd[i] < 0)
			continue;
		if (!why && pidfd_send_signal(fd[i], SIGKILL, NULL, 0) < 0)
			why = cannot_signal(i, -errno);
		close(fd[i]);
	}
	return why;
}

/* The lock of the drill and the canaries are not a guardian's to hold. */
static void keep_only(int a, int b)
{
	unsigned int low = (unsigned int)(a < b ? a : b), high = (unsigned int)(a < b ? b : a);

	if (low > 3)
		close_range(3, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0u, 0);
}

/* Lives as long as the pause or the pipe, whichever ends first, and no signal of a terminal ends
 * it. */
static void guard(int daemon, int pipe)
{
	struct pollfd end = { .fd = pipe, .events = POLLIN };

	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	keep_only(daemon, pipe);
	poll(&end, 1, DRILL_PAUSE_MS);
	pidfd_send_signal(daemon, SIGCONT, NULL, 0);
	_exit(0);
}

static char *stop_daemon(struct drill_act *act, size_t daemon)
{
	int ends[2], fd;
	pid_t pid;
	char *why = NULL;

	fd = open_daemon(act->ctl, daemon, &pid);
	if (fd < 0)
		return cannot_signal(daemon, fd);
	if (pipe2(ends, O_CLOEXEC) < 0) {
		close(fd);
		return text_format("no pipe: %s", strerror(errno));
	}
	act->guardian = fork();
	if (act->guardian == 0) {
		close(ends[1]);
		guard(fd, ends[0]);
	}
	close(ends[0]);
	act->guard = ends[1];
	act->until_ms = drill_now_ms() + DRILL_PAUSE_MS;
	/* Without a guardian nobody is stopped. */
	if (act->guardian < 0)
		why = text_format("no guardian process: %s", strerror(errno));
	else if (pidfd_send_signal(fd, SIGSTOP, NULL, 0) < 0)
		why = cannot_signal(daemon, -errno);
	close(fd);
	return why;
}

/* --- asked of the daemons --------------------------------------------------------------------- */

/* NULL and the answer, or what went wrong. */
static char *ask(const struct pairctl *ctl, const struct question *question, Cas__Message **answer)
{
	char text[PAIRCTL_PATH + 128], *why = NULL;
	int error = ask_daemon(ctl, question, answer);

	if (error < 0) {
		ask_explain(ctl, question->daemon, error, text, sizeof(text));
		return text_format("%s", text);
	}
	if ((*answer)->error)
		why = text_format("%s: %s", question->daemon, (*answer)->error);
	if (why) {
		cas__message__free_unpacked(*answer, NULL);
		*answer = NULL;
	}
	return why;
}

static char *hold_channel(const struct pairctl *ctl, uint32_t ms)
{
	Cas__HoldRequest request = CAS__HOLD_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer = NULL;
	struct question question = { "syncd", &message, PAIRCTL_WAIT_MS };
	char *why;

	request.ms = ms;
	message.hold = &request;
	why = ask(ctl, &question, &answer);
	if (!why && !answer->hold_reply)
		why = text_format("syncd did not say that it holds the channel");
	cas__message__free_unpacked(answer, NULL);
	return why;
}

char *drill_hand_over(const struct pairctl *ctl, bool back, double *blackout_ms)
{
	Cas__FailoverRequest request = CAS__FAILOVER_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer = NULL;
	struct question question = { "vrrpd", &message, FAILOVER_WAIT_MS };
	char *why;

	request.has_back = request.back = back;
	message.failover = &request;
	why = ask(ctl, &question, &answer);
	if (!why && !answer->failover_reply)
		why = text_format("vrrpd did not say what happened");
	else if (!why && blackout_ms)
		*blackout_ms = answer->failover_reply->blackout_ms;
	cas__message__free_unpacked(answer, NULL);
	return why;
}

/* --- begin, over, restore --------------------------------------------------------------------- */

char *drill_act_begin(struct drill_act *act, const struct pairctl *ctl, enum drill_kind kind)
{
	char *why;

	*act = (struct drill_act){ .ctl = ctl, .kind = kind, .guard = -1 };
	switch (kind) {
	case DRILL_CUT_SYNC:
		act->until_ms = drill_now_ms() + DRILL_PAUSE_MS;
		return hold_channel(ctl, DRILL_PAUSE_MS);
	case DRILL_STOP_SYNCD:
		return stop_daemon(act, DRILL_SYNCD);
	case DRILL_STOP_VRRPD:
		return stop_daemon(act, DRILL_VRRPD);
	case DRILL_FAILOVER:
		why = drill_hand_over(ctl, false, &act->handover_ms);
		act->handed = !why;
		return why;
	case DRILL_BY_HAND:
		return NULL;
	default:
		return kill_daemons(act, drill_kinds[kind].victims);
	}
}

bool drill_act_over(const struct drill_act *act)
{
	for (size_t i = 0; i < DRILL_DAEMONS; i++) {
		pid_t now = act->before[i] ? pid_of(act->ctl, i) : 0;

		if (act->before[i] && (now < 0 || now == act->before[i]))
			return false;
	}
	return drill_now_ms() >= act->until_ms;
}

static bool is_missing(const struct drill_act *act, size_t daemon)
{
	return act->before[daemon] && pid_of(act->ctl, daemon) < 0;
}

void drill_act_restore(struct drill_act *act, struct drill_texts *missing)
{
	if (act->guard >= 0) {
		close(act->guard);
		act->guard = -1;
	}
	if (act->guardian > 0)
		waitpid(act->guardian, NULL, 0);
	act->guardian = 0;
	if (act->kind == DRILL_CUT_SYNC && drill_now_ms() < act->until_ms)
		free(hold_channel(act->ctl, 0));
	for (size_t i = 0; i < DRILL_DAEMONS; i++)
		if (is_missing(act, i))
			drill_say(missing, "%s was not started again: systemctl start %s",
				  drill_daemons[i], drill_daemons[i]);
}
