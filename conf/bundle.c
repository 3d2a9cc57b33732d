// SPDX-License-Identifier: BSD-2-Clause
#include "conf/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "bundle.pb-c.h"
#include "conf/bundle_approval.h"
#include "conf/bundle_text.h"
#include "conf/files.h"

enum {
	MAGIC = 8,
	AT_SIGNER = MAGIC,
	AT_SIGNATURE = AT_SIGNER + SIGN_KEY,
	AT_BODY = AT_SIGNATURE + SIGN_BYTES,
};

static const uint8_t magic[MAGIC] = { 'c', 'a', 's', 'r', 'e', 'v', 0, BUNDLE_FORMAT_NUMBER };
static const char domain[] = "caspair revision 1";
static const uint8_t nobody[SIGN_KEY];

/* --- verdicts --------------------------------------------------------------------------------- */

static const struct {
	const char *name, *text;
} verdicts[] = {
	[BUNDLE_GOOD] = { "good", "it may follow" },
	[BUNDLE_SAME] = { "same", "it is the current revision already" },
	[BUNDLE_MALFORMED] = { "malformed", "it is damaged or no revision at all" },
	[BUNDLE_FORMAT] = { "format", "it was made by another version of caspair: "
				      "both nodes need the same one" },
	[BUNDLE_UNSIGNED] = { "unsigned", "nobody has signed it" },
	[BUNDLE_STRANGER] = { "stranger", "its signer has no signing-key in the configuration "
					  "in force" },
	[BUNDLE_FORGED] = { "forged", "its signature is wrong" },
	[BUNDLE_PAIR] = { "pair", "it belongs to another pair" },
	[BUNDLE_OLDER] = { "older", "it is older than the current revision" },
	[BUNDLE_REPLAYED] = { "replayed", "it has the number of the current revision, but is "
					  "another one" },
	[BUNDLE_FOREIGN] = { "foreign", "it was not made from the current revision" },
	[BUNDLE_UNAPPROVED] = { "unapproved", "no operator has signed it, and the configuration in "
					      "force asks for that: pairctl push --sign-key FILE" },
	[BUNDLE_NO_MEMORY] = { "no-memory", "there is no memory for it" },
};
_Static_assert(sizeof(verdicts) / sizeof(verdicts[0]) == BUNDLE_VERDICTS, "a text for each");

const char *bundle_verdict_text(enum bundle_verdict verdict)
{
	return verdict < BUNDLE_VERDICTS ? verdicts[verdict].text : "";
}

const char *bundle_verdict_name(enum bundle_verdict verdict)
{
	return verdict < BUNDLE_VERDICTS ? verdicts[verdict].name : "";
}

/* --- hashes ----------------------------------------------------------------------------------- */

static void add_number(crypto_generichash_state *hash, uint64_t number)
{
	uint8_t bytes[sizeof(number)];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(number >> (8 * i));
	crypto_generichash_update(hash, bytes, sizeof(bytes));
}

/* Each part with its length in front, so that none can run into the next. */
static void hash_files(uint8_t out[BUNDLE_CONTENT], const struct conf_text *file, size_t files)
{
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, BUNDLE_CONTENT);
	for (size_t i = 0; i < files; i++) {
		add_number(&hash, strlen(file[i].name));
		crypto_generichash_update(&hash, (const uint8_t *)file[i].name,
					  strlen(file[i].name));
		add_number(&hash, file[i].length);
		crypto_generichash_update(&hash, file[i].bytes, file[i].length);
	}
	crypto_generichash_final(&hash, out, BUNDLE_CONTENT);
}

