// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/inspect.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/diff.h"
#include "conf/source.h"
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
struct names {
	const void *message;
	const char *field;
	char *const *name;
	size_t count;
};

static void look_for(struct conf_faults *faults, const struct conf_source *source,
		     const struct names *names)
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
	const struct names all[] = {
		{ forwarding, "interface", forwarding->interface, forwarding->n_interface },
		{ vrrp, "interface", &vrrp->interface, vrrp->interface != NULL },
		{ vrrp, "track_interface", vrrp->track_interface, vrrp->n_track_interface },
		{ sync, "path", sync->path, sync->n_path },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		look_for(faults, conf->source, &all[i]);
}

/* --- what runs -------------------------------------------------------------------------------- */

/* A running lbd follows all but the sizes of its tables, and status tells that they wait for its
 * next start: that is the operator's to choose, on one node after the other. */
static void check_needs(struct inspect *found, const struct conf *before, const struct conf *after)
{
	struct diff diff;

	if (diff_make(&diff, before, after) != 0) {
		add(found, "out of memory");
		diff_free(&diff);
		return;
	}
	for (size_t i = 0; i < diff.changes; i++) {
		const struct diff_change *change = &diff.change[i];

		if (change->need == DIFF_LIVE || change->need == DIFF_LBD)
			continue;
		found->restart = true;
		add(found, "%s: %s -> %s needs a %s", change->where,
		    change->before ? change->before : "nothing",
		    change->after ? change->after : "nothing", diff_need_text(change->need));
	}
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
