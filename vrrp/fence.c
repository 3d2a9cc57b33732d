// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/fence.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conf/log.h"

struct order {
	uint64_t id; /* 0: stop what runs */
};

struct outcome {
	uint64_t id;
	int status; /* as of waitpid(); or -errno: it could not be run, or took too long */
};

/* --- the helper ------------------------------------------------------------------------------- */

static pid_t spawn(const struct fence_command *command)
{
	char *const argv[] = { (char *)(uintptr_t)command->path, (char *)(uintptr_t)command->name,
			       (char *)(uintptr_t)command->address, NULL };
	char *const env[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
	pid_t pid = fork();

	if (pid)
		return pid;
	setpgid(0, 0);
	execve(command->path, argv, env);
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for the end of the command, the end of its time, or a word of vrrpd, which ends it too. */
static int attend(int fd, pid_t pid, unsigned int timeout_ms)
{
	struct pollfd wait[2] = { { .fd = fd, .events = POLLIN }, { .events = POLLIN } };
	int64_t end = now_ms() + timeout_ms, left;
	int status = 0, got;

	wait[1].fd = (int)syscall(SYS_pidfd_open, pid, 0);
	do {
		left = end - now_ms();
		got = left > 0 ? poll(wait, 2, (int)left) : 0;
	} while (got < 0 && errno == EINTR);
	if (wait[1].fd >= 0)
		close(wait[1].fd);
	if (got > 0 && wait[1].revents & POLLIN) {
		waitpid(pid, &status, 0);
		return status;
	}
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL); /* it may not have reached its setpgid() */
	waitpid(pid, &status, 0);
	return got > 0 ? -ECANCELED : -ETIMEDOUT;
}

static void help(int fd, const struct fence_command *command)
{
	struct outcome outcome;
	struct order order;
	pid_t pid;

	while (recv(fd, &order, sizeof(order), 0) == sizeof(order)) {
		if (!order.id)
			continue;
		outcome.id = order.id;
		pid = spawn(command);
		outcome.status = pid < 0 ? -errno : attend(fd, pid, command->timeout_ms);
		send(fd, &outcome, sizeof(outcome), MSG_NOSIGNAL);
	}
	_exit(0);
}

int fence_open(struct fence *fence, const struct fence_command *command)
{
	int pair[2];
	pid_t pid;

	*fence = (struct fence){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pid = fork();
	if (pid < 0) {
		close(pair[0]);
		close(pair[1]);
		return -errno;
	}
	if (!pid) {
		/* Nothing of vrrpd's but its log. */
		if (dup2(pair[1], STDIN_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0u, 0))
			_exit(126);
		help(STDIN_FILENO, command);
	}
	close(pair[1]);
	fence->fd = pair[0];
	return 0;
}

/* --- vrrpd ------------------------------------------------------------------------------------ */

static void note(struct fence *fence, const struct outcome *outcome)
{
	char *text = fence->last;
	size_t size = sizeof(fence->last);
	int status = outcome->status;

	if (status == -ETIMEDOUT)
		snprintf(text, size, "failed: it took too long");
	else if (status < 0)
		snprintf(text, size, "failed: %s", strerror(-status));
	else if (WIFSIGNALED(status))
		snprintf(text, size, "failed: killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == 127)
		snprintf(text, size, "failed: it cannot be run");
	else if (WEXITSTATUS(status))
		snprintf(text, size, "failed: exit status %d", WEXITSTATUS(status));
	else
		snprintf(text, size, "done");
	if (status)
		log_error("fence command: %s", text);
	else
		log_warning("fence command: %s", text);
}

static void on_outcome(struct ev_loop *loop, ev_io *io, int events)
{
	struct fence *fence = io->data;
	struct outcome outcome;
	ssize_t got = recv(fence->fd, &outcome, sizeof(outcome), MSG_DONTWAIT);

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got != sizeof(outcome)) {
		log_error("the fence helper is gone: nothing can be fenced until vrrpd restarts");
		snprintf(fence->last, sizeof(fence->last), "failed: the helper is gone");
		ev_io_stop(loop, io);
		close(fence->fd);
		fence->fd = -1;
		return;
	}
	if (outcome.id != fence->running)
		return;
	fence->running = 0;
	note(fence, &outcome);
	fence->result(fence->arg, outcome.id, outcome.status == 0);
}

void fence_start(struct fence *fence, struct ev_loop *loop,
		 void (*result)(void *arg, uint64_t id, bool done), void *arg)
{
	if (fence->fd < 0)
		return;
	fence->loop = loop;
	fence->result = result;
	fence->arg = arg;
	ev_io_init(&fence->io, on_outcome, fence->fd, EV_READ);
	fence->io.data = fence;
	ev_io_start(loop, &fence->io);
}

void fence_close(struct fence *fence)
{
	if (fence->fd < 0)
		return;
	if (fence->loop)
		ev_io_stop(fence->loop, &fence->io);
	close(fence->fd);
	fence->fd = -1;
}

static bool say(struct fence *fence, uint64_t id)
{
	const struct order order = { .id = id };

	return fence->fd >= 0 &&
	       send(fence->fd, &order, sizeof(order), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(order);
}

void fence_run(struct fence *fence, uint64_t id)
{
	fence_cancel(fence);
	log_warning("both paths to the peer are silent: running the fence command");
	fence->running = id;
	if (!say(fence, id))
		log_error("the fence helper does not answer");
}

void fence_cancel(struct fence *fence)
{
	if (!fence->running)
		return;
	fence->running = 0;
	log_warning("the fence command is not needed any more");
	snprintf(fence->last, sizeof(fence->last), "cancelled");
	say(fence, 0);
}
