/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How every daemon starts and stops: options, configuration, signals, readiness, watchdog.
 *
 *	daemon_options() -> daemon_config() -> own start -> daemon_ready() -> ev_run() -> own stop
 */
#ifndef CASPAIR_DAEMON_H
#define CASPAIR_DAEMON_H

#include <stdbool.h>

#include <ev.h>

struct conf;

struct daemon_options {
	const char *config;    /* /etc/caspair/pair.conf */
	const char *node;      /* required: name of this node's block */
	const char *run_dir;   /* /run/caspair */
	const char *state_dir; /* /var/lib/caspair */
	const char *bpf_dir;   /* /sys/fs/bpf/caspair */
	const char *key;       /* /etc/caspair/keys/node.key */
	bool detach;           /* lbd only: --detach-data-plane */
};

/*
 * Reads argv and opens the log under `name`.  Prints usage or version and exits for --help and
 * --version; prints the mistake and exits with 2 for a wrong option.  `has_detach` admits
 * --detach-data-plane.
 */
void daemon_options(struct daemon_options *options, const char *name, bool has_detach, int argc,
		    char **argv);

/*
 * Reads the configuration that runs, the current revision in the state directory or the working
 * copy (conf/running.h), logging every fault.  Returns NULL on errors or when it has no such node;
 * `*node` is then 0, else 1 or 2.
 */
struct conf *daemon_config(const struct daemon_options *options, unsigned int *node);

/* "DIR/NAME" in a static-free buffer of the caller; false (and logged) when it does not fit. */
bool daemon_path(char *buffer, unsigned long size, const char *dir, const char *name);

/*
 * The part that lives in the loop.  `stop` is called once, for SIGTERM or SIGINT: leave in order,
 * then ev_break().  `reload` is called for SIGHUP.  Embedded by value in the daemon's struct.
 */
struct daemon {
	ev_signal terminate, interrupt, hangup;
	ev_timer watchdog;
	void (*stop)(struct ev_loop *loop, void *arg);
	void (*reload)(struct ev_loop *loop, void *arg);
	void *arg;
	bool stopping;
};
void daemon_start(struct daemon *daemon, struct ev_loop *loop,
		  void (*stop)(struct ev_loop *loop, void *arg),
		  void (*reload)(struct ev_loop *loop, void *arg), void *arg);
void daemon_end(struct daemon *daemon, struct ev_loop *loop);

/* sd_notify(3) protocol, no library; silent where nobody listens. */
void daemon_ready(const char *status);
void daemon_status(const char *status);

/* Monotonic time of this very moment, in ns: handed into pure modules, never read by them. */
unsigned long long daemon_now_ns(void);

#endif
