// SPDX-License-Identifier: BSD-2-Clause
/*
 *	sim [-n SEEDS] [-s FIRST-SEED] [-x SKIP] [-f FLOW] [-v] [-k] [-p BUG] [-r REPORT]
 *
 * -k goes on after a failure, -p plants a bug that must be found.  -x names faults that do not
 * happen (a mask), -f a flow whose whole life is told.  The last line counts.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/sim.h"

const char *const plant_names[PLANTS] = {
	"none",           "ack-early",      "no-sweep",       "epoch-lost",      "overwrite",
	"no-gate",        "late-lease",     "no-fence",       "no-verdicts",     "silent-loss",
	"hole-forgotten", "config-unheard", "end-kept",       "no-witness",      "hasty",
	"verify-blind",   "no-barrier",     "kept-stale",     "kept-short",      "wish-unheard",
	"ports-unheard",  "stage-skipped",  "stage-unstored", "confirm-unheard", "confirm-unstored",
	"history-lost",   "release-early",
};

static enum plant plant_of(const char *name)
{
	for (unsigned int i = 0; i < PLANTS; i++)
		if (strcmp(plant_names[i], name) == 0)
			return (enum plant)i;
	fprintf(stderr, "sim: no bug is called %s; there are", name);
	for (unsigned int i = 1; i < PLANTS; i++)
		fprintf(stderr, " %s", plant_names[i]);
	fputc('\n', stderr);
	exit(2);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int report(const char *path, const struct figures *f, double took)
{
	FILE *file = fopen(path, "w");
	struct utsname name;

	if (!file) {
		perror(path);
		return EXIT_FAILURE;
	}
	uname(&name);
	fprintf(file,
		"{\"figures\":{\"seeds\":%llu,\"failures\":%llu,\"pair_hours\":%.2f,"
		"\"run_s\":%.1f,\"single_fault_runs\":%llu,\"storm_runs\":%llu,\"faults\":%llu,"
		"\"takeovers\":%llu,\"planned_failovers\":%llu,\"refused_failovers\":%llu,"
		"\"sessions_opened\":%llu,\"sessions_lost_in_storms\":%llu,\"packets\":%llu,"
		"\"frames\":%llu,\"pushes\":%llu,\"two_histories\":%llu,\"sessions_promised\":%llu,"
		"\"heal_longest_s\":%.2f,"
		"\"fenced\":%llu,"
		"\"dark_longest_s\":%.2f,\"two_owners_longest_s\":%.2f},",
		(unsigned long long)f->seeds, (unsigned long long)f->failures, f->hours, took,
		(unsigned long long)f->single, (unsigned long long)f->storm,
		(unsigned long long)f->faults, (unsigned long long)f->takeovers,
		(unsigned long long)f->failovers, (unsigned long long)f->refused,
		(unsigned long long)f->opened, (unsigned long long)f->lost,
		(unsigned long long)f->packets, (unsigned long long)f->frames,
		(unsigned long long)f->pushes, (unsigned long long)f->histories,
		(unsigned long long)f->promised, f->heal_longest_s, (unsigned long long)f->fenced,
		f->dark_longest_s, f->both_longest_s);
	fprintf(file, "\"environment\":{\"system\":\"%s %s\",\"machine\":\"%s\"}}\n", name.sysname,
		name.release, name.machine);
	return fclose(file) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = { .seed = 1 };
	struct figures figures = { 0 };
	const char *path = NULL;
	unsigned long long seeds = 2000;
	bool all = false;
	double began = seconds();
	int option, status = EXIT_SUCCESS;

	while ((option = getopt(argc, argv, "n:s:x:vkp:r:f:")) != -1) {
		if (option == 'n')
			seeds = strtoull(optarg, NULL, 10);
		else if (option == 's')
			options.seed = strtoull(optarg, NULL, 10);
		else if (option == 'x')
			options.skip = strtoull(optarg, NULL, 16);
		else if (option == 'v')
			options.verbose = true;
		else if (option == 'k')
			all = true;
		else if (option == 'p')
			options.plant = plant_of(optarg);
		else if (option == 'f')
			options.watched = 1 + (unsigned int)strtoul(optarg, NULL, 10);
		else if (option == 'r')
			path = optarg;
		else
			return 2;
	}
	for (; seeds > 0 && (all || !figures.failures); seeds--, options.seed++) {
		struct outcome outcome;

		options.mute = !options.verbose;
		outcome = world_run(&options, &figures);
		if (outcome.failure[0] && options.mute)
			reduce(&options, &outcome);
	}
	if (path)
		status = report(path, &figures, seconds() - began);
	printf("sim: %llu seeds, %.2f hours of pair time, %llu failures\n",
	       (unsigned long long)figures.seeds, figures.hours,
	       (unsigned long long)figures.failures);
	return figures.failures ? EXIT_FAILURE : status;
}
