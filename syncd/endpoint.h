/* SPDX-License-Identifier: BSD-2-Clause */
/* An end of the channel: an address of either family and a port, as sockets want it. */
#ifndef CASPAIR_SYNCD_ENDPOINT_H
#define CASPAIR_SYNCD_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "proto/addr.h"

union endpoint {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

/*
 * From text, with the port in host order.  A link-local address is of `interface`.  False for what
 * is no address, and for a link-local one where `interface` is none.
 */
bool endpoint_parse(union endpoint *end, const char *text, uint16_t port, const char *interface);

const char *endpoint_print(char text[ADDR_TEXT], const union endpoint *end);
uint16_t endpoint_port(const union endpoint *end); /* host order */
socklen_t endpoint_length(const union endpoint *end);

bool endpoint_same(const union endpoint *a, const union endpoint *b);

/* The same address, whatever the ports. */
bool endpoint_same_host(const union endpoint *a, const union endpoint *b);

/*
 * For a TCP socket of that family: packets leave with the greatest number of hops to go, and those
 * that arrive with less came through a router and are dropped (RFC 5082).  0 or negative errno.
 */
int endpoint_one_hop(const union endpoint *end, int fd);

/*
 * For a TCP socket of that family: what does not come from this address is dropped before it is a
 * connection, or part of one.  Connections that a listener accepts inherit it.  0 or negative
 * errno.
 */
int endpoint_only_from(const union endpoint *end, int fd);

/* How many segments have been dropped at a listener: foreign ones, and those for which its queue
 * had no room. */
uint32_t endpoint_dropped(int listener);

#endif
