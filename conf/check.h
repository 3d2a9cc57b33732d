/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong only in company: names, addresses, ports and numbers that do not go together. */
#ifndef CASPAIR_CHECK_H
#define CASPAIR_CHECK_H

#include "conf/source.h"

/* As written, parts may be missing: only what is there is compared. */
struct check {
	const Conf__Config *file;
	const struct conf_source *source;
	struct conf_faults *faults;
};

/* Works on what could be read of a file that may have faults already.  False: no memory. */
bool check_config(const Conf__Config *file, const struct conf_source *source,
		  struct conf_faults *faults);

/* Its parts.  An address has one use; false: no memory. */
bool check_addresses(const struct check *check);
/* Services, groups, ports and limits of profiles and arrays; false: no memory. */
bool check_arrays(const struct check *check);
/* Version, interval and reach of the adverts. */
void check_vrrp(const struct check *check);
/* Resolvers of the arrays' names. */
void check_resolvers(const struct check *check);
/* Signing keys of nodes and operators. */
void check_signers(const struct check *check);
/* Mode, gateway and snat-pool of arrays. */
void check_modes(const struct check *check);
/* Hosts, paths and certificates of checks; false: no memory. */
bool check_web(const struct check *check);
/* Warnings: what this version does otherwise than the file says, and what sites regret. */
void check_advice(const struct check *check);

/* Arrays beyond the limit have been complained about; nothing else looks at them. */
size_t check_array_count(const Conf__Config *file);
size_t check_service_count(size_t count);

/* Equal and both there. */
bool check_equal(const char *a, const char *b);

/* The services of an array: its profile's first, then its own. */
struct check_services {
	const Conf__Service *list[1024];
	size_t count, copies;
};
void check_gather(const struct check *check, const Conf__Array *array,
		  struct check_services *services);

#endif
