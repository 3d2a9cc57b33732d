// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a BPF program costs: the kernel times each of its runs from the start of this tool until it
 * gets SIGTERM.
 *
 *	progcost LINK		a pinned link
 *
 * Prints the number of runs and the nanoseconds of all of them as JSON.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "progcost: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int program_of(const char *path)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);
	int link = bpf_obj_get(path), program;

	if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &size) != 0)
		die(path);
	program = bpf_prog_get_fd_by_id(info.prog_id);
	if (program < 0)
		die("no program");
	return program;
}

static struct bpf_prog_info read_costs(int program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &size) != 0)
		die("no figures");
	return info;
}

int main(int argc, char **argv)
{
	struct bpf_prog_info before, after;
	sigset_t end;
	int program, got;

	if (argc != 2) {
		fprintf(stderr, "usage: progcost LINK\n");
		return 2;
	}
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_BLOCK, &end, NULL);
	program = program_of(argv[1]);
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		die("no timing of programs");
	before = read_costs(program);
	sigwait(&end, &got);
	after = read_costs(program);
	printf("{\"runs\":%llu,\"ns\":%llu}\n",
	       (unsigned long long)(after.run_cnt - before.run_cnt),
	       (unsigned long long)(after.run_time_ns - before.run_time_ns));
	return 0;
}
