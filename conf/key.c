// SPDX-License-Identifier: BSD-2-Clause
#include "conf/key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static int fail(char why[KEY_WHY], int error,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, KEY_WHY, format, arguments);
	va_end(arguments);
	return error;
}

/*
 * systemd hands credentials to a service's own user by an access list, and a list's mask shows in
 * the mode as group bits, although the group may not read.
 */
static bool is_credential(const char *path)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t length = dir ? strlen(dir) : 0;

	return length > 1 && strncmp(path, dir, length) == 0 && path[length] == '/' &&
	       !strstr(path, "/../");
}

static int check_file(int fd, const char *path, char why[KEY_WHY])
{
	mode_t forbidden = is_credential(path) ? S_IRWXO | S_IWGRP : S_IRWXO | S_IRWXG;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(why, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(why, -EINVAL, "%s is not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fail(why, -EPERM, "%s belongs to user %u; run: chown root %s", path,
			    st.st_uid, path);
	if (st.st_mode & forbidden)
		return fail(why, -EPERM,
			    "%s is open to others (mode %04o): take the key as known to them, "
			    "or run: chmod 600 %s",
			    path, (unsigned int)(st.st_mode & 07777), path);
	return 0;
}

/* What is in a file, and how to get it. */
struct content {
	const char *name, *like, *made_by;
	bool (*parse)(uint8_t secret[SEAL_KEY], const char *text);
};
static const struct content key_content = { "key", "csk1_...", "pairctl keygen",
					    seal_secret_parse };
static const struct content psk_content = { "psk", "cps1_...",
					    "pairctl keygen --psk, on one node, and copy it",
					    seal_psk_parse };
static const struct content signer_content = { "signing key", "css1_...",
					       "pairctl keygen --operator NAME FILE",
					       seal_signer_parse };

/* One line, perhaps without its newline; anything behind it is a mistake. */
static int parse(uint8_t secret[SEAL_KEY], char *text, const char *path,
		 const struct content *content, char why[KEY_WHY])
{
	size_t line = strcspn(text, "\r\n");

	if (text[line + strspn(text + line, "\r\n")] != '\0')
		return fail(why, -EINVAL, "%s holds more than one line", path);
	text[line] = '\0';
	if (strncmp(text, "cpk1_", 5) == 0 || strncmp(text, "cvk1_", 5) == 0)
		return fail(why, -EINVAL, "%s holds a public key, not a secret one", path);
	if (!content->parse(secret, text))
		return fail(why, -EINVAL,
			    "%s holds no %s: expected one line %s; "
			    "make a new one with: %s",
			    path, content->name, content->like, content->made_by);
	return 0;
}

static int read_text(int fd, char *text, size_t size, const char *path, char why[KEY_WHY])
{
	size_t used = 0;
	ssize_t got;

	while ((got = read(fd, text + used, size - used)) > 0)
		used += (size_t)got;
	if (got < 0)
		return fail(why, -errno, "%s: %s", path, strerror(errno));
	if (used == size || memchr(text, '\0', used))
		return fail(why, -EINVAL, "%s is not a key file", path);
	text[used] = '\0';
	return 0;
}

/* The text holds the secret as well: it is wiped however this ends. */
static int read_locked(uint8_t secret[SEAL_KEY], const char *path, const struct content *content,
		       char why[KEY_WHY])
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), error;
	char text[256];

	if (fd < 0 && errno == ELOOP)
		return fail(why, -ELOOP, "%s is a symbolic link; name the file itself", path);
	if (fd < 0 && errno == ENOENT)
		return fail(why, -ENOENT, "%s does not exist; make it with: %s", path,
			    content->made_by);
	if (fd < 0)
		return fail(why, -errno, "%s: %s", path, strerror(errno));
	error = check_file(fd, path, why);
	if (error == 0)
		error = read_text(fd, text, sizeof(text), path, why);
	if (error == 0)
		error = parse(secret, text, path, content, why);
	seal_wipe(text, sizeof(text));
	close(fd);
	return error;
}

int key_read(struct seal_keypair **pair, const char *path, char why[KEY_WHY])
{
	int error;

	*pair = NULL;
	if (seal_init() < 0)
		return fail(why, -EIO, "no source of randomness");
	*pair = seal_alloc(sizeof(**pair)); /* locked, not dumped, wiped when freed */
	error = *pair ? read_locked((*pair)->secret, path, &key_content, why)
		      : fail(why, -ENOMEM, "out of memory");
	if (error == 0 && !seal_keypair_from_secret(*pair, (*pair)->secret))
		error = fail(why, -EINVAL, "%s holds no key that can be used", path);
	if (error < 0) {
		key_free(*pair);
		*pair = NULL;
	}
	return error;
}

static bool psk_path(char path[PATH_MAX], const char *key_path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", key_path);
	return snprintf(path, PATH_MAX, "%s/pair.psk", dirname(copy)) < PATH_MAX;
}

