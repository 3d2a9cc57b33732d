// SPDX-License-Identifier: BSD-2-Clause
/* Who may push a configuration. */
#include "conf/check.h"

enum { OPERATORS_MAX = 64 };

struct signer {
	const void *block;
	const char *what, *name, *key;
};

static struct signer signer_at(const Conf__Config *file, size_t i)
{
	const Conf__Operator *person;

	if (i < file->n_node)
		return (struct signer){ file->node[i], "node", file->node[i]->name,
					file->node[i]->signing_key };
	person = file->operator_[i - file->n_node];
	return (struct signer){ person, "operator", person->name, person->signing_key };
}

/* A key has one spelling.  Two that share one could not be told apart in the history. */
static void check_twins(const struct check *c, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct signer one = signer_at(c->file, i), other;
		size_t j = 0;

		for (; j < i; j++) {
			other = signer_at(c->file, j);
			if (check_equal(one.key, other.key))
				break;
		}
		if (j < i)
			fault_error(c->faults, source_at(c->source, one.block, "signing_key"),
				    "signing-key is the same as that of %s %s (line %u)",
				    other.what, other.name ? other.name : "",
				    source_at(c->source, other.block, "signing_key").line);
	}
}

void check_signers(const struct check *c)
{
	const Conf__Config *file = c->file;
	size_t count = file->n_node + file->n_operator_, having = 0;

	if (file->n_operator_ > OPERATORS_MAX) {
		fault_error(c->faults, source_at(c->source, file->operator_[OPERATORS_MAX], "name"),
			    "more than %d operators", OPERATORS_MAX);
		return;
	}
	if (file->n_node > 2)
		return; /* check.c has said so */
	check_twins(c, count);
	for (size_t i = 0; i < file->n_node; i++)
		having += file->node[i]->signing_key != NULL;
	/* Without any nothing can be pushed, which pairctl push says; by halves it is a slip. */
	for (size_t i = 0; having && i < file->n_node; i++)
		if (!file->node[i]->signing_key)
			fault_warning(c->faults, source_block(c->source, file->node[i]),
				      "node %s has no signing-key: it cannot sign what is pushed "
				      "on it; run there: pairctl keygen --show",
				      file->node[i]->name ? file->node[i]->name : "");
}
