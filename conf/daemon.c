// SPDX-License-Identifier: BSD-2-Clause
/*
 * Everything in which the three daemons are alike, in the order in which they call it.
 */
#include "conf/daemon.h"
#include "conf/conf.h"
#include "conf/log.h"
#include "conf/running.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

enum option_id {
	OPTION_CONFIG = 1,
	OPTION_NODE,
	OPTION_RUN_DIR,
	OPTION_STATE_DIR,
	OPTION_BPF_DIR,
	OPTION_KEY,
	OPTION_LOG_LEVEL,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_DETACH, /* last: cut off for those who do not have it */
};

static const struct option options_table[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "node", required_argument, NULL, OPTION_NODE },
	{ "run-dir", required_argument, NULL, OPTION_RUN_DIR },
	{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },
	{ "bpf-dir", required_argument, NULL, OPTION_BPF_DIR },
	{ "key", required_argument, NULL, OPTION_KEY },
	{ "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "detach-data-plane", no_argument, NULL, OPTION_DETACH },
	{ NULL, 0, NULL, 0 },
};

enum { OPTIONS = sizeof(options_table) / sizeof(options_table[0]) };

static const struct daemon_options defaults = {
	.config = "/etc/caspair/pair.conf",
	.run_dir = "/run/caspair",
	.state_dir = "/var/lib/caspair",
	.bpf_dir = "/sys/fs/bpf/caspair",
	.key = "/etc/caspair/keys/node.key",
};

/* Shows the defaults from where they are, so that the two cannot part. */
static void print_usage(const char *name, bool has_detach)
{
	printf("usage: %s --node NAME [option ...]\n"
	       "  --config FILE      configuration of the pair (%s)\n"
	       "  --node NAME        this node's block in it\n"
	       "  --run-dir DIR      sockets (%s)\n"
	       "  --state-dir DIR    what must survive a restart (%s)\n"
	       "  --bpf-dir DIR      pinned tables and programs (%s)\n"
	       "  --key FILE         this node's secret key (%s)\n"
	       "  --log-level LEVEL  error, warning, info or debug (info)\n"
	       "%s"
	       "  --help, --version\n",
	       name, defaults.config, defaults.run_dir, defaults.state_dir, defaults.bpf_dir,
	       defaults.key,
	       has_detach ? "  --detach-data-plane  remove program and tables, then exit\n" : "");
}

static void usage_error(const char *name)
{
	fprintf(stderr, "%s: see %s --help\n", name, name);
	exit(EXIT_USAGE);
}

/* At once, so that a mistake in a later option is logged as was asked. */
static void set_log_level(const char *name, const char *text)
{
	enum log_level level;

	if (log_level_parse(text, &level) < 0) {
		fprintf(stderr, "%s: --log-level %s: use error, warning, info or debug\n", name,
			text);
		usage_error(name);
	}
	log_open(name, level);
}

static void take_option(struct daemon_options *options, const char *name, int id, bool has_detach)
{
	switch (id) {
	case OPTION_CONFIG:
		options->config = optarg;
		break;
	case OPTION_NODE:
		options->node = optarg;
		break;
	case OPTION_RUN_DIR:
		options->run_dir = optarg;
		break;
	case OPTION_STATE_DIR:
		options->state_dir = optarg;
		break;
	case OPTION_BPF_DIR:
		options->bpf_dir = optarg;
		break;
	case OPTION_KEY:
		options->key = optarg;
		break;
	case OPTION_LOG_LEVEL:
		set_log_level(name, optarg);
		break;
	case OPTION_DETACH:
		options->detach = true;
		break;
	case OPTION_HELP:
		print_usage(name, has_detach);
		exit(EXIT_SUCCESS);
	case OPTION_VERSION:
		printf("caspair %s %s\n", name, CASPAIR_VERSION);
		exit(EXIT_SUCCESS);
	default:
		usage_error(name); /* getopt has named the mistake */
	}
}

void daemon_options(struct daemon_options *options, const char *name, bool has_detach, int argc,
		    char **argv)
{
	struct option table[OPTIONS];
	int id;

	*options = defaults;
	log_open(name, LOG_LEVEL_INFO);
	memcpy(table, options_table, sizeof(table));
	if (!has_detach)
		memset(&table[OPTIONS - 2], 0, sizeof(table[0]));
	while ((id = getopt_long(argc, argv, "", table, NULL)) != -1)
		take_option(options, name, id, has_detach);
	if (optind < argc) {
		fprintf(stderr, "%s: '%s' is not an option\n", name, argv[optind]);
		usage_error(name);
	}
	if (!options->detach && (!options->node || !*options->node)) {
		fprintf(stderr, "%s: --node NAME is missing: which node of the pair is this?\n",
			name);
		usage_error(name);
	}
	/* A peer that has gone is an error of the call that writes to it. */
	signal(SIGPIPE, SIG_IGN);
}

static bool make_directory(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return true;
	if (errno != EEXIST) {
		log_error("cannot create directory %s: %s", path, strerror(errno));
		return false;
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		log_error("%s is not a directory", path);
		return false;
	}
	return true;
}

