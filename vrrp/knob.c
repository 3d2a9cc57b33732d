// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/knob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/log.h"

enum { TEXT = 16 };

static int open_knob(const char *path, int flags)
{
	char whole[KNOB_PATH + sizeof("/proc/sys/net/")];

	snprintf(whole, sizeof(whole), "/proc/sys/net/%s", path);
	return open(whole, flags | O_CLOEXEC);
}

static int read_knob(const char *path, int *value)
{
	char text[TEXT] = "";
	int fd = open_knob(path, O_RDONLY);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return -EIO;
	*value = atoi(text);
	return 0;
}

static int write_knob(const char *path, int value)
{
	char text[TEXT];
	int length = snprintf(text, sizeof(text), "%d", value);
	int fd = open_knob(path, O_WRONLY);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)length) != length)
		err = errno ? -errno : -EIO;
	close(fd);
	return err;
}

void knob_open(struct knobs *knobs, const char *store)
{
	struct knob knob;
	FILE *file;

	*knobs = (struct knobs){ .count = 0 };
	snprintf(knobs->store, sizeof(knobs->store), "%s", store);
	file = fopen(store, "re");
	while (file && knobs->count < KNOB_MAX &&
	       fscanf(file, "%d %95[^\n]", &knob.before, knob.path) == 2)
		knobs->knob[knobs->count++] = knob;
	if (file)
		fclose(file);
}

static void store(const struct knobs *knobs)
{
	FILE *file;

	if (!knobs->store[0])
		return;
	file = fopen(knobs->store, "we");
	for (size_t i = 0; file && i < knobs->count; i++)
		fprintf(file, "%d %s\n", knobs->knob[i].before, knobs->knob[i].path);
	if (!file || fclose(file))
		log_warning("cannot write %s: %s", knobs->store, strerror(errno));
}

static void remember(struct knobs *knobs, const char *path, int before)
{
	for (size_t i = 0; i < knobs->count; i++) {
		if (strcmp(knobs->knob[i].path, path) == 0)
			return;
	}
	if (knobs->count == KNOB_MAX)
		return;
	memcpy(knobs->knob[knobs->count].path, path, KNOB_PATH);
	knobs->knob[knobs->count++].before = before;
	store(knobs);
}

int knob_set(struct knobs *knobs, const char *family, const char *ifname, const char *name,
	     int value)
{
	char path[KNOB_PATH] = "";
	int before = 0, err;

	snprintf(path, sizeof(path), "%s/conf/%s/%s", family, ifname, name);
	err = read_knob(path, &before);
	if (!err && before != value)
		err = write_knob(path, value);
	if (err) {
		log_error("cannot set /proc/sys/net/%s to %d: %s", path, value, strerror(-err));
		return err;
	}
	if (before == value || !knobs->store[0])
		return 0;
	log_info("/proc/sys/net/%s is %d while vrrpd runs (was %d)", path, value, before);
	remember(knobs, path, before);
	return 0;
}

void knob_restore(struct knobs *knobs)
{
	if (knobs->store[0])
		unlink(knobs->store);
	while (knobs->count) {
		const struct knob *knob = &knobs->knob[--knobs->count];
		int err = write_knob(knob->path, knob->before);

		if (err && err != -ENOENT)
			log_warning("cannot set /proc/sys/net/%s back to %d: %s", knob->path,
				    knob->before, strerror(-err));
	}
}
