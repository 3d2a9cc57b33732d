// SPDX-License-Identifier: BSD-2-Clause
/* Start, stop and log of the daemons; what exits or logs is run in a child and read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/daemon.h"
#include "conf/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 12, OUTPUT = 16384 };

/* Runs `work` in a child; returns its exit status and all that it printed. */
static int run(void (*work)(const void *arg), const void *arg, char output[OUTPUT])
{
	int ends[2], status;
	size_t used = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		work(arg);
		fflush(stdout);
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], output + used, OUTPUT - 1 - used)) > 0)
		used += (size_t)got;
	output[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* --- options ---------------------------------------------------------------------------------- */

struct command_line {
	bool has_detach;
	const char *argument[MAX_ARGUMENTS];
	int status;
	const char *says;
};

static const struct command_line command_lines[] = {
	{ false,
	  { "--node", "lb1" },
	  0,
	  "/etc/caspair/pair.conf lb1 /run/caspair /var/lib/caspair /sys/fs/bpf/caspair "
	  "/etc/caspair/keys/node.key 0\n" },
	{ false,
	  { "--config", "c", "--node=n", "--run-dir", "r", "--state-dir", "s", "--bpf-dir", "b",
	    "--key", "k" },
	  0,
	  "c n r s b k 0\n" },
	{ true, { "--detach-data-plane" }, 0, "(none) " },
	{ true, { "--detach-data-plane", "--node", "lb1" }, 0, "lb1 " },
	{ false, { "--detach-data-plane", "--node", "lb1" }, 2, "unrecognized option" },
	{ false, { NULL }, 2, "--node NAME is missing" },
	{ false, { "--node", "" }, 2, "--node NAME is missing" },
	{ false, { "--node" }, 2, "requires an argument" },
	{ false, { "--node", "lb1", "lb2" }, 2, "'lb2' is not an option" },
	{ false, { "--nodes", "lb1" }, 2, "unrecognized option '--nodes'" },
	{ false, { "--node", "lb1", "--log-level", "loud" }, 2, "use error, warning, info or" },
	{ false, { "--node", "lb1", "--log-level", "debug" }, 0, " lb1 " },
	{ false, { "-x" }, 2, "invalid option" },
	{ false, { "--version" }, 0, "caspair testd " },
	{ false, { "--help" }, 0, "--state-dir DIR" },
	{ true, { "--help" }, 0, "--detach-data-plane" },
};

static const char *or_none(const char *text)
{
	return text ? text : "(none)";
}

static void parse(const void *arg)
{
	const struct command_line *line = arg;
	char *argv[MAX_ARGUMENTS + 2] = { strdup("testd") };
	struct daemon_options o;
	int argc = 1;

	for (; argc <= MAX_ARGUMENTS && line->argument[argc - 1]; argc++)
		argv[argc] = strdup(line->argument[argc - 1]);
	daemon_options(&o, "testd", line->has_detach, argc, argv);
	printf("%s %s %s %s %s %s %d\n", or_none(o.config), or_none(o.node), or_none(o.run_dir),
	       or_none(o.state_dir), or_none(o.bpf_dir), or_none(o.key), o.detach);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

static void test_options(void **state)
{
	char output[OUTPUT];

	(void)state;
	for (size_t i = 0; i < sizeof(command_lines) / sizeof(command_lines[0]); i++) {
		const struct command_line *line = &command_lines[i];
		int status = run(parse, line, output);

		if (status != line->status || !strstr(output, line->says))
			fail_msg("case %zu: %d, %s", i, status, output);
	}
}

static void test_path(void **state)
{
	char buffer[16];

	(void)state;
	log_open("test", LOG_LEVEL_ERROR);
	assert_true(daemon_path(buffer, sizeof(buffer), "/run", "lbd.sock"));
	assert_string_equal(buffer, "/run/lbd.sock");
	assert_true(daemon_path(buffer, sizeof(buffer), "/run", "0123456789"));
	assert_false(daemon_path(buffer, sizeof(buffer), "/run", "01234567890"));
}

/* --- configuration and directories ------------------------------------------------------------ */

static void load(const void *arg)
{
	const struct daemon_options *options = arg;
	unsigned int node;
	struct conf *conf;

	log_open("testd", LOG_LEVEL_WARNING);
	conf = daemon_config(options, &node);
	printf("node %u %s\n", node, conf ? "read" : "refused");
	conf_free(conf);
}

static void test_config(void **state)
{
	static const char file[] = "tests/data/conf/small.conf";
	char dir[] = "/tmp/daemon.XXXXXX", run_dir[32], state_dir[32], output[OUTPUT];
	struct daemon_options o = { .config = file, .run_dir = run_dir, .state_dir = state_dir };
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(run_dir, sizeof(run_dir), "%s/run", dir);
	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	o.node = "nobody";
	run(load, &o, output);
	assert_non_null(strstr(output, "has no node \"nobody\""));
	assert_non_null(strstr(output, "node 0 refused"));
	assert_int_equal(access(run_dir, F_OK), -1);
	o.node = "b";
	for (int i = 0; i < 2; i++) { /* made, then found */
		run(load, &o, output);
		assert_non_null(strstr(output, "node 2 read"));
	}
	assert_int_equal(stat(run_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat(state_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(rmdir(run_dir), 0);
	fclose(fopen(run_dir, "w"));
	run(load, &o, output);
	assert_non_null(strstr(output, "is not a directory"));
	assert_non_null(strstr(output, "node 2 refused"));
	unlink(run_dir);
	rmdir(state_dir);
	rmdir(dir);
}

static void test_config_faults(void **state)
{
	struct daemon_options o = { .config = "tests/data/conf/faults.conf",
				    .node = "a",
				    .run_dir = "/none/x",
				    .state_dir = "/none/x" };
	char output[OUTPUT];

	(void)state;
	run(load, &o, output);
	assert_non_null(strstr(output, "testd error: tests/data/conf/faults.conf:"));
	assert_non_null(strstr(output, "node 0 refused"));
	o.config = "/none/pair.conf";
	run(load, &o, output);
	assert_non_null(strstr(output, "testd error: /none/pair.conf: "));
}

/* --- log -------------------------------------------------------------------------------------- */

static void log_some(const void *arg)
{
	struct stat st;
	char stream[64];

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + (arg != NULL));
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("testd", LOG_LEVEL_INFO);
	errno = 42;
	log_error("bad %d", 1);
	log_warning("two\nlines \033[31m");
	log_info("plain");
	log_debug("hidden");
	printf("errno %d\n", errno);
}

static void test_log(void **state)
{
	static const char journal[] =
		"<3>testd: bad 1\n<4>testd: two lines  [31m\n<6>testd: plain\n"
		"errno 42\n";
	static const int other_stream = 1;
	unsigned int hour, minute, second, ms;
	char output[OUTPUT], level[16];

	(void)state;
	run(log_some, NULL, output);
	assert_string_equal(output, journal);
	/* Inherited from a parent whose stderr was the journal: not ours. */
	run(log_some, &other_stream, output);
	assert_int_equal(sscanf(output, "%2u:%2u:%2u.%3u testd %15s bad 1", &hour, &minute, &second,
				&ms, level),
			 5);
	assert_string_equal(level, "error:");
	assert_null(strstr(output, "hidden"));
}

static void log_much(const void *arg)
{
	char text[5000];

	(void)arg;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_open("testd", LOG_LEVEL_INFO);
	log_info("%s", text);
	log_info("next");
}

static void test_log_long(void **state)
{
	char output[OUTPUT], *end;

	(void)state;
	run(log_much, NULL, output);
	end = strchr(output, '\n');
	assert_non_null(end);
	assert_in_range(end - output, 1000, 1024);
	assert_non_null(strstr(end, "info: next\n"));
}

static void test_log_level(void **state)
{
	enum log_level level;

	(void)state;
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("error", &level), 0);
	assert_int_equal(level, LOG_LEVEL_ERROR);
	assert_int_equal(log_level_parse("Error", &level), -EINVAL);
	assert_int_equal(log_level_parse("", &level), -EINVAL);
}

/* --- service manager and signals -------------------------------------------------------------- */

static int manager(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, name, strlen(name));
	if (*name == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void expect(int fd, const char *expected)
{
	char text[1024];
	ssize_t got = recv(fd, text, sizeof(text) - 1, 0);

	assert_true(got >= 0);
	text[got] = '\0';
	assert_string_equal(text, expected);
}

static void test_notify(void **state)
{
	char name[2][32];

	(void)state;
	snprintf(name[0], sizeof(name[0]), "@caspair-test-%d", (int)getpid());
	snprintf(name[1], sizeof(name[1]), "/tmp/notify.%d", (int)getpid());
	for (int i = 0; i < 2; i++) {
		int fd = manager(name[i]);

		daemon_ready("active");
		expect(fd, "READY=1\nSTATUS=active");
		daemon_status("two\nREADY=0");
		expect(fd, "STATUS=two READY=0");
		close(fd);
		daemon_status("nobody listens: silence");
	}
	unlink(name[1]);
	setenv("NOTIFY_SOCKET", "nonsense", 1);
	daemon_status("x");
	unsetenv("NOTIFY_SOCKET");
	daemon_status("x");
}

struct seen {
	unsigned int stops, reloads;
};

static void on_stop(struct ev_loop *loop, void *arg)
{
	struct seen *seen = arg;

	seen->stops++;
	/* A second signal while leaving changes nothing. */
	raise(SIGINT);
	raise(SIGHUP);
	ev_run(loop, EVRUN_NOWAIT);
	ev_break(loop, EVBREAK_ALL);
}

static void on_reload(struct ev_loop *loop, void *arg)
{
	struct seen *seen = arg;

	(void)loop;
	seen->reloads++;
	raise(SIGTERM);
}

static void test_signals_and_watchdog(void **state)
{
	struct ev_loop *loop = ev_default_loop(0);
	struct daemon daemon;
	struct seen seen = { 0 };
	char name[32], pid[16];
	int fd;

	(void)state;
	log_open("test", LOG_LEVEL_ERROR);
	snprintf(name, sizeof(name), "@caspair-dog-%d", (int)getpid());
	fd = manager(name);
	setenv("WATCHDOG_USEC", "20000", 1);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	daemon_start(&daemon, loop, on_stop, on_reload, &seen);
	ev_run(loop, EVRUN_ONCE);
	expect(fd, "WATCHDOG=1");
	raise(SIGHUP);
	ev_run(loop, 0);
	assert_int_equal(seen.reloads, 1);
	assert_int_equal(seen.stops, 1);
	assert_true(daemon.stopping);
	daemon_end(&daemon, loop);
	/* Meant for another process, or not a number: no watchdog. */
	setenv("WATCHDOG_PID", "1", 1);
	daemon_start(&daemon, loop, on_stop, on_reload, &seen);
	assert_false(ev_is_active(&daemon.watchdog));
	daemon_end(&daemon, loop);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "soon", 1);
	daemon_start(&daemon, loop, on_stop, on_reload, &seen);
	assert_false(ev_is_active(&daemon.watchdog));
	daemon_end(&daemon, loop);
	unsetenv("WATCHDOG_USEC");
	close(fd);
}

static void test_now(void **state)
{
	unsigned long long before = daemon_now_ns();

	(void)state;
	assert_true(before > 0);
	assert_true(daemon_now_ns() >= before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_config_faults),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_long),
		cmocka_unit_test(test_log_level),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_signals_and_watchdog),
		cmocka_unit_test(test_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
