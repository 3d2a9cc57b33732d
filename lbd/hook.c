// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/hook.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>

#include "lbd/dataplane.h"

enum { PATH = 512 };

/* Newer than the headers that this is built with; part of the kernel's interface. */
enum { ATTACH_TCX_INGRESS = 46 };

/* The filter's place; nobody else's is touched. */
enum { CLSACT_HANDLE = 0xca5, CLSACT_PRIORITY = 1 };

enum { PIN_XDP, PIN_TCX, PIN_CLSACT, PINS };
static const char *const prefix[PINS] = {
	[PIN_XDP] = "link-", [PIN_TCX] = "tcx-", [PIN_CLSACT] = "clsact-"
};

const char *hook_text(enum hook_kind kind)
{
	static const char *const text[] = {
		[HOOK_NONE] = "none",
		[HOOK_NATIVE] = "native XDP",
		[HOOK_GENERIC] = "generic XDP",
		[HOOK_TC] = "tc",
	};

	return text[kind];
}

static int pin_of(const struct hook *hook)
{
	if (hook->kind != HOOK_TC)
		return PIN_XDP;
	return hook->clsact ? PIN_CLSACT : PIN_TCX;
}

static void pin_path(char path[PATH], const char *dir, int pin, const char *name)
{
	snprintf(path, PATH, "%s/%s%s", dir, prefix[pin], name);
}

static struct bpf_tc_hook ingress_of(int ifindex)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook),
				     .ifindex = ifindex,
				     .attach_point = BPF_TC_INGRESS };
}

/* Replaces what we have there: one message to the kernel, and no moment without a program. */
static int clsact_put(int ifindex, int program)
{
	struct bpf_tc_hook ingress = ingress_of(ifindex);
	struct bpf_tc_opts options = { .sz = sizeof(options),
				       .prog_fd = program,
				       .flags = BPF_TC_F_REPLACE,
				       .handle = CLSACT_HANDLE,
				       .priority = CLSACT_PRIORITY };
	int error = bpf_tc_hook_create(&ingress);

	if (error && error != -EEXIST)
		return error;
	return bpf_tc_attach(&ingress, &options);
}

/* The program that the filter runs; 0: there is none. */
static uint32_t clsact_program(int ifindex)
{
	struct bpf_tc_hook ingress = ingress_of(ifindex);
	struct bpf_tc_opts options = { .sz = sizeof(options),
				       .handle = CLSACT_HANDLE,
				       .priority = CLSACT_PRIORITY };

	return bpf_tc_query(&ingress, &options) ? 0 : options.prog_id;
}

static uint32_t program_number(int program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(program, &info, &length) ? 0 : info.id;
}

static void clsact_take(int ifindex)
{
	struct bpf_tc_hook ingress = ingress_of(ifindex);
	struct bpf_tc_opts options = { .sz = sizeof(options),
				       .handle = CLSACT_HANDLE,
				       .priority = CLSACT_PRIORITY };

	/* The qdisc stays: others may have filters in it. */
	bpf_tc_detach(&ingress, &options);
}

/* The interface that a link sits on; 0 when that has gone. */
static int link_ifindex(int link)
{
	struct bpf_link_info info = { 0 };
	uint32_t length = sizeof(info);

	/* A tcx link's stands at the same place. */
	return bpf_obj_get_info_by_fd(link, &info, &length) ? 0 : (int)info.xdp.ifindex;
}

/* A link, or -errno. */
static int link_make(int ifindex, enum hook_kind kind, int program)
{
	struct bpf_link_create_opts options = { .sz = sizeof(options) };
	int link;

	if (kind != HOOK_TC)
		options.flags = kind == HOOK_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	link = bpf_link_create(program, ifindex,
			       kind == HOOK_TC ? (enum bpf_attach_type)ATTACH_TCX_INGRESS : BPF_XDP,
			       &options);
	return link < 0 ? -errno : link;
}

/* Sets a filter where the kernel has no tcx; its pin is a descriptor of the program. */
static int clsact_make(struct hook *hook, int program)
{
	int error = clsact_put(hook->ifindex, program);

	if (error)
		return error;
	hook->clsact = true;
	hook->fd = dup(program);
	return hook->fd < 0 ? -errno : 0;
}

