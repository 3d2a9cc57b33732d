/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses, ports and ranges as values: parse, print, compare. Pure. */
#ifndef CASPAIR_ADDR_H
#define CASPAIR_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An IPv4 or IPv6 address.  bytes beyond the family's length are zero, so memcmp() compares. */
struct addr {
	uint8_t family; /* 4 or 6; 0: none */
	uint8_t bytes[16];
};

enum { ADDR_TEXT = 46, ADDR_PORT_TEXT = 54 };

/* Exactly one address in the usual notation, nothing before or after it. */
bool addr_parse(struct addr *addr, const char *text);
/* IPv4 only, network order; false for anything else. */
bool addr_parse4(uint32_t *addr, const char *text);
/* An IPv4 address, network order, as a value. */
struct addr addr_from4(uint32_t addr_be);
const char *addr_print(char text[ADDR_TEXT], const struct addr *addr);
const char *addr_print4(char text[ADDR_TEXT], uint32_t addr_be);
/* "10.0.0.1:80"; port in network order. */
const char *addr_print4_port(char text[ADDR_PORT_TEXT], uint32_t addr_be, uint16_t port_be);
int addr_compare(const struct addr *a, const struct addr *b);

#endif
