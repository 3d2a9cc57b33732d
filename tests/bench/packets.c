// SPDX-License-Identifier: BSD-2-Clause
/*
 * The packet bench's tool; run it in the network namespace that it is about.
 *
 *	packets attach KEY=VALUE...	loads a program and attaches it in native mode
 *		object=FILE program=NAME on=INTERFACE [out=INTERFACE to=MAC] [tally=PIN]
 *		[vip=ADDRESS:PORT real=ADDRESS]
 *	packets send KEY=VALUE...	sends live frames, prints what came of them as JSON
 *		object=FILE out=INTERFACE to=MAC tally=PIN kind=syn|synack|ack|reply
 *		peer=ADDRESS:PORT flows=N count=N [first=N] [stride=N] [window=N] [thread=FILE,...]
 *	packets again KEY=VALUE...	runs the program of an interface over and over, prints ns
 *		object=FILE on=INTERFACE kind= peer= flows= count= [first=N] [stride=N]
 *
 * thread= names the schedstat files of the kernel threads that do the balancer's work: their CPU
 * time is what a frame costs, whatever else the machine does meanwhile.
 */
#include "tests/bench/packets_tool.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(const struct options *options);
} commands[] = {
	{ "attach", attach_run },
	{ "send", send_run },
	{ "again", again_run },
};

int main(int argc, char **argv)
{
	struct options options = { .flows = 1, .count = 1, .stride = 1, .window = 192 };

	for (size_t i = 0; argc > 2 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		if (options_read(&options, argv + 2))
			return 2;
		return commands[i].run(&options);
	}
	fprintf(stderr, "usage: packets attach|send|again KEY=VALUE...\n");
	return 2;
}