/* In the form of pairctl check, so that editors find the place. */
static void log_faults(const struct conf_faults *faults, const char *file)
{
	for (size_t i = 0; i < faults->count; i++) {
		const struct conf_fault *fault = &faults->fault[i];
		char place[CONF_PLACE];

		conf_fault_place(faults, fault, file, place);
		if (fault->severity == CONF_WARNING)
			log_warning("%s: %s", place, fault->text);
		else
			log_error("%s: %s", place, fault->text);
	}
}

struct conf *daemon_config(const struct daemon_options *options, unsigned int *node)
{
	struct running running;
	struct conf *conf;

	*node = 0;
	running_read(&running, options->state_dir, options->config);
	conf = running.conf;
	if (running.note[0])
		log_error("%s/config: %s", options->state_dir, running.note);
	log_faults(&running.faults, running.name);
	conf_faults_free(&running.faults);
	if (!conf)
		return NULL;
	*node = options->node ? conf_node(conf, options->node) : 0;
	if (*node == 0)
		log_error("%s has no node \"%s\"", running.name,
			  options->node ? options->node : "");
	if (*node == 0 || !make_directory(options->run_dir, 0755) ||
	    !make_directory(options->state_dir, 0700)) {
		conf_free(conf);
		return NULL;
	}
	return conf;
}

bool daemon_path(char *buffer, unsigned long size, const char *dir, const char *name)
{
	int length = snprintf(buffer, size, "%s/%s", dir, name);

	if (length < 0 || (unsigned long)length >= size) {
		log_error("path %s/%s is too long", dir, name);
		return false;
	}
	return true;
}

/*
 * sd_notify(3).  A service manager that is slow must not stop us, but it must not miss READY=1
 * either, hence `flags`.
 */
static void notify(const char *text, int flags)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length;
	int fd;

	if (!path || (*path != '/' && *path != '@'))
		return;
	length = strlen(path);
	if (length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (*path == '@')
		address.sun_path[0] = '\0'; /* abstract: the length ends the name, not a NUL */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL | flags, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		log_debug("service manager at %s: %s", path, strerror(errno));
	close(fd);
}

static void notify_status(const char *before, const char *status, int flags)
{
	char text[512];

	snprintf(text, sizeof(text), "%sSTATUS=%s", before, status);
	for (char *c = text + strlen(before); *c; c++)
		if (*c == '\n')
			*c = ' '; /* a line is an assignment */
	notify(text, flags);
}

void daemon_ready(const char *status)
{
	notify_status("READY=1\n", status, 0);
}

void daemon_status(const char *status)
{
	notify_status("", status, MSG_DONTWAIT);
}

static void on_terminate(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct daemon *daemon = watcher->data;

	(void)events;
	if (daemon->stopping)
		return;
	daemon->stopping = true;
	log_info("stopping on %s", watcher->signum == SIGTERM ? "SIGTERM" : "SIGINT");
	notify("STOPPING=1", MSG_DONTWAIT);
	daemon->stop(loop, daemon->arg);
}

static void on_hangup(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct daemon *daemon = watcher->data;

	(void)events;
	if (!daemon->stopping)
		daemon->reload(loop, daemon->arg);
}

/* From the loop itself: a loop that hangs says nothing and is restarted. */
static void on_watchdog(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)watcher;
	(void)events;
	notify("WATCHDOG=1", MSG_DONTWAIT);
}

/* Seconds between two signs of life, half of what is asked; 0: nobody asks. */
static double watchdog_interval(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long value;
	char *end;

	if (!usec || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	value = strtoull(usec, &end, 10);
	return *end || end == usec ? 0 : (double)value / 2e6;
}

static void start_signal(ev_signal *watcher, struct ev_loop *loop, struct daemon *daemon)
{
	watcher->data = daemon;
	ev_signal_start(loop, watcher);
}

void daemon_start(struct daemon *daemon, struct ev_loop *loop,
		  void (*stop)(struct ev_loop *loop, void *arg),
		  void (*reload)(struct ev_loop *loop, void *arg), void *arg)
{
	double interval = watchdog_interval();

	daemon->stop = stop;
	daemon->reload = reload;
	daemon->arg = arg;
	daemon->stopping = false;
	ev_signal_init(&daemon->terminate, on_terminate, SIGTERM);
	ev_signal_init(&daemon->interrupt, on_terminate, SIGINT);
	ev_signal_init(&daemon->hangup, on_hangup, SIGHUP);
	ev_timer_init(&daemon->watchdog, on_watchdog, interval, interval);
	start_signal(&daemon->terminate, loop, daemon);
	start_signal(&daemon->interrupt, loop, daemon);
	start_signal(&daemon->hangup, loop, daemon);
	if (interval > 0)
		ev_timer_start(loop, &daemon->watchdog);
}

void daemon_end(struct daemon *daemon, struct ev_loop *loop)
{
	ev_timer_stop(loop, &daemon->watchdog);
	ev_signal_stop(loop, &daemon->hangup);
	ev_signal_stop(loop, &daemon->interrupt);
	ev_signal_stop(loop, &daemon->terminate);
}

unsigned long long daemon_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000000000ull + (unsigned long long)now.tv_nsec;
}
