// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/track.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/ctl.h"
#include "conf/daemon.h"
#include "conf/log.h"
#include "proto/flow_limits.h"

static char own_name[] = "vrrpd";

static void on_lbd_opened(void *arg, struct ctl_conn *conn)
{
	struct track *track = arg;
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Share share = CAS__SHARE__INIT;

	share.who = own_name;
	message.share = &share;
	ctl_send(conn, &message, NULL, 0);
	track->lbd_linked = true;
	track->ops->lbd(track->arg, true);
}

static void on_lbd_closed(void *arg, struct ctl_conn *conn)
{
	struct track *track = arg;

	(void)conn;
	track->lbd_linked = false;
	track->ops->lbd(track->arg, false);
}

static void on_lbd_message(void *arg, struct ctl_conn *conn, const Cas__Message *message, int *fds,
			   size_t nfds)
{
	struct track *track = arg;

	(void)conn;
	if (message->error)
		log_error("lbd refuses: %s", message->error);
	if (message->shared && message->shared->layout != FLOW_LAYOUT)
		log_error("lbd has tables of layout %u, this vrrpd knows %d: install one release",
			  message->shared->layout, FLOW_LAYOUT);
	else if (message->shared && nfds == 1)
		track->ops->lease(track->arg, fds[0]);
	else if (message->shared)
		log_error("lbd shared %zu descriptors instead of the lease", nfds);
	if (message->lbd_facts)
		track->ops->facts(track->arg, message->lbd_facts);
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
}

static void on_syncd_opened(void *arg, struct ctl_conn *conn)
{
	struct track *track = arg;
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Attach attach = CAS__ATTACH__INIT;

	attach.who = own_name;
	message.attach = &attach;
	ctl_send(conn, &message, NULL, 0);
	track->syncd_linked = true;
	track->ops->syncd(track->arg, true);
}

static void on_syncd_closed(void *arg, struct ctl_conn *conn)
{
	struct track *track = arg;

	(void)conn;
	track->syncd_linked = false;
	track->ops->syncd(track->arg, false);
}

static void on_follow(struct track *track, struct ctl_conn *conn, const Cas__Follow *follow)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Follow followed = CAS__FOLLOW__INIT;
	struct revision which = { .number = follow->number };
	char why[128];
	int err = -EINVAL;

	if (follow->id.len == sizeof(which.id)) {
		memcpy(which.id, follow->id.data, sizeof(which.id));
		err = track->ops->follow(track->arg, &which);
	}
	followed.number = follow->number;
	followed.id = follow->id;
	if (err) {
		snprintf(why, sizeof(why), "vrrpd does not take it over: %s; see its log",
			 err == -ESTALE ? "the state directory has another one" : strerror(-err));
		followed.why = why;
	}
	message.followed = &followed;
	ctl_send(conn, &message, NULL, 0);
}

static void on_syncd_message(void *arg, struct ctl_conn *conn, const Cas__Message *message,
			     int *fds, size_t nfds)
{
	struct track *track = arg;

	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	if (message->follow)
		on_follow(track, conn, message->follow);
	if (message->error)
		log_error("syncd refuses: %s", message->error);
	if (message->peer_report)
		track->ops->report(track->arg, message->peer_report);
	if (message->peer_word)
		track->ops->word(track->arg, message->peer_word);
	if (message->hand_over_ready)
		track->ops->hand_over_ready(track->arg, message->hand_over_ready);
}

static const struct ctl_ops lbd_ops = {
	.opened = on_lbd_opened,
	.message = on_lbd_message,
	.closed = on_lbd_closed,
};
static const struct ctl_ops syncd_ops = {
	.opened = on_syncd_opened,
	.message = on_syncd_message,
	.closed = on_syncd_closed,
};

static int open_link(struct ctl_link **link, struct track *track, struct ev_loop *loop,
		     const char *path, const struct ctl_ops *ops)
{
	int err = ctl_link(link, loop, path, ops, track);

	if (err)
		log_error("%s: %s", path, strerror(-err));
	return err;
}

int track_open(struct track *track, struct ev_loop *loop, const char *run_dir,
	       const struct track_ops *ops, void *arg)
{
	char path[PATH_MAX];
	int err;

	*track = (struct track){ .ops = ops, .arg = arg };
	if (!daemon_path(path, sizeof(path), run_dir, "lbd.sock"))
		return -ENAMETOOLONG;
	err = open_link(&track->lbd, track, loop, path, &lbd_ops);
	if (err)
		return err;
	if (!daemon_path(path, sizeof(path), run_dir, "syncd.sock"))
		err = -ENAMETOOLONG;
	else
		err = open_link(&track->syncd, track, loop, path, &syncd_ops);
	if (err)
		ctl_link_free(track->lbd);
	return err;
}

void track_close(struct track *track)
{
	ctl_link_free(track->syncd);
	ctl_link_free(track->lbd);
}

static bool send_to_syncd(struct track *track, const Cas__Message *message)
{
	struct ctl_conn *conn = ctl_link_conn(track->syncd);
	int err;

	if (!conn || !track->syncd_linked)
		return false;
	err = ctl_send(conn, message, NULL, 0);
	if (err)
		log_warning("message to syncd lost: %s", strerror(-err));
	return !err;
}

bool track_send_role(struct track *track, Cas__RoleChange *role)
{
	Cas__Message message = CAS__MESSAGE__INIT;

	message.role_change = role;
	return send_to_syncd(track, &message);
}

bool track_send_word(struct track *track, Cas__PeerWord *word)
{
	Cas__Message message = CAS__MESSAGE__INIT;

	message.peer_word = word;
	return send_to_syncd(track, &message);
}

bool track_send_hand_over(struct track *track, uint64_t id)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__HandOver hand_over = CAS__HAND_OVER__INIT;

	hand_over.id = id;
	message.hand_over = &hand_over;
	return send_to_syncd(track, &message);
}
