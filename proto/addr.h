/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses, ports and ranges as values: parse, print, compare. Pure. */
#ifndef CASPAIR_ADDR_H
#define CASPAIR_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_ip.h"

/* An IPv4 or IPv6 address.  bytes beyond the family's length are zero, so memcmp() compares. */
struct addr {
	uint8_t family; /* 4 or 6; 0: none */
	uint8_t bytes[16];
};

enum { ADDR_TEXT = 46, ADDR_PORT_TEXT = 54 };

/*
 * Exactly one address in the usual notation, nothing before or after it.  An IPv4 address in IPv6
 * clothes (::ffff:a.b.c.d) is none: it would be two spellings of one thing.
 */
bool addr_parse(struct addr *addr, const char *text);
/* IPv4 only, network order; false for anything else. */
bool addr_parse4(uint32_t *addr, const char *text);
/* An IPv4 address, network order, as a value. */
struct addr addr_from4(uint32_t addr_be);
const char *addr_print(char text[ADDR_TEXT], const struct addr *addr);
const char *addr_print4(char text[ADDR_TEXT], uint32_t addr_be);
int addr_compare(const struct addr *a, const struct addr *b);

/* The same as the tables of the data plane have it; no address there is none here. */
struct flow_ip addr_to_flow(const struct addr *addr);
struct addr addr_from_flow(const struct flow_ip *ip);
/* Parses either family straight into a table's form. */
bool addr_parse_flow(struct flow_ip *ip, const char *text);
const char *addr_print_flow(char text[ADDR_TEXT], const struct flow_ip *ip);
/* "10.0.0.1:80" or "[2001:db8::1]:80"; port in network order. */
const char *addr_print_flow_port(char text[ADDR_PORT_TEXT], const struct flow_ip *ip,
				 uint16_t port_be);
/* 4 or 6, as in struct addr; 0: none. */
uint8_t addr_flow_family(const struct flow_ip *ip);

/*
 * What a virtual router's hosts may use as their router, from its virtual MAC address (RFC
 * 9568, 7.3 and 5.1.2.2): fe80::200:5eff:fe00:2xx of VRID xx.
 */
struct addr addr_virtual_router(uint8_t vrid);

#endif
