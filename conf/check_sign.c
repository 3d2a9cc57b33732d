// SPDX-License-Identifier: BSD-2-Clause
/* Who may push a configuration. */
#include "conf/check.h"

enum { OPERATORS_MAX = 64 };

struct signer {
	const void *block;
	const char *what, *name, *field, *keyword, *key;
};

/* Two keys of each node, then those of the operators. */
static struct signer signer_at(const Conf__Config *file, size_t i)
{
	const Conf__Operator *person;
	const Conf__Node *node;

	if (i < 2 * file->n_node) {
		node = file->node[i / 2];
		return i % 2 ? (struct signer){ node,
						"node",
						node->name,
						"next_signing_key",
						"next-signing-key",
						node->next_signing_key }
			     : (struct signer){ node,          "node",        node->name,
						"signing_key", "signing-key", node->signing_key };
	}
	person = file->operator_[i - 2 * file->n_node];
	return (struct signer){ person,        "operator",    person->name,
				"signing_key", "signing-key", person->signing_key };
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
			fault_error(c->faults, source_at(c->source, one.block, one.field),
				    "%s is the same as that of %s %s (%s)", one.keyword, other.what,
				    other.name ? other.name : "",
				    fault_line(c->faults,
					       source_at(c->source, other.block, other.field))
					    .text);
	}
}

void check_signers(const struct check *c)
{
	const Conf__Config *file = c->file;
	size_t count = 2 * file->n_node + file->n_operator_, having = 0;

	if (file->n_operator_ > OPERATORS_MAX) {
		fault_error(c->faults, source_at(c->source, file->operator_[OPERATORS_MAX], "name"),
			    "more than %d operators", OPERATORS_MAX);
		return;
	}
	if (file->n_node > 2)
		return; /* check.c has said so */
	check_twins(c, count);
	if (file->require_operator_signature && file->n_operator_ == 0)
		fault_error(c->faults, source_at(c->source, file, "require_operator_signature"),
			    "require-operator-signature without any operator: nothing could be "
			    "pushed any more; make a key with pairctl keygen --operator NAME FILE");
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
