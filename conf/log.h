/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Four levels to stderr: plain with a time for a terminal, "<N>"-prefixed for the journal.  errno
 * is preserved.  Pure modules do not log.
 */
#ifndef CASPAIR_LOG_H
#define CASPAIR_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `name` is the daemon's, shown in each line; borrowed for ever. */
void log_open(const char *name, enum log_level level);

/* 0 and the level, or -EINVAL; names: error, warning, info, debug. */
int log_level_parse(const char *text, enum log_level *level);

#define LOG_PRINTF __attribute__((format(printf, 1, 2)))
void log_error(const char *format, ...) LOG_PRINTF;
void log_warning(const char *format, ...) LOG_PRINTF;
void log_info(const char *format, ...) LOG_PRINTF;
void log_debug(const char *format, ...) LOG_PRINTF;
#undef LOG_PRINTF

#endif