int hook_make(struct hook *hook, const char *dir, const char *name, enum hook_kind kind,
	      int program)
{
	struct hook made = { .kind = kind, .ifindex = hook->ifindex };
	char path[PATH];
	int error = 0;

	made.fd = link_make(made.ifindex, kind, program);
	if (made.fd == -EINVAL && kind == HOOK_TC)
		error = clsact_make(&made, program);
	else if (made.fd < 0)
		error = made.fd;
	if (error)
		return error;
	pin_path(path, dir, pin_of(&made), name);
	unlink(path); /* of an interface that has gone */
	if (bpf_obj_pin(made.fd, path)) {
		error = -errno;
		if (made.clsact)
			clsact_take(made.ifindex);
		close(made.fd);
		return error;
	}
	*hook = made;
	return 0;
}

bool hook_holds(const struct hook *hook)
{
	if (hook->fd < 0)
		return false;
	if (hook->clsact)
		return clsact_program(hook->ifindex) == program_number(hook->fd);
	return link_ifindex(hook->fd) == hook->ifindex;
}

static enum hook_kind kind_of_xdp(int ifindex)
{
	return dataplane_xdp(ifindex) == XDP_NATIVE ? HOOK_NATIVE : HOOK_GENERIC;
}

bool hook_find(struct hook *hook, const char *dir, const char *name)
{
	char path[PATH];

	for (int pin = 0; pin < PINS; pin++) {
		struct hook found = { .kind = HOOK_TC,
				      .clsact = pin == PIN_CLSACT,
				      .ifindex = hook->ifindex };

		pin_path(path, dir, pin, name);
		found.fd = bpf_obj_get(path);
		if (found.fd < 0)
			continue;
		if (hook_holds(&found)) {
			if (pin == PIN_XDP)
				found.kind = kind_of_xdp(found.ifindex);
			*hook = found;
			return true;
		}
		close(found.fd);
		unlink(path); /* of an interface that has gone */
	}
	return false;
}

int hook_update(struct hook *hook, const char *dir, const char *name, int program)
{
	char path[PATH];
	int error, fd;

	if (!hook->clsact)
		return bpf_link_update(hook->fd, program, NULL) ? -errno : 0;
	pin_path(path, dir, PIN_CLSACT, name);
	error = clsact_put(hook->ifindex, program);
	fd = error ? -1 : dup(program);
	if (fd < 0)
		return error ? error : -errno;
	unlink(path);
	if (bpf_obj_pin(fd, path))
		error = -errno;
	close(hook->fd);
	hook->fd = fd;
	return error;
}

void hook_remove(struct hook *hook, const char *dir, const char *name)
{
	char path[PATH];

	if (hook->fd < 0)
		return;
	pin_path(path, dir, pin_of(hook), name);
	unlink(path);
	if (hook->clsact && hook_holds(hook))
		clsact_take(hook->ifindex);
	hook_leave(hook);
}

void hook_leave(struct hook *hook)
{
	if (hook->fd >= 0)
		close(hook->fd);
	hook->fd = -1;
	hook->kind = HOOK_NONE;
}

const char *hook_of_pin(const char *pin)
{
	for (int i = 0; i < PINS; i++)
		if (!strncmp(pin, prefix[i], strlen(prefix[i])))
			return pin + strlen(prefix[i]);
	return NULL;
}

bool hook_is_pinned_as(const struct hook *hook, const char *name, const char *pin)
{
	size_t length = strlen(prefix[pin_of(hook)]);

	return !strncmp(pin, prefix[pin_of(hook)], length) && !strcmp(pin + length, name);
}

int hook_unpin(const char *dir, const char *pin)
{
	const char *name = hook_of_pin(pin);
	struct hook hook = { .kind = HOOK_TC, .clsact = true, .fd = -1 };
	char path[PATH];

	snprintf(path, sizeof(path), "%s/%s", dir, pin);
	if (name && !strncmp(pin, prefix[PIN_CLSACT], strlen(prefix[PIN_CLSACT]))) {
		hook.ifindex = (int)if_nametoindex(name);
		hook.fd = bpf_obj_get(path);
		if (hook.fd >= 0 && hook_holds(&hook))
			clsact_take(hook.ifindex);
		hook_leave(&hook);
	}
	return unlink(path) ? -errno : 0;
}
