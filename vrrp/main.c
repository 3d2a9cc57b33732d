// SPDX-License-Identifier: BSD-2-Clause
/* vrrpd: which node of the pair leads, and the addresses of the one that does. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cap-ng.h>

#include "conf/conf.h"
#include "conf/diff.h"
#include "conf/log.h"
#include "vrrp/vrrp.h"

enum { REALTIME_PRIORITY = 10, REALTIME_GUARD_US = 5000000, STACK_ROOM = 512 << 10 };

const char *vrrpd_own_name(const struct vrrpd *vrrpd)
{
	return vrrpd->conf->file->node[vrrpd->node - 1]->name;
}

const char *vrrpd_peer_name(const struct vrrpd *vrrpd)
{
	return vrrpd->conf->file->node[2 - vrrpd->node]->name;
}

static int open_epochs(struct vrrpd *vrrpd)
{
	const char *dir = vrrpd->options.state_dir;
	int err;

	if (mkdir(dir, 0755) && errno != EEXIST) {
		log_error("state directory %s: %s", dir, strerror(errno));
		return -errno;
	}
	err = epoch_open(&vrrpd->epochs, dir);
	if (err == -EBADMSG)
		log_error("%s is damaged.  When the peer is running, remove it: this node then "
			  "starts above every epoch that the peer has heard of",
			  vrrpd->epochs.path);
	else if (err)
		log_error("%s: %s", vrrpd->epochs.path, strerror(-err));
	return err;
}

/* A locked stack that has to grow past the limit would be the end: it gets its room beforehand. */
static void grow_stack(void)
{
	volatile char room[STACK_ROOM];

	for (size_t i = 0; i < sizeof(room); i += 1024)
		room[i] = 0;
}

/*
 * What is locked in future counts against the limit, and malloc() would fail.  Where that cannot be
 * raised, what there is now is locked, which is nearly everything.
 */
static void lock_memory(void)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int flags = MCL_CURRENT | MCL_ONFAULT;

	grow_stack();
	if (!setrlimit(RLIMIT_MEMLOCK, &unlimited))
		flags |= MCL_FUTURE;
	if (mlockall(flags))
		log_warning("memory is not locked (%s): adverts may be late when swapping",
			    strerror(errno));
}

static int open_fence(struct vrrpd *vrrpd)
{
	const Conf__Vrrp *vrrp = vrrpd->conf->file->vrrp;
	const struct fence_command command = {
		.path = vrrp->fence_command,
		.name = vrrpd_peer_name(vrrpd),
		/* The IPv4 one, where there are two. */
		.address = vrrpd->conf->file->node[2 - vrrpd->node]->address[0],
		.timeout_ms = vrrp->fence_timeout_ms,
	};
	int err;

	if (!vrrp->fence_command)
		return 0;
	if (access(vrrp->fence_command, X_OK))
		log_error("fence-command %s cannot be run: %s", vrrp->fence_command,
			  strerror(errno));
	err = fence_open(&vrrpd->fence, &command);
	if (err)
		log_error("the fence helper cannot be started: %s", strerror(-err));
	return err;
}

/*
 * Late adverts are takeovers: a small process that is never kept waiting.  The thread of inquiry.h
 * inherits that, when the right to ask for it has gone; nothing is forked from here on.
 */
static void be_punctual(void)
{
	const struct sched_param param = { .sched_priority = REALTIME_PRIORITY };
	const struct rlimit guard = { REALTIME_GUARD_US, REALTIME_GUARD_US };

	/* The guard first: a loop gone wild must not take the machine with it. */
	if (setrlimit(RLIMIT_RTTIME, &guard) || sched_setscheduler(0, SCHED_FIFO, &param))
		log_warning("no real-time scheduling (%s): adverts may be late under load",
			    strerror(errno));
	lock_memory();
}

static int drop_privileges(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, CAP_NET_RAW,
			  -1) ||
	    capng_apply(CAPNG_SELECT_BOTH) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		log_error("cannot drop capabilities");
		return -EPERM;
	}
	return 0;
}

static void on_stop(struct ev_loop *loop, void *arg)
{
	struct fsm_event event = { .kind = FSM_STOP };

	(void)loop;
	role_event(arg, &event, NULL);
}

/* Takes `conf`, which may be NULL. */
static int take_over(struct vrrpd *vrrpd, struct conf *conf, unsigned int node)
{
	if (!conf) {
		log_error("the new configuration is not used");
		return -EINVAL;
	}
	/* Who we are stays; what takes rights that we have given up waits for the next start. */
	if (node != vrrpd->node || !diff_may_follow(vrrpd->conf, conf, DIFF_ALL)) {
		log_error("the new configuration is not used");
		conf_free(conf);
		return -EINVAL;
	}
	return role_reload(vrrpd, conf);
}

