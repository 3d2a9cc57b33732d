// SPDX-License-Identifier: BSD-2-Clause
/*
 * A stand-in for a Client Access server: endpoint mapper, mailbox and address book, as far as RPC
 * clients and health checks can see them, and everything that can be wrong with them.
 *
 *	casmock NAME CONTROL [mapi=PORTS] [book=PORTS] [wait=MS]
 *
 * PORTS is a static port, or FIRST-LAST to choose one from.  CONTROL is made as a FIFO; it takes
 * lines:
 *
 *	SERVICE FAULT		mapper, mapi or book; the faults are in fault.h, `well` ends them
 *	SERVICE port PORTS	the service ends and begins anew there
 *
 * Each line is answered on standard output by what is so now: SERVICE PORT FAULT.  So is the start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/casmock/service.h"

enum { LINE = 128, WAIT_MS = 300000 };

struct control {
	struct ev_io io;
	struct cas *cas;
	char line[LINE];
	size_t fill;
};

static void tell(const struct service *service)
{
	printf("%s %u %s\n", service->name, service->port, fault_name(service->fault));
	fflush(stdout);
}

static bool read_ports(struct service *service, const char *text)
{
	unsigned int first, last;
	int end = 0;

	if (sscanf(text, "%u-%u%n", &first, &last, &end) != 2 || text[end]) {
		if (sscanf(text, "%u%n", &first, &end) != 1 || text[end])
			return false;
		last = first;
	}
	if (!first || first > last || last > UINT16_MAX)
		return false;
	service->first = (uint16_t)first;
	service->last = (uint16_t)last;
	return true;
}

/* --- control ------------------------------------------------------------------------------ */

static int move(struct service *service, const char *ports)
{
	if (!read_ports(service, ports))
		return -EINVAL;
	service_stop(service);
	service->fault = FAULT_NONE;
	return service_start(service);
}

static int obey(struct service *service, const char *word, const char *ports)
{
	if (!strcmp(word, "port"))
		return move(service, ports);
	if (*ports || fault_named(word) == FAULTS)
		return -EINVAL;
	return service_fail(service, fault_named(word));
}

static void on_line(struct cas *cas, const char *line)
{
	char name[16] = "", word[16] = "", ports[16] = "";
	struct service *service = NULL;
	int error = -EINVAL;

	sscanf(line, "%15s %15s %15s", name, word, ports);
	for (size_t i = 0; i < SERVICES; i++)
		if (!strcmp(cas->service[i].name, name))
			service = &cas->service[i];
	if (service)
		error = obey(service, word, ports);
	if (error)
		printf("%s: %s\n", line, strerror(-error));
	else
		tell(service);
	fflush(stdout);
}

static void on_control(struct ev_loop *loop, ev_io *io, int events)
{
	struct control *control = io->data;
	ssize_t got = read(io->fd, control->line + control->fill,
			   sizeof(control->line) - 1 - control->fill);
	char *end;

	(void)loop;
	(void)events;
	if (got <= 0)
		return;
	control->fill += (size_t)got;
	control->line[control->fill] = '\0';
	while ((end = strchr(control->line, '\n'))) {
		*end = '\0';
		on_line(control->cas, control->line);
		control->fill -= (size_t)(end + 1 - control->line);
		memmove(control->line, end + 1, control->fill + 1);
	}
	if (control->fill == sizeof(control->line) - 1)
		control->fill = 0; /* no command is so long */
}

/* Opened to write, too: so it does not end with the first who has said his line. */
static int control_open(struct control *control, struct cas *cas, const char *path)
{
	int fd = mkfifo(path, 0600) ? -1 : open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	control->cas = cas;
	control->fill = 0;
	ev_io_init(&control->io, on_control, fd, EV_READ);
	control->io.data = control;
	ev_io_start(cas->loop, &control->io);
	return 0;
}

/* --- start -------------------------------------------------------------------------------- */

static bool take_option(struct cas *cas, const char *option)
{
	const char *value = strchr(option, '=');

	if (!value)
		return false;
	value++;
	if (!strncmp(option, "mapi=", 5))
		return read_ports(&cas->service[SERVICE_MAPI], value);
	if (!strncmp(option, "book=", 5))
		return read_ports(&cas->service[SERVICE_BOOK], value);
	if (strncmp(option, "wait=", 5) != 0)
		return false;
	cas->wait_ms = (unsigned int)strtoul(value, NULL, 10);
	return cas->wait_ms > 0;
}

static int start(struct cas *cas)
{
	for (size_t i = 0; i < SERVICES; i++) {
		int error = service_start(&cas->service[i]);

		if (error) {
			fprintf(stderr, "casmock: %s: %s\n", cas->service[i].name,
				strerror(-error));
			return 1;
		}
		tell(&cas->service[i]);
	}
	ev_run(cas->loop, 0);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: casmock NAME CONTROL [mapi=PORTS] [book=PORTS] [wait=MS]\n");
	return 2;
}

int main(int argc, char **argv)
{
	const struct rlimit files = { 65536, 65536 };
	struct control control;
	struct cas cas;
	int error;

	if (argc < 3)
		return usage();
	setrlimit(RLIMIT_NOFILE, &files);
	cas_init(&cas, argv[1], ev_default_loop(0));
	cas.wait_ms = WAIT_MS;
	read_ports(&cas.service[SERVICE_MAPPER], "135");
	read_ports(&cas.service[SERVICE_MAPI], "6005-59530");
	read_ports(&cas.service[SERVICE_BOOK], "6005-59530");
	for (int i = 3; i < argc; i++)
		if (!take_option(&cas, argv[i]))
			return usage();
	error = control_open(&control, &cas, argv[2]);
	if (error) {
		fprintf(stderr, "casmock: %s: %s\n", argv[2], strerror(-error));
		return 1;
	}
	return start(&cas);
}
