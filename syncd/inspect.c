// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/inspect.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/diff.h"
#include "conf/source.h"
#include "proto/addr.h"
#include "syncd/keys.h"

static void add(struct inspect *found, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void add(struct inspect *found, const char *format, ...)
{
	va_list args;

	if (found->faults == INSPECT_FAULTS) {
		found->left++;
		return;
	}
	va_start(args, format);
	vsnprintf(found->fault[found->faults++], INSPECT_TEXT, format, args);
	va_end(args);
}

static void add_faults(struct inspect *found, const struct conf_faults *faults, const char *name)
{
	for (size_t i = 0; i < faults->count; i++) {
		const struct conf_fault *fault = &faults->fault[i];
		char place[CONF_PLACE];

		if (fault->severity == CONF_WARNING)
			continue;
		conf_fault_place(faults, fault, name, place);
		add(found, "%s: %s", place, fault->text);
	}
}

/* --- interfaces ------------------------------------------------------------------------------- */

/* Where names stand in the file. */
struct named {
	const void *message;
	const char *field;
	char *const *name;
	size_t count;
};

static void look_for(struct conf_faults *faults, const struct conf_source *source,
		     const struct named *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (if_nametoindex(names->name[i]) == 0)
			fault_error(faults, source_item(source, names->message, names->field, i),
				    "this node has no interface %s: make it, or name one that both "
				    "nodes have",
				    names->name[i]);
}

static void check_interfaces(struct conf_faults *faults, const struct conf *conf)
{
	const Conf__Forwarding *forwarding = conf->file->forwarding;
	const Conf__Vrrp *vrrp = conf->file->vrrp;
	const Conf__Sync *sync = conf->file->sync;
	const struct named all[] = {
		{ forwarding, "interface", forwarding->interface, forwarding->n_interface },
		{ vrrp, "interface", &vrrp->interface, vrrp->interface != NULL },
		{ vrrp, "track_interface", vrrp->track_interface, vrrp->n_track_interface },
		{ sync, "path", sync->path, sync->n_path },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		look_for(faults, conf->source, &all[i]);
}

/* --- addresses -------------------------------------------------------------------------------- */

/* Of family 0: it is neither IPv4 nor IPv6. */
static struct addr address_of(const struct sockaddr *given)
{
	struct addr addr = { 0 };

	if (given && given->sa_family == AF_INET) {
		addr.family = 4;
		memcpy(addr.bytes, &((const struct sockaddr_in *)given)->sin_addr, 4);
	} else if (given && given->sa_family == AF_INET6) {
		addr.family = 6;
		memcpy(addr.bytes, &((const struct sockaddr_in6 *)given)->sin6_addr, 16);
	}
	return addr;
}

static bool is_there(const struct ifaddrs *list, const char *ifname, const char *text)
{
	struct addr wanted, seen;

	if (!addr_parse(&wanted, text))
		return false;
	for (; list; list = list->ifa_next) {
		seen = address_of(list->ifa_addr);
		if (strcmp(list->ifa_name, ifname) == 0 && addr_compare(&seen, &wanted) == 0)
			return true;
	}
	return false;
}

static bool names(char *const *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i], text) == 0)
			return true;
	}
	return false;
}

/* Adverts cannot come from an address that the interface has not.  One that stays is not looked
 * for: it may be away for a while, and vrrpd goes on. */
static void check_addresses(struct conf_faults *faults, const struct conf *before,
			    const struct conf *after, unsigned int node)
{
	const char *ifname = after->file->vrrp->interface;
	const bool moves = strcmp(ifname, before->file->vrrp->interface) != 0;
	const Conf__Node *old = before->file->node[node - 1], *own = after->file->node[node - 1];
	struct ifaddrs *list;

	if (!if_nametoindex(ifname) || getifaddrs(&list))
		return;
	for (size_t i = 0; i < own->n_address; i++) {
		const char *text = own->address[i];

		if ((moves || !names(old->address, old->n_address, text)) &&
		    !is_there(list, ifname, text))
			fault_error(faults, source_item(after->source, own, "address", i),
				    "%s is not on %s of this node: add it there first", text,
				    ifname);
	}
	freeifaddrs(list);
}

/* --- what runs -------------------------------------------------------------------------------- */

static void say_need(char text[INSPECT_TEXT], const struct diff_change *change, const char *verb)
{
	snprintf(text, INSPECT_TEXT, "%s: %s -> %s %s a %s", change->where,
		 change->before ? change->before : "nothing",
		 change->after ? change->after : "nothing", verb, diff_need_text(change->need));
}

/* Running daemons follow nearly all.  What waits for the next start of lbd or vrrpd is the
 * operator's to bring, on one node after the other.  Names are for ever. */
static void check_need(struct inspect *found, const struct diff_change *change)
{
	char text[INSPECT_TEXT];

	if (change->need == DIFF_LIVE)
		return;
	if (change->need == DIFF_ALL) {
		say_need(text, change, "needs");
		found->restart = true;
		add(found, "%s", text);
	} else if (found->waits < INSPECT_WAITS) {
		say_need(found->wait[found->waits++], change, "waits for");
	}
}

static void check_needs(struct inspect *found, const struct conf *before, const struct conf *after)
{
	struct diff diff;

	if (diff_make(&diff, before, after) != 0)
		add(found, "out of memory");
	else
		for (size_t i = 0; i < diff.changes; i++)
			check_need(found, &diff.change[i]);
	diff_free(&diff);
}

static void check_keys(struct inspect *found, const struct inspect_ground *ground,
		       const struct conf *conf, unsigned int node)
{
	struct keys keys;

	if (keys_load(&keys, conf, node, ground->key))
		keys_free(&keys);
	else
		add(found,
		    "node %s: none of the keys in %s is one that the file names together with one "
		    "of the peer's",
		    ground->node, ground->key);
}

static void check_conf(struct inspect *found, const struct inspect_ground *ground,
		       const struct conf *conf, struct conf_faults *faults)
{
	unsigned int node = conf_node(conf, ground->node);

	found->same = memcmp(conf->digest, ground->conf->digest, CONF_DIGEST_BYTES) == 0;
	if (node == 0 || node != conf_node(ground->conf, ground->node)) {
		add(found, "node %s is not where it was in the file", ground->node);
		return;
	}
	check_interfaces(faults, conf);
	check_addresses(faults, ground->conf, conf, node);
	check_needs(found, ground->conf, conf);
	check_keys(found, ground, conf, node);
}

bool inspect(struct inspect *found, const struct inspect_ground *ground,
	     const struct bundle *bundle)
{
	struct conf_faults faults = { 0 };
	struct conf *conf;

	*found = (struct inspect){ 0 };
	if (ground->verdict != BUNDLE_GOOD) {
		add(found, "%s", bundle_verdict_text(ground->verdict));
		return false;
	}
	conf = bundle_conf(bundle, &faults);
	if (conf)
		check_conf(found, ground, conf, &faults);
	add_faults(found, &faults, bundle->file[0].name);
	conf_faults_free(&faults);
	conf_free(conf);
	return conf && found->faults == 0;
}
