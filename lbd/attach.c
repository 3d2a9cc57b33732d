// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/attach.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if_arp.h>

#include "conf/log.h"

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

static int ask_driver(const char *name, struct ethtool_drvinfo *info)
{
	struct ifreq request = { .ifr_data = (void *)info };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return -errno;
	*info = (struct ethtool_drvinfo){ .cmd = ETHTOOL_GDRVINFO };
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCETHTOOL, &request))
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
	char path[64], answer = '0';
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

static void explain(const struct attach_port *port, enum hook_kind kind, int error)
{
	if (error == -EBUSY || error == -EEXIST)
		log_error("interface %s already runs another XDP program: ip link set dev %s xdp "
			  "off, or stop what loaded it",
			  port->name, port->name);
	else if (error == -EOPNOTSUPP && kind == HOOK_NATIVE)
		log_error("driver of interface %s has no native XDP: set forwarding/xdp to auto or "
			  "generic",
			  port->name);
	else if (error == -ERANGE)
		log_error("MTU of interface %s is too large for XDP: ip link set dev %s mtu 1500",
			  port->name, port->name);
	else
		log_error("%s is refused on interface %s: %s", hook_text(kind), port->name,
			  strerror(-error));
}

/* The program for a hook, or a negative errno. */
static int program_for(const struct attach *attach, enum hook_kind kind)
{
	return kind == HOOK_TC ? dataplane_tc(attach->plane) : attach->plane->xdp;
}

/*
 * Brings a port from one mode of XDP to the other: an interface has no room for both, so tc stands
 * in meanwhile.
 */
static int exchange(const struct attach *attach, struct attach_port *port, enum hook_kind kind,
		    int program)
{
	struct hook old = port->hook, between = { .ifindex = old.ifindex, .fd = -1 };
	int for_tc = dataplane_tc(attach->plane), error;

	error = for_tc < 0 ? for_tc : hook_make(&between, attach->dir, port->name, HOOK_TC, for_tc);
	if (error)
		log_warning("interface %s is without a program for a moment: tc cannot stand in "
			    "(%s)",
			    port->name, strerror(-error));
	hook_remove(&old, attach->dir, port->name);
	error = hook_make(&port->hook, attach->dir, port->name, kind, program);
	if (error)
		port->hook = between; /* better than none */
	else
		hook_remove(&between, attach->dir, port->name);
	return error;
}

/*
 * Brings a port to a hook.  From XDP to tc or back both are there for an instant: XDP sees the
 * packet first, and what it takes tc does not see.  Without any, the kernel would answer sessions
 * that it does not know.
 */
static int move(const struct attach *attach, struct attach_port *port, enum hook_kind kind,
		int program)
{
	struct hook old = port->hook;
	int error;

	if (old.fd >= 0 && old.kind != HOOK_TC && kind != HOOK_TC)
		return exchange(attach, port, kind, program);
	error = hook_make(&port->hook, attach->dir, port->name, kind, program);
	if (!error)
		hook_remove(&old, attach->dir, port->name);
	return error;
}

/* What follows where a driver has no native XDP. */
static enum hook_kind second_choice(const struct attach *attach)
{
	if (attach->xdp != CONF__FORWARDING__XDP__AUTO)
		return HOOK_NONE;
	return attach->place == CONF__FORWARDING__PLACE__HOOK__XDP ? HOOK_GENERIC : HOOK_TC;
}

/* All ports by one hook: 0, or a negative errno and in *failed the port, NULL: the reason is
 * logged.
 */
static int bring_all(struct attach *attach, enum hook_kind kind, struct attach_port **failed)
{
	int program = program_for(attach, kind), error;

	*failed = NULL;
	if (program < 0)
		return program;
	for (size_t i = 0; i < attach->count; i++) {
		struct attach_port *port = &attach->port[i];

		if (port->hook.kind == kind)
			continue;
		error = move(attach, port, kind, program);
		if (error) {
			*failed = port;
			return error;
		}
	}
	attach->kind = kind;
	return 0;
}

static int attach_all(struct attach *attach, enum hook_kind kind)
{
	struct attach_port *failed;
	int error = bring_all(attach, kind, &failed);
	enum hook_kind next = second_choice(attach);

	if (error == -EOPNOTSUPP && failed && kind == HOOK_NATIVE && next != HOOK_NONE) {
		snprintf(attach->why, sizeof(attach->why), "%s has no native XDP", failed->name);
		kind = next;
		error = bring_all(attach, kind, &failed);
	}
	if (error && failed)
		explain(failed, kind, error);
	return error;
}

static struct attach_port *find(struct attach *attach, const char *name)
{
	for (size_t i = 0; i < attach->count; i++)
		if (!strcmp(attach->port[i].name, name))
			return &attach->port[i];
	return NULL;
}

/* Pins of interfaces that are no longer named, or of another hook; also those of a former run. */
static void drop_others(struct attach *attach)
{
	DIR *pins = opendir(attach->dir);
	const struct dirent *entry;

	while (pins && (entry = readdir(pins))) {
		const char *name = hook_of_pin(entry->d_name);
		const struct attach_port *port = name ? find(attach, name) : NULL;

		if (!name || (port && hook_is_pinned_as(&port->hook, name, entry->d_name)))
			continue;
		if (!hook_unpin(attach->dir, entry->d_name))
			log_info("detached from %s", name);
	}
	if (pins)
		closedir(pins);
}

