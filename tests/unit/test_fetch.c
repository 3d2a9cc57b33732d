// SPDX-License-Identifier: BSD-2-Clause
/* Bytes of a revision in parts: from the peer, and from who pushes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "syncd/fetch.h"
#include "syncd/upload.h"

enum { WHOLE = 40000, MOST = 50000 };

static uint8_t whole[WHOLE];
static const struct revision which = { 7, { 1, 2, 3 } }, another = { 7, { 4 } };

static struct fetch_part part_at(size_t offset, size_t length)
{
	return (struct fetch_part){ .which = which,
				    .offset = offset,
				    .size = WHOLE,
				    .part = whole + offset,
				    .length = length };
}

static void part_after_part(void **state)
{
	struct fetch fetch = { 0 };
	struct fetch_part part;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < WHOLE; i++)
		whole[i] = (uint8_t)(i * 7);
	fetch_begin(&fetch, &which, MOST, 1);
	while (at < WHOLE) {
		size_t length = WHOLE - at < FETCH_PART ? WHOLE - at : FETCH_PART;

		part = part_at(at, length);
		at += length;
		assert_int_equal(fetch_take(&fetch, &part, 2),
				 at == WHOLE ? FETCH_WHOLE : FETCH_MORE);
		/* once more: nobody waits for it */
		if (at < WHOLE)
			assert_int_equal(fetch_take(&fetch, &part, 2), FETCH_IGNORED);
	}
	assert_memory_equal(fetch.bytes, whole, WHOLE);
	assert_false(fetch_stalled(&fetch, FETCH_PATIENCE));
	assert_true(fetch_stalled(&fetch, FETCH_PATIENCE + 3));
	fetch_end(&fetch);
	assert_false(fetch_stalled(&fetch, FETCH_PATIENCE + 3));
	assert_int_equal(fetch_take(&fetch, &part, 2), FETCH_IGNORED);
}

static void parts_that_lie(void **state)
{
	static const struct {
		size_t size, length, next_size, next_length;
		enum fetch_verdict first, second;
	} cases[] = {
		{ 0, 100, 0, 0, FETCH_BROKEN, 0 },                        /* it is not there */
		{ MOST + 1, 100, 0, 0, FETCH_BROKEN, 0 },                 /* larger than may be */
		{ 100, 101, 0, 0, FETCH_BROKEN, 0 },                      /* beyond its end */
		{ WHOLE, 0, 0, 0, FETCH_BROKEN, 0 },                      /* nothing */
		{ WHOLE, 100, WHOLE + 1, 100, FETCH_MORE, FETCH_BROKEN }, /* it grows */
		{ WHOLE, 100, WHOLE, WHOLE, FETCH_MORE, FETCH_BROKEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fetch fetch = { 0 };
		struct fetch_part part = part_at(0, cases[i].length);

		fetch_begin(&fetch, &which, MOST, 1);
		part.which = another;
		assert_int_equal(fetch_take(&fetch, &part, 2), FETCH_IGNORED);
		part.which = which;
		part.size = cases[i].size;
		assert_int_equal(fetch_take(&fetch, &part, 2), cases[i].first);
		if (cases[i].first == FETCH_MORE) {
			part.offset = fetch.have;
			part.size = cases[i].next_size;
			part.length = cases[i].next_length;
			assert_int_equal(fetch_take(&fetch, &part, 2), cases[i].second);
		}
		fetch_end(&fetch);
	}
}

static void uploads(void **state)
{
	static const char one, two;
	struct upload upload = { 0 };

	(void)state;
	upload_add(&upload, &one, "pair.conf", whole, 100);
	upload_add(&upload, &one, "pair.conf", whole + 100, 50);
	upload_add(&upload, &one, "arrays/a.conf", NULL, 0);
	assert_int_equal(upload.files, 2);
	assert_int_equal(upload.file[0].length, 150);
	assert_memory_equal(upload.file[0].bytes, whole, 150);
	assert_int_equal(upload.file[1].length, 0);
	/* somebody else's takes its place */
	upload_add(&upload, &two, "pair.conf", whole, 10);
	assert_int_equal(upload.files, 1);
	assert_int_equal(upload.file[0].length, 10);
	for (size_t i = 0; i <= CONF_MAX_BYTES / WHOLE; i++)
		upload_add(&upload, &two, "pair.conf", whole, WHOLE);
	assert_true(upload.failed);
	assert_true(upload.bytes <= CONF_MAX_BYTES);
	upload_end(&upload);
	upload_add_bundle(&upload, &one, whole, 100);
	upload_add_bundle(&upload, &one, whole + 100, 50);
	assert_true(upload.is_bundle && upload.files == 1 && upload.bytes == 150);
	assert_memory_equal(upload.file[0].bytes, whole, 150);
	/* one or the other */
	upload_add(&upload, &one, "pair.conf", whole, 10);
	assert_true(upload.failed);
	upload_end(&upload);
	for (size_t i = 0; i <= BUNDLE_FILES; i++) {
		char name[2] = { (char)(' ' + i), '\0' };

		upload_add(&upload, &one, name, whole, 1);
	}
	assert_true(upload.failed);
	upload_end(&upload);
	assert_null(upload.whose);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(part_after_part),
		cmocka_unit_test(parts_that_lie),
		cmocka_unit_test(uploads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