static void hash_id(uint8_t id[REVISION_ID], const uint8_t *packed, size_t length)
{
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, REVISION_ID);
	crypto_generichash_update(&hash, packed + AT_SIGNER, SIGN_KEY);
	crypto_generichash_update(&hash, packed + AT_BODY, length - AT_BODY);
	crypto_generichash_final(&hash, id, REVISION_ID);
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum bundle_verdict authenticate(const uint8_t *bytes, size_t length,
					const Conf__Config *trust)
{
	const uint8_t *signer = bytes + AT_SIGNER;

	if (length <= AT_BODY || length > BUNDLE_MAX || memcmp(bytes, magic, MAGIC - 1) != 0)
		return BUNDLE_MALFORMED;
	if (bytes[MAGIC - 1] != magic[MAGIC - 1])
		return BUNDLE_FORMAT;
	if (memcmp(signer, nobody, SIGN_KEY) == 0 && trust)
		return BUNDLE_UNSIGNED;
	if (memcmp(signer, nobody, SIGN_KEY) == 0)
		return sodium_is_zero(bytes + AT_SIGNATURE, SIGN_BYTES) ? BUNDLE_GOOD
									: BUNDLE_MALFORMED;
	if (trust && !sign_whose(trust, signer, NULL))
		return BUNDLE_STRANGER;
	return sign_holds(bytes + AT_SIGNATURE, signer, domain, bytes + AT_BODY, length - AT_BODY)
		       ? BUNDLE_GOOD
		       : BUNDLE_FORGED;
}

/* What the message's type does not promise. */
static bool is_sound(const Revision__Body *body, bool is_signed)
{
	size_t ancestors = body->number - 1 < REVISION_ANCESTORS ? (size_t)body->number - 1
								 : REVISION_ANCESTORS;

	if (body->number == 0 || body->number > BUNDLE_NUMBER_MAX || body->n_file == 0 ||
	    body->n_file > BUNDLE_FILES || body->content.len != BUNDLE_CONTENT)
		return false;
	/* A base has no parent; a revision may be a first one too, and both know all they can. */
	if (body->n_ancestor != ancestors || (!is_signed && body->number != 1))
		return false;
	for (size_t i = 0; i < body->n_ancestor; i++)
		if (body->ancestor[i].len != REVISION_ID)
			return false;
	for (size_t i = 0; i < body->n_file; i++)
		if (!(i ? bundle_name_included : bundle_name_first)(body->file[i]->name))
			return false;
	return bundle_name_pair(body->pair) && (!body->who || bundle_text_good(body->who)) &&
	       (!body->message || bundle_text_good(body->message));
}

static bool copy_file(struct conf_text *file, const char *name, const uint8_t *bytes,
		      size_t length)
{
	*file = (struct conf_text){ strdup(name), malloc(length + 1), length };
	if (!file->name || !file->bytes)
		return false;
	if (length)
		memcpy(file->bytes, bytes, length);
	file->bytes[length] = '\0'; /* for those who print it */
	return true;
}

static char *copy_text(const char *text)
{
	return strdup(text ? text : "");
}

static bool fill_line(struct bundle *bundle, const Revision__Body *body)
{
	bundle->line = (struct lineage){ .tip.number = body->number,
					 .base = !bundle->is_signed,
					 .ancestors = body->n_ancestor };
	hash_id(bundle->line.tip.id, bundle->packed, bundle->length);
	for (size_t i = 0; i < body->n_ancestor; i++)
		memcpy(bundle->line.ancestor[i], body->ancestor[i].data, REVISION_ID);
	return true;
}

static enum bundle_verdict fill_files(struct bundle *bundle, const Revision__Body *body)
{
	uint8_t content[BUNDLE_CONTENT];
	size_t total = 0;

	bundle->file = calloc(body->n_file, sizeof(*bundle->file));
	if (!bundle->file)
		return BUNDLE_NO_MEMORY;
	for (size_t i = 0; i < body->n_file; i++) {
		const Revision__File *file = body->file[i];

		bundle->files = i + 1;
		if (!copy_file(&bundle->file[i], file->name, file->text.data, file->text.len))
			return BUNDLE_NO_MEMORY;
		total += file->text.len;
	}
	hash_files(content, bundle->file, bundle->files);
	return total <= CONF_MAX_BYTES && memcmp(content, body->content.data, BUNDLE_CONTENT) == 0
		       ? BUNDLE_GOOD
		       : BUNDLE_MALFORMED;
}

