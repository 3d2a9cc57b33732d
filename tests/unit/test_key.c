// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[32], path[64];
	char why[KEY_WHY];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->dir, sizeof(f->dir), "/tmp/key.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/node.key", f->dir);
	*state = f;
	return 0;
}

/* Nothing may be left but the key itself: a temporary file with a secret would fail this. */
static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	if (rmdir(f->dir) < 0)
		return -1;
	free(f);
	return 0;
}

static void write_text(struct fixture *f, const char *text, size_t length, mode_t mode)
{
	int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, length), length);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void secret_line(char line[SEAL_KEY_TEXT], uint8_t fill)
{
	uint8_t secret[SEAL_KEY];

	memset(secret, fill, sizeof(secret));
	seal_secret_print(line, secret);
}

static void test_create_and_read(void **state)
{
	struct fixture *f = *state;
	char created[SEAL_KEY_TEXT], read[SEAL_KEY_TEXT], again[SEAL_KEY_TEXT];
	struct seal_keypair *pair;
	struct stat st;

	assert_int_equal(key_create(f->path, created, f->why), 0);
	assert_int_equal(strncmp(created, "cpk1_", 5), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(key_read(&pair, f->path, f->why), 0);
	seal_public_print(read, pair->public);
	assert_string_equal(created, read);
	key_free(pair);
	assert_int_equal(key_create(f->path, again, f->why), -EEXIST);
	assert_non_null(strstr(f->why, "never overwritten"));
	assert_int_equal(key_read(&pair, f->path, f->why), 0);
	seal_public_print(again, pair->public);
	assert_string_equal(created, again);
	key_free(pair);
	key_free(NULL);
}

static void test_two_keys_differ(void **state)
{
	struct fixture *f = *state;
	char first[SEAL_KEY_TEXT], second[SEAL_KEY_TEXT];

	assert_int_equal(key_create(f->path, first, f->why), 0);
	unlink(f->path);
	assert_int_equal(key_create(f->path, second, f->why), 0);
	assert_string_not_equal(first, second);
}

static void test_create_where_it_cannot_be(void **state)
{
	struct fixture *f = *state;
	char text[SEAL_KEY_TEXT], path[96];

	snprintf(path, sizeof(path), "%s/none/node.key", f->dir);
	assert_int_equal(key_create(path, text, f->why), -ENOENT);
	assert_non_null(strstr(f->why, path));
	/* A dangling link is neither followed nor replaced. */
	assert_int_equal(symlink("/tmp/nowhere-at-all", f->path), 0);
	assert_int_equal(key_create(f->path, text, f->why), -EEXIST);
	assert_int_equal(access("/tmp/nowhere-at-all", F_OK), -1);
}

static void test_content(void **state)
{
	static const struct {
		const char *format; /* %s: a secret key */
		int expected;
		const char *why;
	} cases[] = {
		{ "%s\n", 0, NULL },
		{ "%s", 0, NULL },
		{ "%s\r\n", 0, NULL },
		{ "%s\n\n", 0, NULL },
		{ "%s\nmore\n", -EINVAL, "more than one line" },
		{ "%s \n", -EINVAL, "no key" },
		{ " %s\n", -EINVAL, "no key" },
		{ "%sA\n", -EINVAL, "no key" },
		{ "%.40s\n", -EINVAL, "no key" },
		{ "\n", -EINVAL, "no key" },
		{ "", -EINVAL, "no key" },
		{ "x%s\n", -EINVAL, "no key" },
		{ "cpk1_XnFy9naVpLm3Cpdvxl2KOSTRzV9s800gpvuoHjUH6aA\n", -EINVAL, "public key" },
	};
	struct fixture *f = *state;
	struct seal_keypair *pair;
	char line[SEAL_KEY_TEXT], text[256];

	secret_line(line, 7);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), cases[i].format, line);
#pragma GCC diagnostic pop
		write_text(f, text, strlen(text), 0600);
		if (key_read(&pair, f->path, f->why) != cases[i].expected)
			fail_msg("case %zu: %s", i, f->why);
		assert_int_equal(pair == NULL, cases[i].expected != 0);
		if (cases[i].why && !strstr(f->why, cases[i].why))
			fail_msg("case %zu: %s", i, f->why);
		assert_null(cases[i].expected ? strstr(f->why, line) : NULL);
		key_free(pair);
	}
}

static void test_not_text(void **state)
{
	struct fixture *f = *state;
	struct seal_keypair *pair;
	char line[SEAL_KEY_TEXT], big[4096];

	secret_line(line, 0);
	write_text(f, line, strlen(line), 0600);
	assert_int_equal(key_read(&pair, f->path, f->why), -EINVAL); /* all zero */
	memset(big, 'A', sizeof(big));
	write_text(f, big, sizeof(big), 0600);
	assert_int_equal(key_read(&pair, f->path, f->why), -EINVAL);
	write_text(f, "csk1_\0", 6, 0600);
	assert_int_equal(key_read(&pair, f->path, f->why), -EINVAL);
	assert_null(pair);
}

static void test_mode(void **state)
{
	struct fixture *f = *state;
	struct seal_keypair *pair;
	char line[SEAL_KEY_TEXT];

	secret_line(line, 7);
	for (mode_t bit = 1; bit < 0100; bit <<= 1) {
		write_text(f, line, strlen(line), 0600 | bit);
		assert_int_equal(key_read(&pair, f->path, f->why), -EPERM);
		assert_non_null(strstr(f->why, "chmod 600"));
	}
	write_text(f, line, strlen(line), 0400);
	assert_int_equal(key_read(&pair, f->path, f->why), 0);
	key_free(pair);
}

