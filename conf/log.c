// SPDX-License-Identifier: BSD-2-Clause
#include "conf/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 1024 };

/* One process, one log: set once by log_open(). */
static struct {
	const char *name;
	enum log_level level;
	bool journal;
} log_state = { "caspair", LOG_LEVEL_INFO, false };

static const struct {
	const char *name;
	int priority; /* sd-daemon(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

/* JOURNAL_STREAM is inherited by children whose stderr goes elsewhere: it names the right file. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *name, enum log_level level)
{
	log_state.name = name;
	log_state.level = level;
	log_state.journal = stderr_is_journal();
}

int log_level_parse(const char *text, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(text, levels[i].name) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* The journal knows the time, and reads the priority from the prefix. */
static int print_prefix(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm local;

	if (log_state.journal)
		return snprintf(line, size, "<%d>%s: ", levels[level].priority, log_state.name);
	clock_gettime(CLOCK_REALTIME, &now);
	if (!localtime_r(&now.tv_sec, &local))
		memset(&local, 0, sizeof(local));
	return snprintf(line, size, "%02d:%02d:%02d.%03ld %.32s %s: ", local.tm_hour, local.tm_min,
			local.tm_sec, now.tv_nsec / 1000000, log_state.name, levels[level].name);
}

/* Text may hold what a peer sent: one call is one line, and no terminal is steered by it. */
static void blunt(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

static void log_line(enum log_level level, const char *format, va_list arguments)
{
	int saved = errno, prefix, length;
	char line[LINE + 1];
	ssize_t written;

	if (level > log_state.level)
		return;
	prefix = print_prefix(line, LINE, level);
	if (prefix < 0 || prefix >= LINE)
		prefix = 0;
	length = vsnprintf(line + prefix, (size_t)(LINE - prefix), format, arguments);
	if (length < 0)
		length = 0;
	length += prefix;
	if (length >= LINE)
		length = LINE - 1;
	line[length] = '\0';
	blunt(line + prefix);
	line[length++] = '\n';
	/* One write a line: several daemons may share a terminal.  There is nobody to tell. */
	written = write(STDERR_FILENO, line, (size_t)length);
	(void)written;
	errno = saved;
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_ERROR, format, arguments);
	va_end(arguments);
}

void log_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_WARNING, format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_INFO, format, arguments);
	va_end(arguments);
}

void log_debug(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_DEBUG, format, arguments);
	va_end(arguments);
}
