/* SPDX-License-Identifier: BSD-2-Clause */
/* The addresses that the kernel has on its interfaces, both families: look, add, remove. */
#ifndef CASPAIR_IFADDR_H
#define CASPAIR_IFADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/addr.h"

struct ifaddrmsg;
struct nl_sock;
struct nlattr;

/* What our own additions are marked with (IFA_PROTO), so that a crash's leftovers can be found. */
enum { IFADDR_PROTOCOL = 112 };

struct ifaddr_item {
	struct addr addr;
	int ifindex;
	uint8_t prefix, protocol;
	bool tentative; /* IPv6: duplicates are still looked for, or were found */
};

struct ifaddr_list {
	struct ifaddr_item *item;
	size_t count;
};

/* The address of a message of the kernel, with its attributes parsed; false: of no family of ours.
 */
bool ifaddr_read(struct addr *addr, const struct ifaddrmsg *message, struct nlattr **attrs);

/* fe80::/10 */
bool ifaddr_is_link_local(const struct addr *addr);

/* Every address of this network namespace; the caller frees it.  0 or -errno, logged. */
int ifaddr_look(struct nl_sock *sock, struct ifaddr_list *list);
void ifaddr_free(struct ifaddr_list *list);

/* Whether the subnet of an interface's address holds another one. */
bool ifaddr_holds(const struct ifaddr_item *seen, const struct addr *addr);
/* Whether a subnet of that interface holds the address; true as well when that cannot be told. */
bool ifaddr_on_link(struct nl_sock *sock, const struct addr *addr, int ifindex);

bool ifaddr_present(struct nl_sock *sock, const struct addr *addr, int ifindex);

/*
 * A link-local address of the node itself on that interface.  `addr` keeps its value as long as
 * that is one; otherwise another is chosen, or none (family 0).
 */
void ifaddr_link_local(struct nl_sock *sock, int ifindex, struct addr *addr);

/*
 * /32 or /128, marked as ours; IPv6 without looking for duplicates and never the source of anything
 * that does not ask for it.  There already, or gone already, is fine.  0 or -errno, logged.
 */
int ifaddr_add(struct nl_sock *sock, const struct addr *addr, int ifindex);
/* With its prefix length: without it the kernel may remove another address. */
int ifaddr_remove(struct nl_sock *sock, const struct ifaddr_item *ifaddr);

#endif
