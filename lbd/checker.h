/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lbd's end of the check child: starts it, tells it the targets, hears its reports, and starts
 * another one when it dies or says nothing for CHECKER_SILENT_S.
 */
#ifndef CASPAIR_CHECKER_H
#define CASPAIR_CHECKER_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "lbd/check/check.h"

enum { CHECKER_SILENT_S = 5 };

struct checker {
	struct ev_loop *loop;
	const struct health *health; /* whose targets are probed */
	const struct fqdn *fqdn;     /* whose questions are asked; NULL: none */
	void (*name_report)(void *arg, const struct check_name_report *report);
	void *name_arg;
	/* A report of the present generation, its id in range. */
	void (*report)(void *arg, const struct check_report *report);
	void *arg;

	int program; /* descriptor of the child's executable */
	char build[CHECK_BUILD_TEXT];
	int fd; /* -1: no child */
	int pid;
	ev_io io;
	ev_child exited;
	ev_timer silence, again;
	uint32_t generation;
	uint32_t slowdown;
	size_t told; /* orders sent of this generation: reset, slowdown, questions, names, targets */
};

/*
 * `loop` has to be the default loop, for the child's exit status.  0, or a negative errno when the
 * child's executable is not there.
 */
int checker_start(struct checker *checker, struct ev_loop *loop, const struct health *health,
		  void (*report)(void *arg, const struct check_report *report), void *arg);
void checker_stop(struct checker *checker);

/*
 * From now on the questions of `fqdn` are asked too, those that it has at each change of targets.
 * `report` gets the answers of the present generation.
 */
void checker_names(struct checker *checker, const struct fqdn *fqdn,
		   void (*report)(void *arg, const struct check_name_report *report), void *arg);

/* The targets are others now; `slowdown` multiplies all intervals. */
void checker_targets_changed(struct checker *checker);
void checker_slow_down(struct checker *checker, uint32_t slowdown);

/* A target is probed now and not when it is due; the result comes as all others do. */
void checker_now(struct checker *checker, size_t target);

bool checker_alive(const struct checker *checker);

#endif