int key_read_psk(uint8_t **psk, const char *key_path, char why[KEY_WHY])
{
	char path[PATH_MAX];
	int error;

	*psk = NULL;
	if (seal_init() < 0)
		return fail(why, -EIO, "no source of randomness");
	if (!psk_path(path, key_path))
		return fail(why, -ENAMETOOLONG, "%s: the name is too long", key_path);
	*psk = seal_alloc(SEAL_KEY);
	error = *psk ? read_locked(*psk, path, &psk_content, why)
		     : fail(why, -ENOMEM, "out of memory");
	if (error < 0) {
		seal_free(*psk);
		*psk = NULL;
	}
	return error;
}

int key_read_signer(uint8_t seed[SEAL_KEY], const char *path, char why[KEY_WHY])
{
	return read_locked(seed, path, &signer_content, why);
}

void key_free(struct seal_keypair *pair)
{
	seal_free(pair);
}

/* A new name is on disk only when its directory is. */
static int sync_directory(const char *path)
{
	char copy[PATH_MAX];
	int fd, error;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return error;
}

static int write_file(const char *path, const char *line)
{
	size_t length = strlen(line);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error = 0;
	ssize_t written;

	if (fd < 0)
		return -errno;
	written = write(fd, line, length);
	if (written < 0 || fsync(fd) < 0)
		error = -errno;
	else if ((size_t)written < length)
		error = -ENOSPC;
	close(fd);
	return error;
}

/* A whole key under its name, or nothing: written aside, then moved where nothing stands. */
static int write_key(const char *path, const char *line)
{
	char aside[PATH_MAX];
	int error;

	if (snprintf(aside, sizeof(aside), "%s.%d.new", path, (int)getpid()) >= PATH_MAX)
		return -ENAMETOOLONG;
	error = write_file(aside, line);
	if (error == -EEXIST)
		return error; /* not ours to remove */
	if (error == 0 && renameat2(AT_FDCWD, aside, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		error = -errno;
	if (error < 0)
		unlink(aside);
	return error < 0 ? error : sync_directory(path);
}

static int create(const char *path, char line[SEAL_KEY_TEXT + 1], char why[KEY_WHY])
{
	int error;

	strcat(line, "\n");
	error = write_key(path, line);
	seal_wipe(line, SEAL_KEY_TEXT + 1);
	if (error == -EEXIST)
		return fail(why, error, "%s exists already and is never overwritten", path);
	return error < 0 ? fail(why, error, "%s: %s", path, strerror(-error)) : 0;
}

int key_create(const char *path, char text[SEAL_KEY_TEXT], char why[KEY_WHY])
{
	struct seal_keypair pair;
	char line[SEAL_KEY_TEXT + 1];

	if (seal_init() < 0)
		return fail(why, -EIO, "no source of randomness");
	if (access(path, F_OK) == 0)
		return fail(why, -EEXIST, "%s exists already and is never overwritten", path);
	seal_keypair_new(&pair);
	seal_public_print(text, pair.public);
	seal_secret_print(line, pair.secret);
	seal_wipe(&pair, sizeof(pair));
	return create(path, line, why);
}

int key_create_psk(const char *key_path, char path[PATH_MAX], char why[KEY_WHY])
{
	char line[SEAL_KEY_TEXT + 1];
	uint8_t psk[SEAL_KEY];

	if (seal_init() < 0)
		return fail(why, -EIO, "no source of randomness");
	if (!psk_path(path, key_path))
		return fail(why, -ENAMETOOLONG, "%s: the name is too long", key_path);
	seal_random(psk, sizeof(psk));
	seal_psk_print(line, psk);
	seal_wipe(psk, sizeof(psk));
	return create(path, line, why);
}

int key_create_signer(const char *path, char why[KEY_WHY])
{
	char line[SEAL_KEY_TEXT + 1];
	uint8_t seed[SEAL_KEY];

	if (seal_init() < 0)
		return fail(why, -EIO, "no source of randomness");
	seal_random(seed, sizeof(seed));
	seal_signer_print(line, seed);
	seal_wipe(seed, sizeof(seed));
	return create(path, line, why);
}

int key_promote(const char *path, char text[SEAL_KEY_TEXT], char why[KEY_WHY])
{
	struct seal_keypair *pair;
	char next[PATH_MAX];
	int error;

	if (snprintf(next, sizeof(next), "%s.next", path) >= PATH_MAX)
		return fail(why, -ENAMETOOLONG, "%s: the name is too long", path);
	error = key_read(&pair, next, why);
	if (error == -ENOENT)
		return fail(why, error, "%s does not exist; make it with: pairctl keygen --next",
			    next);
	if (error < 0)
		return error;
	seal_public_print(text, pair->public);
	key_free(pair);
	error = rename(next, path) < 0 ? -errno : sync_directory(path);
	return error < 0 ? fail(why, error, "%s: %s", path, strerror(-error)) : 0;
}