static void on_reload(struct ev_loop *loop, void *arg)
{
	struct vrrpd *vrrpd = arg;
	unsigned int node;
	struct conf *conf = daemon_config(&vrrpd->options, &node);

	(void)loop;
	take_over(vrrpd, conf, node);
}

int vrrpd_follow(struct vrrpd *vrrpd, const struct revision *which)
{
	unsigned int node;
	struct conf *conf;

	if (revision_equal(&vrrpd->conf->revision, which))
		return 0;
	conf = daemon_config(&vrrpd->options, &node);
	if (conf && !revision_equal(&conf->revision, which)) {
		conf_free(conf);
		return -ESTALE;
	}
	return take_over(vrrpd, conf, node);
}

/* Also ends what an earlier run has left of it. */
static int open_virtual_mac(struct vrrpd *vrrpd)
{
	char store[PATH_MAX];
	int err;

	if (!daemon_path(store, sizeof(store), vrrpd->options.run_dir, "vrrpd.settings"))
		return -ENAMETOOLONG;
	err = vmac_sweep(vrrpd->vips.sock, store);
	if (err || !vrrpd->conf->file->vrrp->virtual_mac)
		return err;
	return vip_virtual_mac(&vrrpd->vips, vrrpd->conf, store);
}

/* Everything that can fail, before anybody is told that we are there. */
static int open_all(struct vrrpd *vrrpd)
{
	struct fsm_config config;
	unsigned int leftovers;
	int err = open_epochs(vrrpd);

	if (!err)
		err = vip_open(&vrrpd->vips);
	if (err)
		return err;
	role_config(vrrpd, vrrpd->conf, &config);
	fsm_init(&vrrpd->fsm, &config, vrrpd->epochs.used);
	err = lan_check(vrrpd, vrrpd->conf);
	if (!err)
		err = vip_plan(&vrrpd->vips, vrrpd->conf);
	if (!err)
		err = lan_open(vrrpd, (int)if_nametoindex(vrrpd->conf->file->vrrp->interface));
	if (err)
		return err;
	witness_plan(&vrrpd->witnesses, vrrpd->conf);
	vrrpd->announcer = announce_open();
	if (vrrpd->announcer < 0) {
		log_error("no packet socket: %s", strerror(-vrrpd->announcer));
		return vrrpd->announcer;
	}
	err = control_start(vrrpd);
	if (err)
		return err;
	/* Only now is it certain that no other vrrpd of this node holds them. */
	err = open_virtual_mac(vrrpd);
	if (err)
		return err;
	leftovers = vip_sweep(&vrrpd->vips);
	if (leftovers)
		log_warning("removed %u addresses that an earlier run had left", leftovers);
	return 0;
}

/* What open_all() has opened, also when it stopped half way; in reverse. */
static void close_all(struct vrrpd *vrrpd)
{
	if (vrrpd->server)
		control_end(vrrpd);
	if (vrrpd->announcer >= 0)
		close(vrrpd->announcer);
	fence_close(&vrrpd->fence);
	link_close(&vrrpd->former);
	link_close(&vrrpd->link);
	vip_close(&vrrpd->vips);
}

static int run(struct vrrpd *vrrpd)
{
	int err = open_all(vrrpd);

	if (err)
		goto closed;
	/* Before the rights go: the command may need them. */
	err = open_fence(vrrpd);
	if (err)
		goto closed;
	be_punctual();
	err = drop_privileges();
	if (err)
		goto closed;
	err = hear_start(vrrpd);
	if (err)
		goto closed;
	err = role_start(vrrpd);
	if (err)
		goto deaf;
	daemon_start(&vrrpd->daemon, vrrpd->loop, on_stop, on_reload, vrrpd);
	daemon_ready("running");
	log_info("node %s, priority %u, vrid %u on %s, %zu addresses", vrrpd_own_name(vrrpd),
		 vrrpd->fsm.config.priority, vrrpd->link.config.vrid, vrrpd->link.config.ifname,
		 vrrpd->vips.count);
	ev_run(vrrpd->loop, 0);
	daemon_end(&vrrpd->daemon, vrrpd->loop);
	role_end(vrrpd);
deaf:
	hear_end(vrrpd);
	lease_unmap(&vrrpd->lease);
closed:
	close_all(vrrpd);
	return err;
}

int main(int argc, char **argv)
{
	struct vrrpd vrrpd = { .announcer = -1, .fence.fd = -1 };
	int err;

	link_init(&vrrpd.link);
	link_init(&vrrpd.former);
	daemon_options(&vrrpd.options, "vrrpd", false, argc, argv);
	vrrpd.conf = vrrpd.first = daemon_config(&vrrpd.options, &vrrpd.node);
	if (!vrrpd.conf)
		return EXIT_FAILURE;
	vrrpd.started = lease_now();
	vrrpd.loop = ev_default_loop(0);
	err = run(&vrrpd);
	if (vrrpd.conf != vrrpd.first)
		conf_free(vrrpd.conf);
	conf_free(vrrpd.first);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