/* Drivers of devices that hand over packets larger than an MTU, and partial checksums. */
static bool is_virtual(const char *name)
{
	static const char *const drivers[] = { "veth",
					       "virtio_net",
					       "vmxnet3",
					       "hv_netvsc",
					       "vif",
					       "tun",
					       "bonding",
					       "team",
					       "macvlan",
					       "ipvlan",
					       "bridge",
					       "dummy",
					       "802.1Q VLAN Support" };
	struct ethtool_drvinfo info;

	if (ask_driver(name, &info))
		return true; /* no driver of metal keeps silent */
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
		if (!strncmp(info.driver, drivers[i], sizeof(info.driver)))
			return true;
	return false;
}

static const struct attach_port *first_virtual(const struct attach *attach)
{
	for (size_t i = 0; i < attach->count; i++)
		if (is_virtual(attach->port[i].name))
			return &attach->port[i];
	return NULL;
}

static bool runs_generic(const struct attach *attach)
{
	for (size_t i = 0; i < attach->count; i++)
		if (attach->port[i].hook.kind == HOOK_GENERIC)
			return true;
	return false;
}

/* A hook to begin with, and in `why` the reason. */
static enum hook_kind first_kind(struct attach *attach)
{
	const struct attach_port *port;

	snprintf(attach->why, sizeof(attach->why), "configured");
	if (attach->place == CONF__FORWARDING__PLACE__HOOK__TC)
		return HOOK_TC;
	if (attach->xdp == CONF__FORWARDING__XDP__GENERIC)
		return HOOK_GENERIC;
	if (attach->xdp == CONF__FORWARDING__XDP__NATIVE)
		return HOOK_NATIVE;
	if (attach->place == CONF__FORWARDING__PLACE__HOOK__XDP) {
		bool generic = runs_generic(attach);

		snprintf(attach->why, sizeof(attach->why), "%s",
			 generic ? "in use already" : "all drivers have it");
		return generic ? HOOK_GENERIC : HOOK_NATIVE;
	}
	port = first_virtual(attach);
	if (port)
		snprintf(attach->why, sizeof(attach->why), "%s is a virtual device", port->name);
	else
		snprintf(attach->why, sizeof(attach->why), "all drivers have it");
	return port ? HOOK_TC : HOOK_NATIVE;
}

/* Takes up what a former run left on a port, with the program of today. */
static void adopt(const struct attach *attach, struct attach_port *port)
{
	int program, error;

	if (!hook_find(&port->hook, attach->dir, port->name))
		return;
	program = program_for(attach, port->hook.kind);
	error = program < 0 ? program : hook_update(&port->hook, attach->dir, port->name, program);
	if (error)
		hook_remove(&port->hook, attach->dir, port->name); /* not ours: made anew */
	else
		port->pinned = true;
}

/* The ports of a set, with what is attached to them already. */
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
		*port = (struct attach_port){ .hook = { .ifindex = ifindex, .fd = -1 } };
		snprintf(port->name, sizeof(port->name), "%s", *names);
		if (before && before->hook.ifindex == ifindex && before->hook.fd >= 0) {
			port->hook = before->hook;
			port->pinned = port->carried = true;
		}
		next->count++;
	}
	for (size_t i = 0; i < next->count; i++)
		if (next->port[i].hook.fd < 0)
			adopt(next, &next->port[i]);
	return 0;
}

/* What was made for a set that failed goes again; a port that was moved is kept. */
static void undo(struct attach *attach, struct attach *next)
{
	for (size_t i = 0; i < next->count; i++) {
		struct attach_port *port = &next->port[i], *before = find(attach, port->name);

		if (before)
			before->hook = port->hook;
		else if (!port->pinned)
			hook_remove(&port->hook, next->dir, port->name);
		else
			hook_leave(&port->hook);
	}
}

int attach_set(struct attach *attach, const struct attach_wish *wish)
{
	struct attach next = {
		.dir = attach->dir, .plane = attach->plane, .xdp = wish->xdp, .place = wish->place
	};
	int error = gather(&next, attach, wish);

	if (!error)
		error = attach_all(&next, first_kind(&next));
	if (error) {
		undo(attach, &next);
		return error;
	}
	for (size_t i = 0; i < attach->count; i++)
		if (!find(&next, attach->port[i].name))
			hook_leave(&attach->port[i].hook);
	*attach = next;
	drop_others(attach);
	for (size_t i = 0; i < attach->count; i++)
		if (!attach->port[i].carried)
			log_info("%s %s, %s (%s)",
				 attach->port[i].pinned ? "still attached to" : "attached to",
				 attach->port[i].name, hook_text(attach->kind), attach->why);
	return 0;
}

void attach_init(struct attach *attach, const char *dir, struct dataplane *plane)
{
	*attach = (struct attach){ .dir = dir, .plane = plane };
}

/* One interface that may have gone and come back under the same name. */
static bool refresh(struct attach *attach, struct attach_port *port)
{
	int ifindex = (int)if_nametoindex(port->name), program, error;

	if (ifindex && port->hook.ifindex == ifindex && hook_holds(&port->hook))
		return true;
	if (port->hook.fd >= 0)
		log_warning("interface %s has gone", port->name);
	hook_remove(&port->hook, attach->dir, port->name);
	if (!ifindex)
		return false;
	port->hook.ifindex = ifindex;
	program = program_for(attach, attach->kind);
	error = program < 0
			? program
			: hook_make(&port->hook, attach->dir, port->name, attach->kind, program);
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
		hook_leave(&attach->port[i].hook);
	attach->count = 0;
}