static enum bundle_verdict fill(struct bundle *bundle, const Revision__Body *body)
{
	if (body->format != BUNDLE_FORMAT_NUMBER || body->schema > BUNDLE_SCHEMA)
		return BUNDLE_FORMAT;
	if (!is_sound(body, bundle->is_signed))
		return BUNDLE_MALFORMED;
	fill_line(bundle, body);
	memcpy(bundle->content, body->content.data, BUNDLE_CONTENT);
	bundle->schema = body->schema;
	bundle->when_ms = body->when_ms;
	bundle->rolls_back = body->rolls_back;
	if (!approval_take(&bundle->approval, body->approval))
		return BUNDLE_MALFORMED;
	bundle->pair = copy_text(body->pair);
	bundle->who = copy_text(body->who);
	bundle->message = copy_text(body->message);
	if (!bundle->pair || !bundle->who || !bundle->message)
		return BUNDLE_NO_MEMORY;
	return fill_files(bundle, body);
}

static struct bundle *copy(const uint8_t *bytes, size_t length)
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));

	if (!bundle)
		return NULL;
	bundle->packed = malloc(length);
	if (!bundle->packed) {
		free(bundle);
		return NULL;
	}
	memcpy(bundle->packed, bytes, length);
	bundle->length = length;
	memcpy(bundle->signer, bytes + AT_SIGNER, SIGN_KEY);
	bundle->is_signed = memcmp(bundle->signer, nobody, SIGN_KEY) != 0;
	return bundle;
}

enum bundle_verdict bundle_read(struct bundle **bundle, const uint8_t *bytes, size_t length,
				const Conf__Config *trust)
{
	enum bundle_verdict verdict = authenticate(bytes, length, trust);
	Revision__Body *body;

	*bundle = NULL;
	if (verdict != BUNDLE_GOOD)
		return verdict;
	body = revision__body__unpack(NULL, length - AT_BODY, bytes + AT_BODY);
	if (!body)
		return BUNDLE_MALFORMED;
	*bundle = copy(bytes, length);
	verdict = *bundle ? fill(*bundle, body) : BUNDLE_NO_MEMORY;
	revision__body__free_unpacked(body, NULL);
	if (verdict != BUNDLE_GOOD) {
		bundle_free(*bundle);
		*bundle = NULL;
	}
	return verdict;
}

enum bundle_verdict bundle_judge(const struct bundle *bundle, const char *pair,
				 const struct lineage *current)
{
	if (!bundle->is_signed)
		return BUNDLE_UNSIGNED;
	if (strcmp(bundle->pair, pair) != 0)
		return BUNDLE_PAIR;
	switch (revision_relate(current, &bundle->line)) {
	case RELATION_SAME:
		return BUNDLE_SAME;
	case RELATION_THEIRS:
		return BUNDLE_GOOD;
	case RELATION_MINE:
	case RELATION_SPLIT:
		break;
	}
	if (bundle->line.tip.number == current->tip.number)
		return BUNDLE_REPLAYED;
	return bundle->line.tip.number < current->tip.number ? BUNDLE_OLDER : BUNDLE_FOREIGN;
}

/* --- making ----------------------------------------------------------------------------------- */

/* The messages that a Body is packed from; they borrow everything. */
struct parts {
	Revision__Body body;
	Revision__File file[BUNDLE_FILES], *files[BUNDLE_FILES];
	ProtobufCBinaryData ancestor[REVISION_ANCESTORS];
	struct lineage line;
	uint8_t content[BUNDLE_CONTENT];
	struct bundle_approval approval;
	Revision__Approval approved;
};

static void gather_line(struct parts *parts, const struct lineage *parent)
{
	lineage_child(&parts->line, parent, nobody); /* the id comes last */
	parts->body.number = parts->line.tip.number;
	parts->body.ancestor = parts->ancestor;
	parts->body.n_ancestor = parts->line.ancestors;
	for (size_t i = 0; i < parts->line.ancestors; i++)
		parts->ancestor[i] = (ProtobufCBinaryData){ REVISION_ID, parts->line.ancestor[i] };
}