/* An access list shows in the mode of a credential, and nowhere else is that tolerated. */
static void test_credential(void **state)
{
	struct fixture *f = *state;
	struct seal_keypair *pair;
	char line[SEAL_KEY_TEXT], path[96];

	secret_line(line, 7);
	write_text(f, line, strlen(line), 0440);
	setenv("CREDENTIALS_DIRECTORY", f->dir, 1);
	assert_int_equal(key_read(&pair, f->path, f->why), 0);
	key_free(pair);
	write_text(f, line, strlen(line), 0444);
	assert_int_equal(key_read(&pair, f->path, f->why), -EPERM);
	write_text(f, line, strlen(line), 0440);
	snprintf(path, sizeof(path), "%s/../%s", f->dir, f->path + strlen("/tmp/"));
	assert_int_equal(key_read(&pair, path, f->why), -EPERM);
	setenv("CREDENTIALS_DIRECTORY", "/tmp/ke", 1);
	assert_int_equal(key_read(&pair, f->path, f->why), -EPERM);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_not_a_file(void **state)
{
	struct fixture *f = *state;
	struct seal_keypair *pair;
	char line[SEAL_KEY_TEXT], other[96];

	assert_int_equal(key_read(&pair, f->path, f->why), -ENOENT);
	assert_non_null(strstr(f->why, "pairctl keygen"));
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_int_equal(key_read(&pair, f->path, f->why), -EINVAL);
	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(key_read(&pair, f->path, f->why), -EINVAL); /* and does not block */
	assert_int_equal(unlink(f->path), 0);
	secret_line(line, 7);
	write_text(f, line, strlen(line), 0600);
	snprintf(other, sizeof(other), "%s/real", f->dir);
	assert_int_equal(rename(f->path, other), 0);
	assert_int_equal(symlink(other, f->path), 0);
	assert_int_equal(key_read(&pair, f->path, f->why), -ELOOP);
	assert_null(pair);
	unlink(other);
}

static void test_owner(void **state)
{
	struct fixture *f = *state;
	struct seal_keypair *pair;
	char line[SEAL_KEY_TEXT];

	if (geteuid() != 0)
		skip();
	secret_line(line, 7);
	write_text(f, line, strlen(line), 0600);
	assert_int_equal(chown(f->path, 65534, 65534), 0);
	assert_int_equal(key_read(&pair, f->path, f->why), -EPERM);
	assert_non_null(strstr(f->why, "belongs to user 65534"));
}

static void test_psk(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], line[SEAL_KEY_TEXT];
	uint8_t *psk, *again;

	assert_int_equal(key_read_psk(&psk, f->path, f->why), -ENOENT);
	assert_non_null(strstr(f->why, "pair.psk does not exist"));
	assert_int_equal(key_create_psk(f->path, path, f->why), 0);
	assert_int_equal(key_create_psk(f->path, path, f->why), -EEXIST);
	assert_int_equal(key_read_psk(&psk, f->path, f->why), 0);
	assert_int_equal(key_read_psk(&again, f->path, f->why), 0);
	assert_memory_equal(psk, again, SEAL_KEY);
	seal_free(psk);
	seal_free(again);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(key_read_psk(&psk, f->path, f->why), -EPERM);
	assert_null(psk);
	assert_int_equal(unlink(path), 0);
	/* A key is no psk. */
	assert_int_equal(key_create(path, line, f->why), 0);
	assert_int_equal(key_read_psk(&psk, f->path, f->why), -EINVAL);
	assert_non_null(strstr(f->why, "expected one line cps1_"));
	assert_int_equal(unlink(path), 0);
}

static void test_promote(void **state)
{
	struct fixture *f = *state;
	struct seal_keypair *pair;
	char next[96], first[SEAL_KEY_TEXT], second[SEAL_KEY_TEXT], text[SEAL_KEY_TEXT];

	snprintf(next, sizeof(next), "%s.next", f->path);
	assert_int_equal(key_create(f->path, first, f->why), 0);
	assert_int_equal(key_promote(f->path, text, f->why), -ENOENT);
	assert_non_null(strstr(f->why, "keygen --next"));
	assert_int_equal(key_create(next, second, f->why), 0);
	/* What would be refused as a key takes no key's place. */
	assert_int_equal(chmod(next, 0644), 0);
	assert_int_equal(key_promote(f->path, text, f->why), -EPERM);
	assert_int_equal(chmod(next, 0600), 0);
	assert_int_equal(key_promote(f->path, text, f->why), 0);
	assert_string_equal(text, second);
	assert_int_equal(access(next, F_OK), -1);
	assert_int_equal(key_read(&pair, f->path, f->why), 0);
	seal_public_print(text, pair->public);
	assert_string_equal(text, second);
	assert_string_not_equal(text, first);
	key_free(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create_and_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_keys_differ, setup, teardown),
		cmocka_unit_test_setup_teardown(test_create_where_it_cannot_be, setup, teardown),
		cmocka_unit_test_setup_teardown(test_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credential, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_promote, setup, teardown),
		cmocka_unit_test_setup_teardown(test_psk, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
