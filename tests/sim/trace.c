// SPDX-License-Identifier: BSD-2-Clause
/* The last events before a failure. */
#include <stdarg.h>
#include <string.h>

#include "tests/sim/sim.h"

static void stamp(const struct world *world, char *line, size_t size, const char *words)
{
	snprintf(line, size, "%11.6f  %s", (double)world->now / 1e9, words);
}

void trace_say(struct world *world, const char *format, ...)
{
	char words[140];
	char *line = world->trace[world->traced++ % TRACE];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	stamp(world, line, sizeof(world->trace[0]), words);
	if (world->options.verbose)
		puts(line);
}

/* The first failure is the one that counts; what follows may be its consequence. */
void trace_fail(struct world *world, const char *format, ...)
{
	va_list args;

	if (world->outcome.failure[0])
		return;
	va_start(args, format);
	vsnprintf(world->outcome.failure, sizeof(world->outcome.failure), format, args);
	va_end(args);
	trace_say(world, "FAILED %.120s", world->outcome.failure);
}

void trace_print(const struct world *world)
{
	uint64_t from = world->traced > TRACE ? world->traced - TRACE : 0;

	printf("seed %llu (%s): %s\n", (unsigned long long)world->options.seed,
	       world->single ? "single faults" : "storm", world->outcome.failure);
	if (!world->options.verbose)
		for (uint64_t i = from; i < world->traced; i++)
			printf("  %s\n", world->trace[i % TRACE]);
	printf("  replay: make sim SEEDS=1 SEED=%llu", (unsigned long long)world->options.seed);
	if (world->options.skip)
		printf(" SKIP=%llx", (unsigned long long)world->options.skip);
	puts(" V=1");
}
