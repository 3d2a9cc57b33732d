/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet program on one interface: by an XDP link, by a tcx link (Linux 6.6), or before that as
 * a filter of a clsact qdisc.  What holds it there is pinned under the interface's name, so it
 * stays when this process goes: `link-NAME`, `tcx-NAME`, and `clsact-NAME`, which is the program.
 */
#ifndef CASPAIR_HOOK_H
#define CASPAIR_HOOK_H

#include <stdbool.h>

enum hook_kind { HOOK_NONE, HOOK_NATIVE, HOOK_GENERIC, HOOK_TC };

struct hook {
	enum hook_kind kind;
	bool clsact; /* of kind HOOK_TC */
	int ifindex;
	int fd; /* of what is pinned; -1: nothing is */
};

/* The names used in status and logs. */
const char *hook_text(enum hook_kind kind);

/*
 * Puts a program on an interface and pins it.  0, or a negative errno and *hook as it was:
 * -EOPNOTSUPP when the driver has no native XDP.
 */
int hook_make(struct hook *hook, const char *dir, const char *name, enum hook_kind kind,
	      int program);

/* What a former run left on an interface whose hook.ifindex is set; false: nothing that holds. */
bool hook_find(struct hook *hook, const char *dir, const char *name);

/* Exchanges the program, without a packet lost.  0 or a negative errno. */
int hook_update(struct hook *hook, const char *dir, const char *name, int program);

/* Whether the program is still where it was put. */
bool hook_holds(const struct hook *hook);

/* Takes it away, pin and all. */
void hook_remove(struct hook *hook, const char *dir, const char *name);

/* Closes the descriptor alone. */
void hook_leave(struct hook *hook);

/* What the name of a pin says is hooked: its interface, NULL for other pins. */
const char *hook_of_pin(const char *pin);

/* Whether that is the pin of this one. */
bool hook_is_pinned_as(const struct hook *hook, const char *name, const char *pin);

/* Takes a pin away by its name, and what it holds on its interface.  0 or a negative errno. */
int hook_unpin(const char *dir, const char *pin);

#endif
