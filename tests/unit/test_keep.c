// SPDX-License-Identifier: BSD-2-Clause
/* Small files of the state directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lbd/keep.h"

static char dir[32], path[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/keep.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x", dir);
	return 0;
}

static int tear_down(void **state)
{
	char fresh[80];

	(void)state;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	unlink(fresh);
	unlink(path);
	return rmdir(dir);
}

static void expect(const char *text, size_t length)
{
	uint8_t *bytes;
	size_t size;

	assert_int_equal(keep_read(dir, "x", &bytes, &size), 0);
	assert_int_equal(size, length);
	assert_memory_equal(bytes, text, length);
	free(bytes);
}

static void test_round(void **state)
{
	uint8_t *bytes;
	struct stat st;
	size_t size;

	(void)state;
	assert_int_equal(keep_read(dir, "x", &bytes, &size), -ENOENT);
	assert_int_equal(keep_write(dir, "x", "hello", 5), 0);
	expect("hello", 5);
	assert_int_equal(keep_write(dir, "x", "", 0), 0);
	expect("", 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* What cannot be written leaves the old one. */
static void test_failure(void **state)
{
	char fresh[80];

	(void)state;
	assert_int_equal(keep_write(dir, "x", "old", 3), 0);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	assert_int_equal(mkdir(fresh, 0700), 0);
	assert_int_equal(keep_write(dir, "x", "new", 3), -EISDIR);
	expect("old", 3);
	rmdir(fresh);
	assert_int_equal(keep_write("/none/dir", "x", "new", 3), -ENOENT);
	assert_int_equal(keep_write(dir, "x", "new", KEEP_MAX + 1), -EFBIG);
	expect("old", 3);
}

/* Each byte that is changed, and each length that is not the file's, is seen. */
static void test_damage(void **state)
{
	uint8_t *bytes, whole[64], bad[65];
	size_t size, length;
	int fd;

	(void)state;
	assert_int_equal(keep_write(dir, "x", "some text", 9), 0);
	fd = open(path, O_RDONLY);
	length = (size_t)read(fd, whole, sizeof(whole));
	close(fd);
	for (size_t i = 0; i <= 2 * length + 1; i++) {
		size_t cut = i < length ? length : i - length - 1;

		if (i >= length && cut == length)
			cut++;
		memcpy(bad, whole, length);
		bad[length] = 0;
		if (i < length)
			bad[i] ^= 4;
		fd = open(path, O_WRONLY | O_TRUNC);
		assert_int_equal(write(fd, bad, cut), cut);
		close(fd);
		if (keep_read(dir, "x", &bytes, &size) != -EBADMSG)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
