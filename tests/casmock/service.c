// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/service.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/casmock/connection.h"

enum { BACKLOG = 4096 };

static const struct interface *const mapper[] = { &interface_mapper, &interface_management, NULL };
static const struct interface *const mapi[] = { &interface_mail, &interface_mail_async,
						&interface_management, NULL };
static const struct interface *const book[] = { &interface_book, &interface_referral,
						&interface_management, NULL };

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)loop;
	(void)events;
	if (fd >= 0)
		connection_begin(io->data, fd);
}

void cas_init(struct cas *cas, const char *name, struct ev_loop *loop)
{
	static const struct {
		const char *name;
		const struct interface *const *interface;
	} all[SERVICES] = { [SERVICE_MAPPER] = { "mapper", mapper },
			    [SERVICE_MAPI] = { "mapi", mapi },
			    [SERVICE_BOOK] = { "book", book } };

	memset(cas, 0, sizeof(*cas));
	cas->name = name;
	cas->loop = loop;
	for (size_t i = 0; i < SERVICES; i++) {
		struct service *service = &cas->service[i];

		service->name = all[i].name;
		service->interface = all[i].interface;
		service->cas = cas;
		service->fd = -1;
		ev_init(&service->accept, on_accept);
		service->accept.data = service;
	}
}

/* --- the port ----------------------------------------------------------------------------- */

/* A socket of both families; a negative errno. */
static int listen_at(uint16_t port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
	const int one = 1, zero = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, BACKLOG)) {
		error = -errno;
		close(fd);
	}
	return error ? error : fd;
}

/* Any port of the range, as a server does that has none of its own. */
static int listen_somewhere(struct service *service)
{
	unsigned int count = service->last - service->first + 1u, start = 0;
	int fd = -EADDRINUSE;

	if (getrandom(&start, sizeof(start), 0) != sizeof(start))
		return -EIO;
	for (unsigned int i = 0; i < count && fd == -EADDRINUSE; i++) {
		service->port = (uint16_t)(service->first + (start % count + i) % count);
		fd = listen_at(service->port);
	}
	return fd;
}

int service_start(struct service *service)
{
	int fd = listen_somewhere(service);

	if (fd < 0)
		return fd;
	service->fd = fd;
	ev_io_set(&service->accept, fd, EV_READ);
	ev_io_start(service->cas->loop, &service->accept);
	return 0;
}

static void stop_listening(struct service *service)
{
	if (service->fd < 0)
		return;
	ev_io_stop(service->cas->loop, &service->accept);
	close(service->fd);
	service->fd = -1;
}

void service_stop(struct service *service)
{
	stop_listening(service);
	while (!LIST_EMPTY(&service->connections))
		connection_reset(LIST_FIRST(&service->connections));
}

/* --- faults ------------------------------------------------------------------------------- */

/* What comes for a listening socket is lost, as on a wire that is cut, by a filter that takes
 * nothing. */
static int set_deaf(const struct service *service, bool deaf)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { .len = 1, .filter = &nothing };
	int error;

	error = deaf ? setsockopt(service->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
				  sizeof(filter))
		     : setsockopt(service->fd, SOL_SOCKET, SO_DETACH_FILTER, &filter.len,
				  sizeof(int));
	return error ? -errno : 0;
}

static void set_halted(struct service *service, bool halted)
{
	struct connection *connection;

	if (halted)
		ev_io_stop(service->cas->loop, &service->accept);
	else
		ev_io_start(service->cas->loop, &service->accept);
	LIST_FOREACH (connection, &service->connections, next) {
		if (halted)
			connection_halt(connection);
		else
			connection_resume(connection);
	}
}

/* Of a process that has ended, nothing is left to go on with. */
static int begin_anew(struct service *service)
{
	service_stop(service);
	return service_start(service);
}

int service_fail(struct service *service, enum fault fault)
{
	enum fault before = service->fault;
	int error = 0;

	if (!fault_listens(before) && fault_listens(fault))
		error = begin_anew(service);
	if (!error && before == FAULT_DEAF)
		error = set_deaf(service, false);
	if (!error && fault == FAULT_DEAF)
		error = set_deaf(service, true);
	if (error)
		return error;
	service->fault = fault;
	if (fault == FAULT_DIE)
		service_stop(service);
	else
		set_halted(service, !fault_answers(fault));
	if (!fault_listens(fault))
		stop_listening(service);
	return 0;
}
