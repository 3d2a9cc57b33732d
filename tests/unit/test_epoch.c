// SPDX-License-Identifier: BSD-2-Clause
/* The epoch file: what is read, what is refused, and that no epoch is used twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vrrp/epoch.h"

static char dir[] = "/tmp/caspair-epoch-XXXXXX";
static char path[64], fresh[64];

static int make_dir(void **unused)
{
	(void)unused;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/epoch", dir);
	snprintf(fresh, sizeof(fresh), "%s/epoch.new", dir);
	return 0;
}

static int clear(void **unused)
{
	(void)unused;
	unlink(path);
	unlink(fresh);
	rmdir(fresh);
	return 0;
}

static int remove_dir(void **unused)
{
	clear(unused);
	return rmdir(dir);
}

static void write_bytes(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

static void new_node(void **unused)
{
	struct epoch_store store;

	(void)unused;
	assert_int_equal(epoch_open(&store, dir), 0);
	assert_int_equal(store.used, 0);
	assert_int_equal(store.reserved, 0);
}

/* Whatever was reserved may have been used: a restart goes above it. */
static void restart_uses_none_twice(void **unused)
{
	struct epoch_store store;
	uint64_t used;

	(void)unused;
	assert_int_equal(epoch_open(&store, dir), 0);
	assert_int_equal(epoch_reserve(&store, 0), 0);
	assert_int_equal(store.reserved, EPOCH_BLOCK);
	used = store.reserved;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(epoch_open(&store, dir), 0);
		assert_true(store.used >= used);
		assert_int_equal(epoch_reserve(&store, 0), 0);
		assert_true(store.reserved > store.used);
		used = store.reserved;
	}
}

static void disk_is_asked_once_a_half_block(void **unused)
{
	struct epoch_store store;
	struct stat before, after;

	(void)unused;
	assert_int_equal(epoch_open(&store, dir), 0);
	assert_int_equal(epoch_reserve(&store, 0), 0);
	assert_int_equal(stat(path, &before), 0);
	for (uint64_t epoch = 0; epoch <= EPOCH_BLOCK / 2; epoch++)
		assert_int_equal(epoch_reserve(&store, epoch), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(epoch_reserve(&store, EPOCH_BLOCK / 2 + 1), 0);
	assert_int_equal(store.reserved, EPOCH_BLOCK / 2 + 1 + EPOCH_BLOCK);
}

static void peer_far_ahead(void **unused)
{
	struct epoch_store store;

	(void)unused;
	assert_int_equal(epoch_open(&store, dir), 0);
	assert_int_equal(epoch_reserve(&store, UINT64_C(1) << 40), 0);
	assert_int_equal(epoch_open(&store, dir), 0);
	assert_int_equal(store.used, (UINT64_C(1) << 40) + EPOCH_BLOCK);
}

static void damaged_files_are_refused(void **unused)
{
	static const struct {
		const char *text;
		size_t length;
	} rows[] = {
#define ROW(text) { text, sizeof(text) - 1 }
		ROW(""),
		ROW("\n"),
		ROW("1024\n"),
		ROW("caspair-epoch 1 "),
		ROW("caspair-epoch 1 \n"),
		ROW("caspair-epoch 1 1024"), /* cut off: may have been 10240 */
		ROW("caspair-epoch 1 1024\n\n"),
		ROW("caspair-epoch 1 1024 \n"),
		ROW("caspair-epoch 1  1024\n"),
		ROW("caspair-epoch 1 -1\n"),
		ROW("caspair-epoch 1 +1\n"),
		ROW("caspair-epoch 1 0x10\n"),
		ROW("caspair-epoch 2 1024\n"),
		ROW("caspair-epoch 1 10\0"
		    "24\n"),
		ROW("caspair-epoch 1 18446744073709551615\n"),
		ROW("caspair-epoch 1 99999999999999999999999\n"),
		ROW("caspair-epoch 1 000000000000000000000000000000000000000000000000000001\n"),
#undef ROW
	};
	struct epoch_store store;

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		write_bytes(rows[i].text, rows[i].length);
		assert_int_equal(epoch_open(&store, dir), -EBADMSG);
	}
	write_bytes("caspair-epoch 1 7\n", 18);
	assert_int_equal(epoch_open(&store, dir), 0);
	assert_int_equal(store.used, 7);
}

/* Neither a failed write nor a leftover of one changes what is known. */
static void failed_write_promises_nothing(void **unused)
{
	struct epoch_store store;

	(void)unused;
	assert_int_equal(epoch_open(&store, dir), 0);
	assert_int_equal(mkdir(fresh, 0700), 0);
	assert_int_equal(epoch_reserve(&store, 0), -EISDIR);
	assert_int_equal(store.reserved, 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(fresh), 0);
	assert_int_equal(epoch_reserve(&store, 0), 0);
	assert_int_equal(access(fresh, F_OK), -1);
}

static void links_are_not_followed(void **unused)
{
	struct epoch_store store;

	(void)unused;
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(epoch_open(&store, dir), -ELOOP);
	unlink(path);
	assert_int_equal(epoch_open(&store, dir), 0);
	assert_int_equal(symlink("/dev/null", fresh), 0);
	assert_int_equal(epoch_reserve(&store, 0), -ELOOP);
}

static void names_too_long(void **unused)
{
	static char name[PATH_MAX];
	struct epoch_store store;

	(void)unused;
	memset(name, 'x', sizeof(name) - 5);
	assert_int_equal(epoch_open(&store, name), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(new_node, clear),
		cmocka_unit_test_teardown(restart_uses_none_twice, clear),
		cmocka_unit_test_teardown(disk_is_asked_once_a_half_block, clear),
		cmocka_unit_test_teardown(peer_far_ahead, clear),
		cmocka_unit_test_teardown(damaged_files_are_refused, clear),
		cmocka_unit_test_teardown(failed_write_promises_nothing, clear),
		cmocka_unit_test_teardown(links_are_not_followed, clear),
		cmocka_unit_test_teardown(names_too_long, clear),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
