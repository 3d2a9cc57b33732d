// SPDX-License-Identifier: BSD-2-Clause
/* Revisions of the configuration: names, signatures, and every way in which one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "conf/bundle.h"

static struct sign_key *lb1, *anna, *stranger;
static char lb1_text[SIGN_TEXT], anna_text[SIGN_TEXT];
static Conf__Node node = CONF__NODE__INIT, *nodes[] = { &node };
static Conf__Operator person = CONF__OPERATOR__INIT, *persons[] = { &person };
static Conf__Config trust = CONF__CONFIG__INIT;

static struct sign_key *key_of(uint8_t seed)
{
	struct seal_keypair pair = { .secret = { seed } };
	struct sign_key *key;

	assert_int_equal(sign_key_of_node(&key, &pair), 0);
	return key;
}

static int set_up(void **state)
{
	(void)state;
	lb1 = key_of(1);
	anna = key_of(2);
	stranger = key_of(3);
	sign_public_print(lb1_text, sign_key_public(lb1));
	sign_public_print(anna_text, sign_key_public(anna));
	node.name = (char *)(uintptr_t) "lb1";
	node.signing_key = lb1_text;
	person.name = (char *)(uintptr_t) "anna";
	person.signing_key = anna_text;
	trust.node = nodes;
	trust.n_node = 1;
	trust.operator_ = persons;
	trust.n_operator_ = 1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sign_key_free(lb1);
	sign_key_free(anna);
	sign_key_free(stranger);
	return 0;
}

static struct bundle *make(const struct lineage *parent, const char *text,
			   const struct sign_key *key)
{
	struct conf_text file = { (char *)(uintptr_t) "pair.conf", (uint8_t *)(uintptr_t)text,
				  strlen(text) };
	struct bundle_plan plan = { .parent = parent,
				    .file = &file,
				    .files = 1,
				    .pair = "east",
				    .who = "ops",
				    .message = "CHG-1",
				    .when_ms = 1234567 };
	struct bundle *bundle;

	assert_int_equal(bundle_make(&bundle, &plan, key), 0);
	return bundle;
}

static enum bundle_verdict read_copy(const uint8_t *bytes, size_t length)
{
	struct bundle *bundle;
	enum bundle_verdict verdict = bundle_read(&bundle, bytes, length, &trust);

	assert_true((verdict == BUNDLE_GOOD) == (bundle != NULL));
	bundle_free(bundle);
	return verdict;
}

static void whole_bundle_is_read_as_made(void **state)
{
	struct bundle *base = make(NULL, "old", NULL), *made = make(&base->line, "new", anna);
	struct bundle *read;
	char text[REVISION_TEXT];

	(void)state;
	assert_int_equal(bundle_read(&read, made->packed, made->length, &trust), BUNDLE_GOOD);
	assert_int_equal(read->line.tip.number, 2);
	assert_true(revision_equal(&read->line.tip, &made->line.tip));
	assert_true(lineage_has(&read->line, &base->line.tip));
	assert_string_equal(read->pair, "east");
	assert_string_equal(read->who, "ops");
	assert_string_equal(read->message, "CHG-1");
	assert_int_equal(read->when_ms, 1234567);
	assert_int_equal(read->files, 1);
	assert_string_equal((char *)read->file[0].bytes, "new");
	assert_true(read->is_signed && !read->line.base && base->line.base);
	assert_true(strlen(revision_text(text, &read->line.tip)) == strlen("2 (") + 13);
	bundle_free(read);
	bundle_free(made);
	bundle_free(base);
}

/* Nodes make their own, and must not disagree for it. */
static void base_is_its_files_and_nothing_else(void **state)
{
	struct bundle *one = make(NULL, "text", NULL);
	struct conf_text file = { (char *)(uintptr_t) "pair.conf", (uint8_t *)(uintptr_t) "text",
				  4 };
	struct bundle_plan plan = { .file = &file,
				    .files = 1,
				    .pair = "east",
				    .who = "other",
				    .message = "another",
				    .when_ms = 99,
				    .rolls_back = 7 };
	struct bundle *two;

	(void)state;
	assert_int_equal(bundle_make(&two, &plan, NULL), 0);
	assert_true(revision_equal(&one->line.tip, &two->line.tip));
	assert_int_equal(two->when_ms, 0);
	assert_string_equal(two->who, "");
	bundle_free(two);
	plan.parent = &one->line;
	assert_int_equal(bundle_make(&two, &plan, NULL), -EINVAL);
	bundle_free(one);
}

