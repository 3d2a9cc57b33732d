// SPDX-License-Identifier: BSD-2-Clause
#include "conf/texts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/bundle_text.h"

static const char first_name[] = "pair.conf";

__attribute__((format(printf, 2, 3))) static bool fail(char why[TEXTS_WHY], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, TEXTS_WHY, format, arguments);
	va_end(arguments);
	return false;
}

void texts_init(struct texts *texts)
{
	*texts = (struct texts){ .dir = -1 };
}

void texts_free(struct texts *texts)
{
	for (size_t i = 0; i < texts->count; i++) {
		free(texts->list[i].name);
		free(texts->list[i].bytes);
	}
	free(texts->list);
	if (texts->dir >= 0)
		close(texts->dir);
	texts_init(texts);
}

/* --- one file --------------------------------------------------------------------------------- */

/* Takes the bytes over, whatever becomes of them. */
static bool take(struct texts *texts, const char *name, uint8_t *bytes, size_t length,
		 char why[TEXTS_WHY])
{
	struct conf_text *more;
	char *copy;

	if (texts->count == TEXTS_FILES || length > CONF_MAX_BYTES - texts->bytes) {
		free(bytes);
		return texts->count == TEXTS_FILES
			       ? fail(why, "more than %d files", TEXTS_FILES)
			       : fail(why, "larger than %d bytes", CONF_MAX_BYTES);
	}
	more = realloc(texts->list, (texts->count + 1) * sizeof(*more));
	if (more)
		texts->list = more;
	copy = strdup(name);
	if (!more || !copy) {
		free(copy);
		free(bytes);
		return fail(why, "out of memory");
	}
	more[texts->count++] = (struct conf_text){ copy, bytes, length };
	texts->bytes += length;
	return true;
}

bool texts_add(struct texts *texts, const char *name, const void *bytes, size_t length,
	       char why[TEXTS_WHY])
{
	uint8_t *copy = malloc(length + 1);

	if (!copy)
		return fail(why, "out of memory");
	if (length)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return take(texts, name, copy, length, why);
}

/* One byte more than is allowed, so that the excess is seen.  The length or a negative errno. */
static ssize_t slurp(int fd, uint8_t *bytes)
{
	size_t used = 0;

	while (used <= CONF_MAX_BYTES) {
		ssize_t n = read(fd, bytes + used, CONF_MAX_BYTES + 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

static bool take_open(struct texts *texts, const char *name, int fd, char why[TEXTS_WHY])
{
	uint8_t *bytes, *fit;
	struct stat status;
	ssize_t length;

	if (fstat(fd, &status) < 0)
		return fail(why, "cannot open: %s", strerror(errno));
	if (!S_ISREG(status.st_mode))
		return fail(why, "not a regular file");
	bytes = malloc(CONF_MAX_BYTES + 2);
	if (!bytes)
		return fail(why, "out of memory");
	length = slurp(fd, bytes);
	if (length < 0) {
		free(bytes);
		return fail(why, "cannot read: %s", strerror((int)-length));
	}
	bytes[length] = '\0';
	fit = realloc(bytes, (size_t)length + 1);
	return take(texts, name, fit ? fit : bytes, (size_t)length, why);
}

static int open_directory(const char *path)
{
	char copy[PATH_MAX];
	char *slash;

	if (snprintf(copy, sizeof(copy), "%s", path) >= PATH_MAX)
		return -1;
	slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy] = '\0';
	return open(slash ? copy : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool texts_open(struct texts *texts, const char *path, char why[TEXTS_WHY])
{
	/* Non-blocking, so that a FIFO without a writer cannot hold a daemon up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool good;

	if (fd < 0)
		return fail(why, "cannot open: %s", strerror(errno));
	good = take_open(texts, first_name, fd, why);
	close(fd);
	texts->dir = open_directory(path);
	return good;
}

/* --- what an include names -------------------------------------------------------------------- */

bool texts_match(const struct texts *texts, size_t i, const char *pattern)
{
	return fnmatch(pattern, texts->list[i].name, FNM_PATHNAME | FNM_PERIOD) == 0;
}

static bool is_there(const struct texts *texts, const char *name)
{
	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->list[i].name, name) == 0)
			return true;
	return false;
}

/* A link could lead out of the directory, and nobody would see it in what is pushed. */
static bool load(struct texts *texts, const char *name, int folder, char why[TEXTS_WHY])
{
	const char *slash = strrchr(name, '/');
	int fd = openat(folder, slash ? slash + 1 : name,
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char reason[TEXTS_WHY];
	bool good;

	if (fd < 0)
		return errno == ELOOP ? fail(why, "%s is a symbolic link", name)
				      : fail(why, "cannot open %s: %s", name, strerror(errno));
	good = take_open(texts, name, fd, reason);
	close(fd);
	return good ? true : fail(why, "%s: %.150s", name, reason);
}

/* Is it one of the names that can be included? */
static bool is_pattern(const char *pattern)
{
	char plain[TEXTS_NAME];
	const char *slash = strchr(pattern, '/');
	const char *wild = strpbrk(pattern, "*?");

	if (strlen(pattern) >= TEXTS_NAME || (wild && slash && wild < slash))
		return false;
	snprintf(plain, sizeof(plain), "%s", pattern);
	for (char *c = plain; *c; c++)
		if (*c == '*' || *c == '?')
			*c = 'x';
	return bundle_name_included(plain);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not as the locale would have it */
}

static bool load_all(struct texts *texts, const char *pattern, int folder, char why[TEXTS_WHY])
{
	const char *slash = strrchr(pattern, '/');
	struct dirent **entry;
	int count = scandirat(folder, ".", &entry, NULL, by_name);
	bool good = true;

	if (count < 0)
		return fail(why, "cannot list: %s", strerror(errno));
	for (int i = 0; i < count; i++) {
		char name[TEXTS_NAME + NAME_MAX];

		snprintf(name, sizeof(name), "%.*s%s", slash ? (int)(slash - pattern) + 1 : 0,
			 pattern, entry[i]->d_name);
		free(entry[i]);
		if (!good || fnmatch(pattern, name, FNM_PATHNAME | FNM_PERIOD) != 0 ||
		    is_there(texts, name))
			continue;
		good = bundle_name_included(name)
			       ? load(texts, name, folder, why)
			       : fail(why,
				      "%.128s: names of included files have letters, digits "
				      "and . _ - only",
				      name);
	}
	free(entry);
	return good;
}

bool texts_gather(struct texts *texts, const char *pattern, char why[TEXTS_WHY])
{
	const char *slash = strchr(pattern, '/');
	char folder[TEXTS_NAME] = ".";
	bool good;
	int fd;

	if (!is_pattern(pattern))
		return fail(why,
			    "takes NAME or FOLDER/NAME beside this file, with * or ? in NAME, "
			    "not \"%.60s\"",
			    pattern);
	if (texts->dir < 0)
		return true; /* all that there is is there */
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - pattern), pattern);
	fd = openat(texts->dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(why, "cannot open %s: %s", folder, strerror(errno));
	if (strpbrk(pattern, "*?"))
		good = load_all(texts, pattern, fd, why);
	else
		good = is_there(texts, pattern) || load(texts, pattern, fd, why);
	close(fd);
	return good;
}
