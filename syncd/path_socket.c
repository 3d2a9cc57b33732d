// SPDX-License-Identifier: BSD-2-Clause
/* The sockets of a path, and what may be wrong with them. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "syncd/path.h"

enum {
	BACKLOG = 8,
	/*
	 * What lies in the kernel's buffers is in front of every heartbeat.  Left to themselves
	 * they grow to megabytes in a snapshot, half a second of work for the follower.  Neighbours
	 * need little: the kernel doubles it, and that is 100 MB/s and more on any LAN.
	 */
	BUFFER = 128 << 10,
};

static int set_options(int fd, const struct path_config *config)
{
	const char *name = config->interface;
	unsigned int timeout = config->timeout_ms;
	int one = 1, buffer = BUFFER, err = endpoint_one_hop(&config->local, fd);

	if (err)
		return err;
	if (*name &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1) < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)) < 0)
		return -errno;
	return 0;
}

/* A socket bound to our end, or a negative errno. */
int path_socket(const struct path_config *config)
{
	int fd = socket(config->local.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = set_options(fd, config);
	if (!err && bind(fd, &config->local.any, endpoint_length(&config->local)) < 0)
		err = -errno;
	/* A kernel may give no filter to who has no right: then path.c turns strangers away itself.
	 */
	if (!err && config->listens)
		endpoint_only_from(&config->remote, fd);
	if (!err && config->listens && listen(fd, BACKLOG) < 0)
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

void path_explain(struct path *path, int err)
{
	char address[ADDR_TEXT];
	const char *interface = path->config.interface;
	unsigned int port = endpoint_port(&path->config.local);

	endpoint_print(address, &path->config.local);
	if (err == -EADDRINUSE)
		snprintf(path->why, sizeof(path->why),
			 "port %u of %s is in use: stop the program that listens there "
			 "(ss -ltnp), or set another sync.port on both nodes",
			 port, address);
	else if (err == -EADDRNOTAVAIL)
		snprintf(path->why, sizeof(path->why),
			 "%s is not an address of this machine: configure it on the sync "
			 "interface, or correct `sync` of this node",
			 address);
	else if (err == -ENODEV)
		snprintf(path->why, sizeof(path->why),
			 "sync.path %s: no such interface on this machine", interface);
	else
		snprintf(path->why, sizeof(path->why), "%s port %u %s: %s", address, port,
			 interface, strerror(-err));
}