/* Any bit of it: signature, signer and text are all covered. */
static void every_changed_byte_is_refused(void **state)
{
	struct bundle *made = make(NULL, "a text", lb1);

	(void)state;
	for (size_t i = 0; i < made->length; i++) {
		enum bundle_verdict verdict;

		made->packed[i] ^= 1;
		verdict = read_copy(made->packed, made->length);
		if (i >= 104 || (i >= 40 && i < 104))
			assert_int_equal(verdict, BUNDLE_FORGED);
		else if (i >= 8)
			assert_int_equal(verdict, BUNDLE_STRANGER);
		else
			assert_int_equal(verdict, i == 7 ? BUNDLE_FORMAT : BUNDLE_MALFORMED);
		made->packed[i] ^= 1;
	}
	for (size_t length = 0; length < made->length; length++)
		assert_int_not_equal(read_copy(made->packed, length), BUNDLE_GOOD);
	assert_int_equal(read_copy(made->packed, made->length), BUNDLE_GOOD);
	bundle_free(made);
}

static void strangers_and_nobody_are_told_apart(void **state)
{
	struct bundle *theirs = make(NULL, "x", stranger), *unsigned_one = make(NULL, "x", NULL);
	struct bundle *read;

	(void)state;
	assert_int_equal(read_copy(theirs->packed, theirs->length), BUNDLE_STRANGER);
	assert_int_equal(read_copy(unsigned_one->packed, unsigned_one->length), BUNDLE_UNSIGNED);
	assert_int_equal(bundle_read(&read, theirs->packed, theirs->length, NULL), BUNDLE_GOOD);
	bundle_free(read);
	memset(theirs->packed + 8, 0, 32); /* the name of the signer taken out */
	assert_int_equal(read_copy(theirs->packed, theirs->length), BUNDLE_UNSIGNED);
	bundle_free(unsigned_one);
	bundle_free(theirs);
}

static void who_signed_is_known_by_name(void **state)
{
	char who[SIGN_WHO];

	(void)state;
	assert_true(sign_whose(&trust, sign_key_public(lb1), who));
	assert_string_equal(who, "node lb1");
	assert_true(sign_whose(&trust, sign_key_public(anna), who));
	assert_string_equal(who, "operator anna");
	assert_false(sign_whose(&trust, sign_key_public(stranger), who));
	assert_true(sign_any(&trust));
}

/*
 * Derived twice, with hashlib and OpenSSL the second time: a node's key must stay what it is in
 * configurations that name it.
 */
static void key_of_a_node_never_changes(void **state)
{
	struct sign_key *key = key_of(1);
	char text[SIGN_TEXT];

	(void)state;
	sign_public_print(text, sign_key_public(key));
	assert_string_equal(text, "cvk1_AMfi8xOxFAKfjVvX8FGg2lDSlSL20UgWtgr_4scl6QM");
	sign_key_free(key);
}

