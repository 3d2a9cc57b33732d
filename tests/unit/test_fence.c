// SPDX-License-Identifier: BSD-2-Clause
/* The fence helper, with real commands: what becomes of them, and that none outlives its use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/log.h"
#include "vrrp/fence.h"

struct fixture {
	struct ev_loop *loop;
	struct fence fence;
	char dir[32], command[64], trace[64];
	unsigned int results;
	uint64_t id;
	bool done;
};

static void on_result(void *arg, uint64_t id, bool done)
{
	struct fixture *f = arg;

	f->results++;
	f->id = id;
	f->done = done;
	ev_break(f->loop, EVBREAK_ONE);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ONE);
}

/* Until there is a result, or for so long. */
static void run(struct fixture *f, double seconds)
{
	ev_timer timer;

	ev_timer_init(&timer, on_timeout, seconds, 0.);
	ev_timer_start(f->loop, &timer);
	ev_run(f->loop, 0);
	ev_timer_stop(f->loop, &timer);
}

static void begin(struct fixture *f, const char *script, unsigned int timeout_ms)
{
	const struct fence_command command = { f->command, "lb2", "10.0.0.2", timeout_ms };
	FILE *file;

	*f = (struct fixture){ .dir = "/tmp/fence-XXXXXX", .loop = ev_loop_new(EVFLAG_AUTO) };
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->command, sizeof(f->command), "%s/command", f->dir);
	snprintf(f->trace, sizeof(f->trace), "%s/trace", f->dir);
	if (script) {
		file = fopen(f->command, "w");
		assert_non_null(file);
		fprintf(file, "#!/bin/sh\n%s\n", script);
		fclose(file);
		assert_int_equal(chmod(f->command, 0755), 0);
	}
	assert_int_equal(fence_open(&f->fence, &command), 0);
	fence_start(&f->fence, f->loop, on_result, f);
}

static void end(struct fixture *f)
{
	fence_close(&f->fence);
	unlink(f->command);
	unlink(f->trace);
	rmdir(f->dir);
	ev_loop_destroy(f->loop);
}

static void outcomes(void **unused)
{
	static const struct {
		const char *script;
		bool done;
		const char *last;
	} rows[] = {
		{ "test \"$1 $2 $#\" = 'lb2 10.0.0.2 2'", true, "done" },
		{ "exit 3", false, "failed: exit status 3" },
		{ "kill -9 $$", false, "failed: killed by signal 9" },
		{ "sleep 30", false, "failed: it took too long" },
		{ NULL, false, "failed: it cannot be run" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture f;

		/* Only who is to take too long gets a short time: a busy machine takes long too. */
		begin(&f, rows[i].script, rows[i].script && rows[i].script[0] == 's' ? 300 : 20000);
		/* More than once: a helper serves for as long as vrrpd runs. */
		for (uint64_t id = 1; id < 3; id++) {
			fence_run(&f.fence, id);
			run(&f, 30.);
			assert_int_equal(f.results, id);
			assert_int_equal(f.id, id);
			assert_int_equal(f.done, rows[i].done);
			assert_string_equal(f.fence.last, rows[i].last);
		}
		end(&f);
	}
}

/* What has become needless must not strike later: neither it nor what it has started. */
static void cancelled(void **unused)
{
	struct fixture f;

	(void)unused;
	for (int closed = 0; closed < 2; closed++) {
		begin(&f, "(sleep 0.4; echo struck >\"${0%command}trace\") & wait", 5000);
		fence_run(&f.fence, 1);
		run(&f, 0.15);
		if (closed)
			fence_close(&f.fence);
		else
			fence_cancel(&f.fence);
		run(&f, 0.6);
		assert_int_equal(f.results, 0);
		assert_int_not_equal(access(f.trace, F_OK), 0);
		end(&f);
	}
}

static void another_follows_a_cancelled_one(void **unused)
{
	struct fixture f;

	(void)unused;
	begin(&f, "test -e \"${0%command}trace\" && exit 0; : >\"${0%command}trace\"; sleep 30",
	      5000);
	fence_run(&f.fence, 1);
	run(&f, 0.2);
	fence_run(&f.fence, 2);
	run(&f, 5.);
	assert_int_equal(f.results, 1);
	assert_int_equal(f.id, 2);
	assert_true(f.done);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(another_follows_a_cancelled_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
