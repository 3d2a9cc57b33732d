// SPDX-License-Identifier: BSD-2-Clause
/* The check child's program, which only lbd starts: beside it, and of the same build. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/log.h"
#include "lbd/check/check.h"
#include "lbd/check/child.h"

int main(int argc, char **argv)
{
	char build[CHECK_BUILD_TEXT];

	log_open(CHECK_CHILD_NAME, LOG_LEVEL_INFO);
	if (argc != 2 || strcmp(argv[1], check_build(build)) != 0) {
		log_error("this is started by lbd, and by one of build %s only",
			  check_build(build));
		return EXIT_FAILURE;
	}
	return check_child_run(STDIN_FILENO, !geteuid());
}