static void operators_key_lives_in_a_file(void **state)
{
	char dir[] = "/tmp/bundle-XXXXXX", path[64], made[SIGN_TEXT], read[SIGN_TEXT], why[KEY_WHY];
	struct sign_key *key;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/anna", dir);
	assert_int_equal(sign_key_read(&key, path, why), -ENOENT);
	assert_non_null(strstr(why, "pairctl keygen --operator NAME FILE"));
	assert_int_equal(sign_key_create(path, made, why), 0);
	assert_int_equal(sign_key_create(path, made, why), -EEXIST);
	assert_int_equal(sign_key_read(&key, path, why), 0);
	sign_public_print(read, sign_key_public(key));
	assert_string_equal(made, read);
	sign_key_free(key);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(sign_key_read(&key, path, why), -EPERM);
	assert_null(key);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void what_may_follow_what(void **state)
{
	struct bundle *base = make(NULL, "0", NULL), *other_base = make(NULL, "o", NULL);
	struct bundle *two = make(&base->line, "2", lb1), *two_b = make(&base->line, "2b", lb1);
	struct bundle *three = make(&two->line, "3", lb1), *four = make(&three->line, "4", lb1);
	struct lineage none = { .tip.number = 0 };

	(void)state;
	assert_int_equal(bundle_judge(two, "east", &none), BUNDLE_GOOD);
	assert_int_equal(bundle_judge(two, "east", &base->line), BUNDLE_GOOD);
	assert_int_equal(bundle_judge(two, "east", &other_base->line), BUNDLE_GOOD);
	assert_int_equal(bundle_judge(three, "east", &two->line), BUNDLE_GOOD);
	assert_int_equal(bundle_judge(four, "east", &two->line), BUNDLE_GOOD);
	assert_int_equal(bundle_judge(two, "west", &base->line), BUNDLE_PAIR);
	assert_int_equal(bundle_judge(two, "east", &two->line), BUNDLE_SAME);
	assert_int_equal(bundle_judge(two_b, "east", &two->line), BUNDLE_REPLAYED);
	assert_int_equal(bundle_judge(two, "east", &three->line), BUNDLE_OLDER);
	assert_int_equal(bundle_judge(two_b, "east", &three->line), BUNDLE_OLDER);
	assert_int_equal(bundle_judge(three, "east", &two_b->line), BUNDLE_FOREIGN);
	assert_int_equal(bundle_judge(base, "east", &none), BUNDLE_UNSIGNED);
	assert_int_equal(revision_relate(&two->line, &three->line), RELATION_THEIRS);
	assert_int_equal(revision_relate(&three->line, &two->line), RELATION_MINE);
	assert_int_equal(revision_relate(&base->line, &other_base->line), RELATION_SPLIT);
	bundle_free(four);
	bundle_free(three);
	bundle_free(two_b);
	bundle_free(two);
	bundle_free(other_base);
	bundle_free(base);
}

/* A node that slept through more pushes than the line remembers cannot tell any more. */
static void line_remembers_fifty(void **state)
{
	struct lineage line[REVISION_ANCESTORS + 3] = { 0 };
	uint8_t id[REVISION_ID] = { 0 };

	(void)state;
	for (size_t i = 0; i < REVISION_ANCESTORS + 3; i++) {
		id[0] = (uint8_t)i;
		lineage_child(&line[i], i ? &line[i - 1] : NULL, id);
		assert_int_equal(line[i].tip.number, i + 1);
	}
	const struct lineage *last = &line[REVISION_ANCESTORS + 2];
	for (size_t i = 2; i < REVISION_ANCESTORS + 3; i++)
		assert_int_equal(revision_relate(&line[i], last),
				 i == REVISION_ANCESTORS + 2 ? RELATION_SAME : RELATION_THEIRS);
	assert_int_equal(revision_relate(&line[1], last), RELATION_SPLIT);
}

/* An operator's word goes with the files, whoever signs that they come back; and with no others. */
static void approval_goes_with_the_files(void **state)
{
	struct conf_text file = { (char *)(uintptr_t) "pair.conf", (uint8_t *)(uintptr_t) "a", 1 };
	struct bundle_plan plan = { .file = &file, .files = 1, .pair = "east", .approve = true };
	struct bundle *by_anna, *brought_back, *other, *elsewhere, *by_node;

	(void)state;
	assert_int_equal(bundle_make(&by_anna, &plan, anna), 0);
	assert_true(bundle_approved(by_anna, &trust));
	plan.approve = false;
	assert_int_equal(bundle_make(&by_node, &plan, lb1), 0);
	assert_false(bundle_approved(by_node, &trust));
	plan.approval = &by_anna->approval;
	plan.rolls_back = 1;
	assert_int_equal(bundle_make(&brought_back, &plan, lb1), 0);
	assert_true(bundle_approved(brought_back, &trust));
	file.bytes = (uint8_t *)(uintptr_t) "b";
	assert_int_equal(bundle_make(&other, &plan, lb1), 0);
	assert_false(bundle_approved(other, &trust));
	file.bytes = (uint8_t *)(uintptr_t) "a";
	plan.pair = "west";
	assert_int_equal(bundle_make(&elsewhere, &plan, lb1), 0);
	assert_false(bundle_approved(elsewhere, &trust));
	/* What a node says for itself is nobody's approval; nor is it that of one who has left. */
	plan.approve = true;
	plan.pair = "east";
	bundle_free(other);
	assert_int_equal(bundle_make(&other, &plan, lb1), 0);
	assert_false(bundle_approved(other, &trust));
	trust.n_operator_ = 0;
	assert_false(bundle_approved(by_anna, &trust));
	trust.n_operator_ = 1;
	bundle_free(elsewhere);
	bundle_free(other);
	bundle_free(brought_back);
	bundle_free(by_node);
	bundle_free(by_anna);
}

static void unfit_words_are_not_signed(void **state)
{
	static const char *const names[] = {
		"", ".hidden", "../x", "/etc/x", "a b", "-x", "a/b/c"
	};
	struct conf_text file[2] = { { (char *)(uintptr_t) "pair.conf", (uint8_t *)(uintptr_t) "x",
				       1 },
				     { NULL, (uint8_t *)(uintptr_t) "x", 1 } };
	struct bundle_plan plan = {
		.file = file, .files = 2, .pair = "east", .who = "w", .message = "m", .when_ms = 1
	};
	struct bundle *bundle;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		file[1].name = (char *)(uintptr_t)names[i];
		assert_int_equal(bundle_make(&bundle, &plan, lb1), -EINVAL);
	}
	file[1].name = (char *)(uintptr_t) "arrays/mel.conf";
	assert_int_equal(bundle_make(&bundle, &plan, lb1), 0);
	bundle_free(bundle);
	plan.message = "two\nlines";
	assert_int_equal(bundle_make(&bundle, &plan, lb1), -EINVAL);
	plan.message = "\xe2\x80\xae turned around";
	assert_int_equal(bundle_make(&bundle, &plan, lb1), -EINVAL);
	plan.message = "\xc3\xa4 letter";
	assert_int_equal(bundle_make(&bundle, &plan, lb1), 0);
	bundle_free(bundle);
	plan.pair = "no pair";
	assert_int_equal(bundle_make(&bundle, &plan, lb1), -EINVAL);
}

