// SPDX-License-Identifier: BSD-2-Clause
/*
 * The two owners of connections: the server, which lets peers in and may close them, and the link,
 * which comes back by itself.  What happens on a connection is in ctl_conn.c.
 */
#include "conf/ctl.h"
#include "conf/ctl_conn.h"
#include "conf/log.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 64, BACKLOG = 16, MAX_GROUPS = 256 };

static const double RETRY_S = 0.1;

static const char GROUP[] = "caspair";

struct ctl_server {
	ev_io acceptable;
	ev_timer pause; /* no descriptor left: try again a little later */
	struct ev_loop *loop;
	const struct ctl_ops *ops;
	void *arg;
	char *path;
	dev_t device; /* of our socket, to remove it only if it is still ours */
	ino_t inode;
	gid_t group; /* (gid_t)-1: there is no such group */
	unsigned long long refused;
	size_t count;
	struct ctl_conn *conn[MAX_CONNECTIONS];
};

struct ctl_link {
	ev_timer retry;
	struct ev_loop *loop;
	const struct ctl_ops *ops;
	void *arg;
	char *path;
	struct ctl_conn *conn;
	int complained; /* errno told to the log */
};

/* --- paths --------------------------------------------------------------------------------- */

int ctl_conn_address(struct sockaddr_un *address, const char *path)
{
	size_t length = strlen(path);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (length == 0 || length >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, length);
	return 0;
}

