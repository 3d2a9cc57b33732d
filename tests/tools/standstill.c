// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long did a processor of this machine do nothing for anybody?
 *
 *	standstill		until SIGTERM
 *
 * A thread on each processor, of the highest priority there is, wants to run every PERIOD_MS.
 * What keeps it from that is above all processes: the kernel, or the host of a virtual machine.
 * Each time of TOLD_MS and more is a JSON line with the wall clock in ms; the last line tells the
 * longest one.  Without the right to such a priority nothing is told: status 2 at the end.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PERIOD_MS = 10, TOLD_MS = 50, CPUS_MAX = 256 };

struct sentry {
	pthread_t thread;
	size_t cpu;
	int error;           /* it has no such priority, and tells nothing */
	uint64_t longest_ns; /* of this thread alone until it has been joined */
};

static volatile sig_atomic_t over;

static void on_term(int number)
{
	(void)number;
	over = 1;
}

static uint64_t ns_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void sleep_until(uint64_t at)
{
	const struct timespec ts = { .tv_sec = (time_t)(at / 1000000000u),
				     .tv_nsec = (long)(at % 1000000000u) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR && !over)
		;
}

static int stand(size_t cpu)
{
	const struct sched_param first = { .sched_priority = sched_get_priority_max(SCHED_FIFO) };
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(cpu, &here);
	if (pthread_setaffinity_np(pthread_self(), sizeof(here), &here))
		return EINVAL;
	return pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
}

static void *watch(void *arg)
{
	struct sentry *sentry = arg;
	uint64_t due, late;

	sentry->error = stand(sentry->cpu);
	due = ns_of(CLOCK_MONOTONIC);
	while (!over) {
		due += PERIOD_MS * 1000000u;
		sleep_until(due);
		late = ns_of(CLOCK_MONOTONIC) - due;
		if (over || sentry->error || late >> 63)
			continue;
		if (late >= TOLD_MS * 1000000u)
			printf("{\"t\":%llu,\"event\":\"stood-still\",\"cpu\":%zu,\"ms\":%.1f}\n",
			       (unsigned long long)(ns_of(CLOCK_REALTIME) / 1000000), sentry->cpu,
			       (double)late / 1e6);
		if (late > sentry->longest_ns)
			sentry->longest_ns = late;
		due += late; /* what was missed is not made up for */
	}
	return NULL;
}

/* The processors that this process may use. */
static int post(struct sentry *sentries)
{
	cpu_set_t ours;
	int count = 0;

	if (sched_getaffinity(0, sizeof(ours), &ours))
		return 0;
	for (size_t cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!CPU_ISSET(cpu, &ours))
			continue;
		sentries[count].cpu = cpu;
		if (pthread_create(&sentries[count].thread, NULL, watch, &sentries[count]))
			break;
		count++;
	}
	return count;
}

int main(void)
{
	static struct sentry sentries[CPUS_MAX];
	const struct sigaction end = { .sa_handler = on_term };
	uint64_t longest = 0;
	int count;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &end, NULL);
	count = post(sentries);
	for (int i = 0; i < count; i++) {
		pthread_join(sentries[i].thread, NULL);
		if (sentries[i].error) {
			fprintf(stderr, "standstill: processor %zu: %s\n", sentries[i].cpu,
				strerror(sentries[i].error));
			return 2;
		}
		if (sentries[i].longest_ns > longest)
			longest = sentries[i].longest_ns;
	}
	printf("{\"t\":%llu,\"event\":\"total\",\"longest_ms\":%.1f}\n",
	       (unsigned long long)(ns_of(CLOCK_REALTIME) / 1000000), (double)longest / 1e6);
	return count ? 0 : 2;
}