static void too_much_is_refused(void **state)
{
	uint8_t *much = calloc(1, CONF_MAX_BYTES + 1);
	struct conf_text file = { (char *)(uintptr_t) "pair.conf", much, CONF_MAX_BYTES + 1 };
	struct bundle_plan plan = {
		.file = &file, .files = 1, .pair = "east", .who = "w", .message = "m", .when_ms = 1
	};
	struct bundle *bundle;

	(void)state;
	assert_non_null(much);
	assert_int_equal(bundle_make(&bundle, &plan, lb1), -EMSGSIZE);
	file.length--;
	assert_int_equal(bundle_make(&bundle, &plan, lb1), 0);
	assert_true(bundle->length <= BUNDLE_MAX);
	bundle_free(bundle);
	plan.files = BUNDLE_FILES + 1;
	assert_int_equal(bundle_make(&bundle, &plan, lb1), -EMSGSIZE);
	free(much);
}

static void each_verdict_has_words(void **state)
{
	(void)state;
	for (enum bundle_verdict v = BUNDLE_GOOD; v < BUNDLE_VERDICTS; v++)
		assert_true(*bundle_verdict_text(v) && *bundle_verdict_name(v));
	assert_string_equal(bundle_verdict_text(BUNDLE_VERDICTS), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_bundle_is_read_as_made),
		cmocka_unit_test(base_is_its_files_and_nothing_else),
		cmocka_unit_test(every_changed_byte_is_refused),
		cmocka_unit_test(strangers_and_nobody_are_told_apart),
		cmocka_unit_test(who_signed_is_known_by_name),
		cmocka_unit_test(key_of_a_node_never_changes),
		cmocka_unit_test(operators_key_lives_in_a_file),
		cmocka_unit_test(what_may_follow_what),
		cmocka_unit_test(line_remembers_fifty),
		cmocka_unit_test(approval_goes_with_the_files),
		cmocka_unit_test(unfit_words_are_not_signed),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(each_verdict_has_words),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
