// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/attach.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <net/if_arp.h>

#include "conf/log.h"

enum { PATH = 512 };

static void pin_path(char path[PATH], const struct attach *attach, const char *name)
{
	snprintf(path, PATH, "%s/link-%s", attach->dir, name);
}

static int ask(const char *name, unsigned long request, struct ifreq *answer)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return -errno;
	memset(answer, 0, sizeof(*answer));
	snprintf(answer->ifr_name, sizeof(answer->ifr_name), "%s", name);
	if (ioctl(fd, request, answer))
		error = -errno;
	close(fd);
	return error;
}

bool attach_running(const struct attach_port *port)
{
	struct ifreq flags;

	return !ask(port->name, SIOCGIFFLAGS, &flags) &&
	       (flags.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

/* The kernel's FIB helper answers only where the interface forwards. */
static bool forwards(const char *name, enum flow_family family)
{
	char path[PATH], answer = '0';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv%c/conf/%s/forwarding",
		 family == FLOW_IPV4 ? '4' : '6', name);
	file = fopen(path, "re");
	if (!file)
		return true; /* not to be told: do not stand in the way */
	if (fread(&answer, 1, 1, file) != 1)
		answer = '1';
	fclose(file);
	return answer != '0';
}

static int check_forwarding(const char *name, const struct attach_wish *wish)
{
	if (wish->family[FLOW_IPV4] && !forwards(name, FLOW_IPV4)) {
		log_error("interface %s does not forward IPv4: sysctl -w net.ipv4.ip_forward=1 "
			  "(or net.ipv4.conf.%s.forwarding=1)",
			  name, name);
		return -EINVAL;
	}
	if (wish->family[FLOW_IPV6] && !forwards(name, FLOW_IPV6)) {
		log_error("interface %s does not forward IPv6: sysctl -w "
			  "net.ipv6.conf.all.forwarding=1 (or net.ipv6.conf.%s.forwarding=1); it "
			  "then takes routes from router advertisements only with accept_ra=2",
			  name, name);
		return -EINVAL;
	}
	return 0;
}

/* Whether an interface can carry the data plane; its index, or a negative errno. */
static int examine(const char *name, const struct attach_wish *wish)
{
	int ifindex = (int)if_nametoindex(name), error;
	struct ifreq hardware;

	if (!ifindex) {
		log_error("interface %s does not exist: correct forwarding/interface, or create it",
			  name);
		return -ENODEV;
	}
	if (ask(name, SIOCGIFHWADDR, &hardware) || hardware.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
		log_error("interface %s is not Ethernet: the data plane cannot use it", name);
		return -EAFNOSUPPORT;
	}
	error = check_forwarding(name, wish);
	return error ? error : ifindex;
}

/* The interface a link sits on; 0 when that interface has gone. */
static int link_ifindex(int link)
{
	struct bpf_link_info info = { 0 };
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(link, &info, &length) ? 0 : (int)info.xdp.ifindex;
}

static void detach(const struct attach *attach, struct attach_port *port)
{
	char path[PATH];

	if (port->link < 0)
		return;
	pin_path(path, attach, port->name);
	unlink(path);
	close(port->link);
	port->link = -1;
}

/* Takes up the link of a former run; false when there is none that serves. */
static bool adopt(const struct attach *attach, struct attach_port *port)
{
	char path[PATH];
	int link;

	pin_path(path, attach, port->name);
	link = bpf_obj_get(path);
	if (link < 0)
		return false;
	if (link_ifindex(link) != port->ifindex || bpf_link_update(link, attach->program, NULL)) {
		close(link);
		unlink(path); /* of an interface that has gone, or not ours: make it anew */
		return false;
	}
	port->link = link;
	port->pinned = true;
	return true;
}

static int create(const struct attach *attach, struct attach_port *port, enum dataplane_xdp mode)
{
	struct bpf_link_create_opts options = {
		.sz = sizeof(options),
		.flags = mode == XDP_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE,
	};
	char path[PATH];
	int link = bpf_link_create(attach->program, port->ifindex, BPF_XDP, &options), error;

	if (link < 0)
		return -errno;
	pin_path(path, attach, port->name);
	if (bpf_obj_pin(link, path)) {
		error = -errno;
		close(link);
		return error;
	}
	port->link = link;
	return 0;
}

static void explain(const struct attach_port *port, enum dataplane_xdp mode, int error)
{
	if (error == -EBUSY || error == -EEXIST)
		log_error("interface %s already runs another XDP program: ip link set dev %s xdp "
			  "off, or stop what loaded it",
			  port->name, port->name);
	else if (error == -EOPNOTSUPP && mode == XDP_NATIVE)
		log_error("driver of interface %s has no native XDP: set forwarding/xdp to auto or "
			  "generic",
			  port->name);
	else if (error == -ERANGE)
		log_error("MTU of interface %s is too large for XDP: ip link set dev %s mtu 1500",
			  port->name, port->name);
	else
		log_error("XDP is refused on interface %s: %s", port->name, strerror(-error));
}

/*
 * All ports in one mode.  Under `auto` a driver that refuses native makes all generic; links in the
 * wrong mode are made anew, which loses the packets of a moment.
 */
static int attach_all(struct attach *attach, enum dataplane_xdp mode)
{
	for (size_t i = 0; i < attach->count; i++) {
		struct attach_port *port = &attach->port[i];
		int error;

		if (port->link >= 0 && dataplane_xdp(port->ifindex) != mode)
			detach(attach, port);
		if (port->link >= 0)
			continue;
		error = create(attach, port, mode);
		if (error == -EOPNOTSUPP && mode == XDP_NATIVE &&
		    attach->wanted == CONF__FORWARDING__XDP__AUTO) {
			log_info("interface %s has no native XDP: all use generic XDP", port->name);
			return attach_all(attach, XDP_GENERIC);
		}
		if (error) {
			explain(port, mode, error);
			return error;
		}
	}
	attach->mode = mode;
	return 0;
}

static struct attach_port *find(struct attach *attach, const char *name)
{
	for (size_t i = 0; i < attach->count; i++)
		if (!strcmp(attach->port[i].name, name))
			return &attach->port[i];
	return NULL;
}

/* Pins of interfaces that are no longer named, also those of a former run. */
static void drop_others(struct attach *attach)
{
	DIR *pins = opendir(attach->dir);
	const struct dirent *entry;

	while (pins && (entry = readdir(pins))) {
		if (strncmp(entry->d_name, "link-", 5) || find(attach, entry->d_name + 5))
			continue;
		if (!unlinkat(dirfd(pins), entry->d_name, 0))
			log_info("detached from %s", entry->d_name + 5);
	}
	if (pins)
		closedir(pins);
}

/* A mode to begin with: what the configuration says, else what is in use, else native. */
static enum dataplane_xdp first_mode(const struct attach *attach)
{
	if (attach->wanted == CONF__FORWARDING__XDP__GENERIC)
		return XDP_GENERIC;
	for (size_t i = 0; i < attach->count; i++)
		if (attach->wanted == CONF__FORWARDING__XDP__AUTO && attach->port[i].link >= 0 &&
		    dataplane_xdp(attach->port[i].ifindex) == XDP_GENERIC)
			return XDP_GENERIC;
	return XDP_NATIVE;
}

/* The ports of a set, with the links that exist already. */
static int gather(struct attach *next, struct attach *now, const struct attach_wish *wish)
{
	for (const char *const *names = wish->names; *names; names++) {
		struct attach_port *port = &next->port[next->count], *before = find(now, *names);
		int ifindex = examine(*names, wish);

		if (ifindex < 0)
			return ifindex;
		if (find(next, *names))
			continue;
		if (next->count == ATTACH_MAX) {
			log_error("more than %d interfaces", ATTACH_MAX);
			return -E2BIG;
		}
		*port = (struct attach_port){ .ifindex = ifindex, .link = -1 };
		snprintf(port->name, sizeof(port->name), "%s", *names);
		if (before && before->ifindex == ifindex && before->link >= 0) {
			port->link = before->link;
			port->pinned = port->carried = true;
		}
		next->count++;
	}
	for (size_t i = 0; i < next->count; i++)
		if (next->port[i].link < 0)
			adopt(next, &next->port[i]);
	return 0;
}

/* Links made for a set that failed go again; one that was made anew in another mode is kept. */
static void undo(struct attach *attach, struct attach *next)
{
	for (size_t i = 0; i < next->count; i++) {
		struct attach_port *before = find(attach, next->port[i].name);

		if (before)
			before->link = next->port[i].link;
		else if (!next->port[i].pinned)
			detach(next, &next->port[i]);
		else if (next->port[i].link >= 0)
			close(next->port[i].link);
	}
}

int attach_set(struct attach *attach, const struct attach_wish *wish)
{
	struct attach next = { .dir = attach->dir,
			       .program = attach->program,
			       .wanted = wish->xdp };
	int error = gather(&next, attach, wish);

	if (!error)
		error = attach_all(&next, first_mode(&next));
	if (error) {
		undo(attach, &next);
		return error;
	}
	for (size_t i = 0; i < attach->count; i++)
		if (!find(&next, attach->port[i].name) && attach->port[i].link >= 0)
			close(attach->port[i].link);
	*attach = next;
	drop_others(attach);
	for (size_t i = 0; i < attach->count; i++)
		if (!attach->port[i].carried)
			log_info("%s %s, %s XDP",
				 attach->port[i].pinned ? "still attached to" : "attached to",
				 attach->port[i].name,
				 attach->mode == XDP_NATIVE ? "native" : "generic");
	return 0;
}

void attach_init(struct attach *attach, const char *dir, int program)
{
	*attach = (struct attach){ .dir = dir, .program = program };
}

/* One interface that may have gone and come back under the same name. */
static bool refresh(struct attach *attach, struct attach_port *port)
{
	int ifindex = (int)if_nametoindex(port->name), error;

	if (port->link >= 0 && link_ifindex(port->link) == ifindex && ifindex)
		return true;
	if (port->link >= 0)
		log_warning("interface %s has gone", port->name);
	detach(attach, port);
	if (!ifindex)
		return false;
	port->ifindex = ifindex;
	error = create(attach, port, attach->mode);
	if (error)
		log_debug("interface %s not attached again: %s", port->name, strerror(-error));
	else
		log_info("attached to %s again", port->name);
	return !error;
}

bool attach_refresh(struct attach *attach, char why[ATTACH_TEXT])
{
	bool all = true;

	why[0] = '\0';
	for (size_t i = 0; i < attach->count; i++) {
		if (refresh(attach, &attach->port[i]))
			continue;
		all = false;
		snprintf(why, ATTACH_TEXT, "data plane is not attached to %s",
			 attach->port[i].name);
	}
	return all;
}

void attach_close(struct attach *attach)
{
	for (size_t i = 0; i < attach->count; i++)
		if (attach->port[i].link >= 0)
			close(attach->port[i].link);
	attach->count = 0;
}
