// SPDX-License-Identifier: BSD-2-Clause
/* sources: conf/bundle.c conf/bundle_approval.c conf/bundle_text.c conf/files.c conf/texts.c conf/revision.c conf/sign.c conf/key.c */
/* sources: conf/standing.c conf/disk.c gen/bundle.pb-c.c */
/* sources: conf/read.c conf/scan.c conf/utf8.c conf/near.c conf/keyword.c conf/source.c */
/* sources: conf/store.c conf/value.c conf/rules.c conf/fault.c conf/fill.c conf/print.c */
/* sources: conf/check.c conf/check_address.c conf/check_array.c conf/check_advice.c */
/* sources: conf/check_sign.c conf/check_web.c conf/check_vrrp.c conf/check_mode.c conf/check_resolve.c conf/pool.c conf/memory.c */
/* sources: conf/json.c conf/conf.c conf/rpcif.c proto/addr.c proto/seal.c gen/schema.pb-c.c */
/*
 * A revision from a disk that has changed it, and one that its signer has got wrong: in the second
 * the input is the body, signed here.  What is accepted is one that could have been made here.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/bundle.h"
#include "conf/standing.h"

enum { HEAD = 104 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const uint8_t *bytes, size_t length, const Conf__Config *trust)
{
	struct bundle *bundle, *again;

	if (bundle_read(&bundle, bytes, length, trust) != BUNDLE_GOOD) {
		if (bundle)
			abort();
		return;
	}
	if (!bundle->files || !bundle->line.tip.number || bundle->length != length ||
	    bundle->line.ancestors > REVISION_ANCESTORS ||
	    revision_relate(&bundle->line, &bundle->line) != RELATION_SAME)
		abort();
	if (bundle_read(&again, bundle->packed, bundle->length, trust) != BUNDLE_GOOD ||
	    !revision_equal(&again->line.tip, &bundle->line.tip))
		abort();
	bundle_free(again);
	bundle_free(bundle);
}

static void look_signed(const uint8_t *data, size_t size)
{
	static struct sign_key *key;
	static char text[SIGN_TEXT];
	struct seal_keypair pair = { .secret = { 1 } };
	Conf__Operator person = CONF__OPERATOR__INIT, *persons[] = { &person };
	Conf__Config trust = CONF__CONFIG__INIT;
	uint8_t *bytes = calloc(1, HEAD + size);

	if (!bytes || (!key && sign_key_of_node(&key, &pair) != 0))
		abort();
	sign_public_print(text, sign_key_public(key));
	person.name = person.signing_key = text;
	trust.operator_ = persons;
	trust.n_operator_ = 1;
	memcpy(bytes, "casrev\0\1", 8);
	memcpy(bytes + 8, sign_key_public(key), SIGN_KEY);
	if (size)
		memcpy(bytes + HEAD, data, size);
	sign_make(bytes + 8 + SIGN_KEY, key, "caspair revision 1", bytes + HEAD, size);
	look(bytes, HEAD + size, &trust);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct standing_record record;
	struct revision revision;
	char name[STANDING_NAME];

	look(data, size, NULL);
	look_signed(data, size);
	standing_unpack(&record, data, size);
	if (size < sizeof(name)) {
		if (size)
			memcpy(name, data, size);
		name[size] = '\0';
		standing_parse_name(&revision, name);
	}
	return 0;
}