int ctl_conn_connect(const char *path)
{
	struct sockaddr_un address;
	int fd, error = ctl_conn_address(&address, path);

	if (error < 0)
		return error;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* --- server ----------------------------------------------------------------------------------- */

static bool in_group(int fd, gid_t wanted)
{
	gid_t groups[MAX_GROUPS];
	socklen_t length = sizeof(groups);

	if (wanted == (gid_t)-1 || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) < 0)
		return false;
	for (size_t i = 0; i < length / sizeof(gid_t); i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

/* The file mode keeps strangers out already; this holds where the directory was set up otherwise.
 */
static bool is_welcome(const struct ctl_server *server, int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid() || peer.gid == server->group ||
	    in_group(fd, server->group))
		return true;
	log_warning("user %u has no right to ask at %s", peer.uid, server->path);
	return false;
}

/* Taken from the list first: the callback may free the server with all that is in it. */
static void server_ended(void *owner, struct ctl_conn *conn, bool refused)
{
	struct ctl_server *server = owner;
	size_t i = 0;

	while (server->conn[i] != conn)
		i++;
	server->conn[i] = server->conn[--server->count];
	server->refused += refused;
	if (server->ops->closed)
		server->ops->closed(server->arg, conn);
	ctl_conn_free(conn);
}

/* Takes `fd`. */
static void admit(struct ctl_server *server, int fd)
{
	struct ctl_conn_owner owner = { server->ops, server->arg, server_ended, server };
	struct ctl_conn *conn;

	if (server->count == MAX_CONNECTIONS || !is_welcome(server, fd)) {
		if (server->count == MAX_CONNECTIONS)
			log_warning("too many connections at %s", server->path);
		server->refused++;
		close(fd);
		return;
	}
	conn = ctl_conn_new(server->loop, fd, &owner);
	if (!conn)
		return;
	server->conn[server->count++] = conn;
	ctl_conn_opened(conn);
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct ctl_server *server = watcher->data;
	int fd = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0) {
		admit(server, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		log_error("cannot take a connection at %s: %s", server->path, strerror(errno));
		ev_io_stop(loop, watcher);
		ev_timer_set(&server->pause, RETRY_S, 0.);
		ev_timer_start(loop, &server->pause);
	}
}

static void on_pause_over(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct ctl_server *server = watcher->data;

	(void)events;
	ev_io_start(loop, &server->acceptable);
}

/* A socket that nobody listens at is what a killed daemon left. */
static int remove_stale(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = ctl_conn_connect(path);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || fd == -EAGAIN)
		return -EADDRINUSE;
	if (fd != -ECONNREFUSED)
		return fd;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* Nobody else may connect before owner and mode are right. */
static int bind_closed(int fd, const char *path)
{
	struct sockaddr_un address;
	int error = ctl_conn_address(&address, path);
	mode_t mask;

	if (error < 0)
		return error;
	mask = umask(0177);
	error = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	return error;
}

/* Also remembers which file is ours: another daemon may have replaced it when we leave. */
static int open_to_group(struct ctl_server *server)
{
	const struct group *group = getgrnam(GROUP);
	struct stat st;

	server->group = group ? group->gr_gid : (gid_t)-1;
	/* Without the right to give it to the group the socket stays the owner's. */
	if (group && lchown(server->path, (uid_t)-1, server->group) < 0)
		log_debug("%s cannot be given to group %s: %s", server->path, GROUP,
			  strerror(errno));
	else if (group && chmod(server->path, 0660) < 0)
		return -errno;
	if (lstat(server->path, &st) < 0)
		return -errno;
	server->device = st.st_dev;
	server->inode = st.st_ino;
	return 0;
}

static int start_listening(struct ctl_server *server, int fd)
{
	int error = remove_stale(server->path);

	if (error == 0)
		error = bind_closed(fd, server->path);
	if (error < 0)
		return error;
	error = open_to_group(server);
	if (error == 0 && listen(fd, BACKLOG) < 0)
		error = -errno;
	if (error < 0)
		unlink(server->path);
	return error;
}

int ctl_listen(struct ctl_server **result, struct ev_loop *loop, const char *path,
	       const struct ctl_ops *ops, void *arg)
{
	struct ctl_server *server = calloc(1, sizeof(*server));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 ? -errno : -ENOMEM;

	*result = NULL;
	if (fd < 0 || !server)
		goto fail;
	server->loop = loop;
	server->ops = ops;
	server->arg = arg;
	server->path = strdup(path);
	if (!server->path)
		goto fail;
	error = start_listening(server, fd);
	if (error < 0)
		goto fail;
	ev_io_init(&server->acceptable, on_acceptable, fd, EV_READ);
	ev_timer_init(&server->pause, on_pause_over, 0., 0.);
	server->acceptable.data = server->pause.data = server;
	ev_io_start(loop, &server->acceptable);
	*result = server;
	return 0;
fail:
	if (server)
		free(server->path);
	free(server);
	if (fd >= 0)
		close(fd);
	return error;
}

void ctl_server_free(struct ctl_server *server)
{
	struct stat st;

	if (!server)
		return;
	ev_io_stop(server->loop, &server->acceptable);
	ev_timer_stop(server->loop, &server->pause);
	if (lstat(server->path, &st) == 0 && st.st_dev == server->device &&
	    st.st_ino == server->inode)
		unlink(server->path);
	close(server->acceptable.fd);
	for (size_t i = 0; i < server->count; i++)
		ctl_conn_free(server->conn[i]);
	free(server->path);
	free(server);
}

unsigned long long ctl_server_refused(const struct ctl_server *server)
{
	return server->refused;
}

/* --- link ------------------------------------------------------------------------------------- */

static void retry_after(struct ctl_link *link, double seconds)
{
	ev_timer_set(&link->retry, seconds, 0.);
	ev_timer_start(link->loop, &link->retry);
}

static void link_ended(void *owner, struct ctl_conn *conn, bool refused)
{
	struct ctl_link *link = owner;

	(void)refused;
	link->conn = NULL;
	retry_after(link, RETRY_S);
	if (link->ops->closed)
		link->ops->closed(link->arg, conn); /* may free the link */
	ctl_conn_free(conn);
}

/* A daemon that is not up yet is no news; anything else is, once. */
static void complain(struct ctl_link *link, int error)
{
	if (error == link->complained || error == ENOENT || error == ECONNREFUSED ||
	    error == EAGAIN)
		return;
	link->complained = error;
	log_warning("cannot connect to %s: %s; trying on", link->path, strerror(error));
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct ctl_link *link = watcher->data;
	struct ctl_conn_owner owner = { link->ops, link->arg, link_ended, link };
	int fd = ctl_conn_connect(link->path);

	(void)events;
	if (fd >= 0)
		link->conn = ctl_conn_new(loop, fd, &owner);
	else
		complain(link, -fd);
	if (!link->conn) {
		retry_after(link, RETRY_S);
		return;
	}
	link->complained = 0;
	ctl_conn_opened(link->conn);
}

int ctl_link(struct ctl_link **result, struct ev_loop *loop, const char *path,
	     const struct ctl_ops *ops, void *arg)
{
	struct ctl_link *link = calloc(1, sizeof(*link));
	struct sockaddr_un address;
	int error = ctl_conn_address(&address, path);

	*result = NULL;
	if (link)
		link->path = strdup(path);
	if (error < 0 || !link || !link->path) {
		if (link)
			free(link->path);
		free(link);
		return error < 0 ? error : -ENOMEM;
	}
	link->loop = loop;
	link->ops = ops;
	link->arg = arg;
	ev_timer_init(&link->retry, on_retry, 0., 0.);
	link->retry.data = link;
	ev_timer_start(loop, &link->retry);
	*result = link;
	return 0;
}

void ctl_link_free(struct ctl_link *link)
{
	if (!link)
		return;
	ev_timer_stop(link->loop, &link->retry);
	ctl_conn_free(link->conn);
	free(link->path);
	free(link);
}

struct ctl_conn *ctl_link_conn(struct ctl_link *link)
{
	return link->conn;
}
