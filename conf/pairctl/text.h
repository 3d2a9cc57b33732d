/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for people: amounts, durations, and tables whose columns fit what is in them.
 */
#ifndef CASPAIR_TEXT_H
#define CASPAIR_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TEXT_SIZE = 32 };

enum text_colour { TEXT_PLAIN, TEXT_GOOD, TEXT_BAD, TEXT_DOUBT };

/* All return `text`.  "4 ms", "3 m 20 s", "12 d"; "12,431"; "31 MB"; "0.2 ms". */
char *text_duration(char text[TEXT_SIZE], uint64_t ms);
char *text_count(char text[TEXT_SIZE], uint64_t count);
char *text_bytes(char text[TEXT_SIZE], uint64_t bytes);
char *text_ms(char text[TEXT_SIZE], double ms);

/* Prints what others have said: control characters become "?". */
void text_clean(const char *text, FILE *out);

struct table;
/* `right`: bit n set for columns of numbers.  Never NULL: without memory the program ends. */
struct table *table_new(const char *const *titles, size_t columns, unsigned int right);
/* The next cell, row after row.  The text is copied. */
void table_add(struct table *table, const char *text, enum text_colour colour);
/* Prints and frees.  Trailing blanks are left out; colours only if `colour`. */
void table_print(struct table *table, unsigned int indent, bool colour, FILE *out);

/* Memory or the end of the program: for a command that has nothing to save. */
void *text_alloc(size_t count, size_t size);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Lists of a few lines: grown one by one. */
void text_append(char ***list, size_t *count, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
/* "one, two"; freed by the caller, as the one before. */
char *text_join(char *const *word, size_t count);

#endif
