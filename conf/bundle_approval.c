// SPDX-License-Identifier: BSD-2-Clause
#include "conf/bundle_approval.h"

#include <stdio.h>
#include <string.h>

static const char domain[] = "caspair files 1";

/* What is signed: which files, and for whom. */
struct subject {
	uint8_t content[BUNDLE_CONTENT];
	char pair[64]; /* bundle_name_pair() */
};

static struct subject subject_of(const uint8_t content[BUNDLE_CONTENT], const char *pair)
{
	struct subject subject = { 0 };

	memcpy(subject.content, content, BUNDLE_CONTENT);
	snprintf(subject.pair, sizeof(subject.pair), "%s", pair);
	return subject;
}

void approval_make(struct bundle_approval *approval, const struct sign_key *key,
		   const uint8_t content[BUNDLE_CONTENT], const char *pair)
{
	struct subject subject = subject_of(content, pair);

	approval->is_there = true;
	memcpy(approval->signer, sign_key_public(key), SIGN_KEY);
	sign_make(approval->signature, key, domain, &subject, sizeof(subject));
}

bool approval_take(struct bundle_approval *approval, const Revision__Approval *wire)
{
	*approval = (struct bundle_approval){ .is_there = wire != NULL };
	if (!wire)
		return true;
	if (wire->signer.len != SIGN_KEY || wire->signature.len != SIGN_BYTES)
		return false;
	memcpy(approval->signer, wire->signer.data, SIGN_KEY);
	memcpy(approval->signature, wire->signature.data, SIGN_BYTES);
	return true;
}

bool bundle_approved(const struct bundle *bundle, const Conf__Config *trust)
{
	const struct bundle_approval *approval = &bundle->approval;
	struct subject subject = subject_of(bundle->content, bundle->pair);

	return approval->is_there && sign_operator(trust, approval->signer) &&
	       sign_holds(approval->signature, approval->signer, domain, &subject, sizeof(subject));
}
