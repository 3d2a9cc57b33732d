/* SPDX-License-Identifier: BSD-2-Clause */
/* The check child: probes members without any right, and reports to lbd. */
#ifndef CASPAIR_CHILD_H
#define CASPAIR_CHILD_H

/*
 * Runs until its socket `fd` is closed by lbd; returns the exit status.  With `drop`, gives up
 * root, every capability and the way back first, and fails when it cannot.
 */
int check_child_run(int fd, int drop);

#endif
