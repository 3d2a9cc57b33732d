// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mail clients: each keeps a line to its mailbox and one to its address book, calls on both, and
 * when a line breaks, comes back at once by way of the endpoint mapper.
 *
 *	mapi ADDRESS SESSIONS FIRST-SOURCE SOURCES EVERY-MS
 *
 * A call that is not answered is waited for, as RPC does it, for ever.  After every third call a
 * mailbox's line has another one beside it for one call, in its association group and on its
 * handle: `joined` counts them, and `parted` those that did not get so far.
 *
 * Every 200 ms, and at the end (SIGTERM), one JSON object: `held` lines, of 2 SESSIONS; `waiting`
 * calls that are older than a second, and at which member each of them `waits`; sessions that are
 * `torn` between two members; mailbox lines at each of the `members`; and since the start or
 * SIGUSR1: `answers`, `ends` by member and reason, times of the first and the last end and of the
 * last return (wall clock, ms), how long a line was away at most, and how long an answer took at
 * most.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/casmock/client_line.h"

static const double old_s = 1.0; /* a call that waits longer is told */
static const double report_s = 0.2;

struct session {
	struct line mail, book;
	struct line joint; /* beside the mailbox's line */
};

struct crowd {
	struct client client;
	struct session *session;
	unsigned int sessions;
	struct ev_timer report;
	struct ev_signal terminate, forget;
};

/* Sessions begin one after the other, so that not all call in the same instant. */
static void session_start(struct session *session, struct crowd *crowd, unsigned int id,
			  struct in_addr source)
{
	double after_s = crowd->client.every_s * id / crowd->sessions;

	line_init(&session->mail, &crowd->client, id, false);
	line_init(&session->book, &crowd->client, id, true);
	line_init(&session->joint, &crowd->client, id, false);
	session->mail.source = session->book.source = session->joint.source = source;
	session->mail.joint = &session->joint;
	session->joint.is_joint = true;
	line_start(&session->mail, after_s);
	line_start(&session->book, after_s);
}

static bool is_old(const struct line *line)
{
	return line->waiting && client_now() - line->asked_at > old_s;
}

static bool is_torn(const struct session *session)
{
	return session->mail.talk.step == TALK_HELD && session->book.talk.step == TALK_HELD &&
	       strcmp(session->mail.talk.member, session->book.talk.member) != 0;
}

/* Whether it waits; at whom is tallied. */
static unsigned int count_wait(const struct line *line, struct tally *waits)
{
	if (!is_old(line))
		return 0;
	tally_add(waits, line->talk.member);
	return 1;
}

static void print_now(const struct crowd *crowd)
{
	struct tally members = { .kinds = 0 }, waits = { .kinds = 0 };
	unsigned int waiting = 0, torn = 0;

	for (unsigned int i = 0; i < crowd->sessions; i++) {
		const struct session *session = &crowd->session[i];

		waiting += count_wait(&session->mail, &waits) + count_wait(&session->book, &waits);
		torn += is_torn(session);
		if (session->mail.talk.step == TALK_HELD)
			tally_add(&members, session->mail.talk.member);
	}
	printf("\"held\":%u,\"waiting\":%u,\"waits\":", crowd->client.held, waiting);
	tally_print(&waits);
	printf(",\"torn\":%u,\"members\":", torn);
	tally_print(&members);
}

static void print_since(const struct client *client)
{
	printf("\"answers\":%lu,\"joined\":%lu,\"parted\":", client->answers, client->joined);
	tally_print(&client->parted);
	fputs(",\"ends\":", stdout);
	tally_print(&client->ends);
	printf(",\"first_end\":%.0f,\"last_end\":%.0f,\"last_back\":%.0f,\"away_ms\":%.0f,"
	       "\"answer_ms\":%.1f",
	       client->first_end_ms, client->last_end_ms, client->last_back_ms,
	       client->longest_away_s * 1e3, client->longest_answer_s * 1e3);
}

static void print(const struct crowd *crowd, const char *event)
{
	printf("{\"t\":%.0f,\"event\":\"%s\",", client_wall_ms(), event);
	print_now(crowd);
	putchar(',');
	print_since(&crowd->client);
	puts("}");
	fflush(stdout);
}

static void on_report(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	print(timer->data, "count");
}

static void on_terminate(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)signal;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void on_forget(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct crowd *crowd = signal->data;
	struct client *client = &crowd->client;

	(void)loop;
	(void)events;
	client->answers = client->joined = 0;
	client->ends.kinds = client->parted.kinds = 0;
	client->first_end_ms = client->last_end_ms = client->last_back_ms = 0;
	client->longest_away_s = client->longest_answer_s = 0;
	print(crowd, "forgotten");
}

static void watch(struct crowd *crowd)
{
	struct ev_loop *loop = crowd->client.loop;

	ev_timer_init(&crowd->report, on_report, report_s, report_s);
	ev_signal_init(&crowd->terminate, on_terminate, SIGTERM);
	ev_signal_init(&crowd->forget, on_forget, SIGUSR1);
	crowd->report.data = crowd->terminate.data = crowd->forget.data = crowd;
	ev_timer_start(loop, &crowd->report);
	ev_signal_start(loop, &crowd->terminate);
	ev_signal_start(loop, &crowd->forget);
}

static int run(struct crowd *crowd, struct in_addr first, unsigned int sources)
{
	crowd->session = calloc(crowd->sessions, sizeof(*crowd->session));
	if (!crowd->session)
		return 1;
	for (unsigned int i = 0; i < crowd->sessions; i++)
		session_start(&crowd->session[i], crowd, i,
			      (struct in_addr){ htonl(ntohl(first.s_addr) + i % sources) });
	watch(crowd);
	ev_run(crowd->client.loop, 0);
	print(crowd, "total");
	free(crowd->session);
	return 0;
}

int main(int argc, char **argv)
{
	struct crowd crowd = { .client = { .loop = ev_default_loop(0) } };
	const struct rlimit files = { 65536, 65536 };
	unsigned int sources = argc == 6 ? (unsigned int)atoi(argv[4]) : 0;
	struct in_addr first;

	crowd.client.to.sin_family = AF_INET;
	if (sources) {
		crowd.sessions = (unsigned int)atoi(argv[2]);
		crowd.client.every_s = atof(argv[5]) / 1e3;
	}
	if (!sources || !crowd.sessions || crowd.client.every_s <= 0 ||
	    inet_pton(AF_INET, argv[1], &crowd.client.to.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[3], &first) != 1) {
		fprintf(stderr, "usage: mapi ADDRESS SESSIONS FIRST-SOURCE SOURCES EVERY-MS\n");
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	return run(&crowd, first, sources);
}
