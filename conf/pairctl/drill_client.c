// SPDX-License-Identifier: BSD-2-Clause
/* Canaries of another host: a command that is started there, and the lines that it prints. */
#include "conf/pairctl/canary.h"
#include "conf/pairctl/canary_talk.h"
#include "conf/pairctl/drill.h"
#include "conf/pairctl/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 64, ARGUMENTS = WORDS + 10, OPEN_MS = 15000, END_MS = 2000 };

/* --- start ------------------------------------------------------------------------------------ */

/* The words of --canary-from, without a shell; false: too many. */
static bool split(char *text, char **word, size_t *words)
{
	char *state, *next = strtok_r(text, " \t", &state);

	for (*words = 0; next && *words < WORDS; next = strtok_r(NULL, " \t", &state))
		word[(*words)++] = next;
	return !next;
}

/* Does not return.  A ^C at the terminal is for the drill, which then ends this in order. */
static void become(char **argv, int out)
{
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	execvp(argv[0], argv);
	fprintf(stderr, "pairctl: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static char *launch(struct drill_client *client, char **argv)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return text_format("no pipe: %s", strerror(errno));
	client->pid = fork();
	if (client->pid == 0)
		become(argv, ends[1]);
	close(ends[1]);
	client->fd = ends[0];
	if (client->pid > 0)
		return NULL;
	client->pid = 0;
	close(ends[0]);
	return text_format("no process for the canaries: %s", strerror(errno));
}

/* Until all sessions are open. */
static char *await_open(struct drill_client *client)
{
	uint64_t until = drill_now_ms() + OPEN_MS;
	char *why;

	while (drill_now_ms() < until && drill_client_wait(client, 100))
		if (client->heard && client->last.open == client->wanted && !client->last.lost)
			return NULL;
	if (client->ended)
		why = text_format("the canaries have ended at once");
	else if (!client->heard)
		why = text_format("the canaries say nothing");
	else
		why = text_format("only %u of %u canary sessions to %s could be opened",
				  client->last.open, client->wanted, client->asked);
	drill_client_stop(client);
	return why;
}

char *drill_client_start(struct drill_client *client, const struct pairctl *ctl, const char *vip,
			 uint32_t number)
{
	static char pairctl[] = "pairctl", canary[] = "canary", to[] = "--to", kind[] = "--kind",
		    sessions[] = "-n";
	char *from = text_format("%s", ctl->canary_from), *why, *argv[ARGUMENTS], digits[16];
	char *target = text_format("%s", ctl->to ? ctl->to : vip);
	struct canary_target read = { .port = 0 };
	size_t n;

	*client = (struct drill_client){ .fd = -1, .wanted = number };
	snprintf(digits, sizeof(digits), "%u", number);
	canary_target_read(target, &read);
	if (!split(from, argv, &n)) {
		free(from);
		free(target);
		return text_format("--canary-from has too many words");
	}
	client->asked = text_format("%s from: %s", target, ctl->canary_from);
	argv[n++] = pairctl;
	argv[n++] = canary;
	argv[n++] = to;
	argv[n++] = target;
	argv[n++] = kind;
	argv[n++] =
		(char *)(uintptr_t)(ctl->canary_kind
					    ? ctl->canary_kind
					    : canary_kind_names[canary_kind_of_port(read.port)]);
	argv[n++] = sessions;
	argv[n++] = digits;
	argv[n] = NULL;
	why = launch(client, argv);
	free(from);
	free(target);
	return why ? why : await_open(client);
}

/* --- what they say ---------------------------------------------------------------------------- */

static void hear_line(struct drill_client *client, const char *text)
{
	struct canary_line line;

	if (!canary_line_read(text, &line))
		return;
	client->heard = true;
	client->last = line;
	if (line.gap_ms > client->gap_ms)
		client->gap_ms = line.gap_ms;
	if (line.stall_ms > client->stall_ms)
		client->stall_ms = line.stall_ms;
}

/* A line that is longer than any of ours is thrown away in parts, of which none reads as one. */
static void hear(struct drill_client *client)
{
	char *line = client->text, *end;
	ssize_t got = read(client->fd, client->text + client->filled,
			   sizeof(client->text) - client->filled - 1);

	if (got < 0 && errno == EINTR)
		return;
	if (got <= 0) {
		client->ended = true;
		return;
	}
	client->filled += (size_t)got;
	client->text[client->filled] = '\0';
	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		hear_line(client, line);
	}
	client->filled -= (size_t)(line - client->text);
	memmove(client->text, line, client->filled);
	if (client->filled == sizeof(client->text) - 1)
		client->filled = 0;
}

bool drill_client_wait(struct drill_client *client, int ms)
{
	struct pollfd entry = { .fd = client->pid ? client->fd : -1, .events = POLLIN };
	uint64_t until = drill_now_ms() + (uint64_t)ms, now = until - (uint64_t)ms;

	while (now < until && !client->ended) {
		int ready = poll(&entry, 1, (int)(until - now));

		if (ready > 0)
			hear(client);
		else if (ready < 0)
			break;
		now = drill_now_ms();
	}
	return !client->ended;
}

void drill_client_mark(struct drill_client *client)
{
	client->gap_ms = client->stall_ms = 0;
	client->lost = client->last.lost;
}

void drill_client_stop(struct drill_client *client)
{
	uint64_t until = drill_now_ms() + END_MS;

	free(client->asked);
	client->asked = NULL;
	if (!client->pid)
		return;
	kill(client->pid, SIGTERM);
	while (drill_now_ms() < until && drill_client_wait(client, 50))
		;
	kill(client->pid, SIGKILL);
	waitpid(client->pid, NULL, 0);
	close(client->fd);
	client->pid = 0;
}