static int gather_files(struct parts *parts, const struct bundle_plan *plan)
{
	size_t total = 0;

	for (size_t i = 0; i < plan->files; i++) {
		const struct conf_text *file = &plan->file[i];

		revision__file__init(&parts->file[i]);
		parts->file[i].name = file->name;
		parts->file[i].text = (ProtobufCBinaryData){ file->length, file->bytes };
		parts->files[i] = &parts->file[i];
		total += file->length;
	}
	parts->body.file = parts->files;
	parts->body.n_file = plan->files;
	hash_files(parts->content, plan->file, plan->files);
	parts->body.content = (ProtobufCBinaryData){ BUNDLE_CONTENT, parts->content };
	return total <= CONF_MAX_BYTES ? 0 : -EMSGSIZE;
}

static int gather(struct parts *parts, const struct bundle_plan *plan, bool is_signed)
{
	Revision__Body *body = &parts->body;

	revision__body__init(body);
	body->format = BUNDLE_FORMAT_NUMBER;
	body->schema = BUNDLE_SCHEMA;
	body->pair = (char *)(uintptr_t)plan->pair;
	if (is_signed) {
		body->who = (char *)(uintptr_t)plan->who;
		body->message = (char *)(uintptr_t)plan->message;
		body->has_when_ms = plan->when_ms > 0;
		body->when_ms = plan->when_ms;
		body->has_rolls_back = plan->rolls_back > 0;
		body->rolls_back = plan->rolls_back;
	}
	if (plan->files > BUNDLE_FILES)
		return -EMSGSIZE;
	gather_line(parts, is_signed ? plan->parent : NULL);
	return gather_files(parts, plan);
}

static void gather_approval(struct parts *parts, const struct bundle_plan *plan,
			    const struct sign_key *key)
{
	struct bundle_approval *approval = &parts->approval;

	if (plan->approve)
		approval_make(approval, key, parts->content, plan->pair);
	else if (plan->approval)
		*approval = *plan->approval;
	if (!approval->is_there)
		return;
	revision__approval__init(&parts->approved);
	parts->approved.signer = (ProtobufCBinaryData){ SIGN_KEY, approval->signer };
	parts->approved.signature = (ProtobufCBinaryData){ SIGN_BYTES, approval->signature };
	parts->body.approval = &parts->approved;
}

static int pack(struct bundle **bundle, const Revision__Body *body, const struct sign_key *key)
{
	size_t length = AT_BODY + revision__body__get_packed_size(body);
	uint8_t *bytes = length <= BUNDLE_MAX ? calloc(1, length) : NULL;
	enum bundle_verdict verdict;

	if (!bytes)
		return length <= BUNDLE_MAX ? -ENOMEM : -EMSGSIZE;
	memcpy(bytes, magic, MAGIC);
	revision__body__pack(body, bytes + AT_BODY);
	if (key) {
		memcpy(bytes + AT_SIGNER, sign_key_public(key), SIGN_KEY);
		sign_make(bytes + AT_SIGNATURE, key, domain, bytes + AT_BODY, length - AT_BODY);
	}
	/* What is made here is read as strictly as what comes from elsewhere. */
	verdict = bundle_read(bundle, bytes, length, NULL);
	free(bytes);
	if (verdict == BUNDLE_NO_MEMORY)
		return -ENOMEM;
	return verdict == BUNDLE_GOOD ? 0 : -EINVAL;
}

int bundle_make(struct bundle **bundle, const struct bundle_plan *plan, const struct sign_key *key)
{
	struct parts *parts;
	int error;

	*bundle = NULL;
	if (!plan->pair || !plan->files || (!key && plan->parent))
		return -EINVAL;
	parts = calloc(1, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	error = gather(parts, plan, key);
	if (error == 0 && key)
		gather_approval(parts, plan, key);
	if (error == 0)
		error = pack(bundle, &parts->body, key);
	free(parts);
	return error;
}

void bundle_free(struct bundle *bundle)
{
	if (!bundle)
		return;
	bundle_files_free(bundle->file, bundle->files);
	free(bundle->pair);
	free(bundle->who);
	free(bundle->message);
	free(bundle->packed);
	free(bundle);
}

struct conf *bundle_conf(const struct bundle *bundle, struct conf_faults *faults)
{
	return conf_read_texts(bundle->file, bundle->files, faults);
}
