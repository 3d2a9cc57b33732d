/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A node's secret key in its file: one line "csk1_...", for its owner's eyes alone.
 */
#ifndef CASPAIR_KEY_H
#define CASPAIR_KEY_H

#include <limits.h>
#include <stddef.h>

#include "proto/seal.h"

enum { KEY_WHY = 512 };

/*
 * Reads the file into memory that is locked, kept out of core dumps and freed by key_free().
 * Refused: symbolic links, files of another owner than root or this process, files that group or
 * others may read (except as a service manager's credential), anything but one whole key.
 * 0, or a negative errno with the reason and the remedy in `why`.
 */
int key_read(struct seal_keypair **pair, const char *path, char why[KEY_WHY]);

/*
 * The secret that both nodes share besides, "cps1_...", from pair.psk beside the key file.  Read and
 * refused in the same way; freed by seal_free().
 */
int key_read_psk(uint8_t **psk, const char *key_path, char why[KEY_WHY]);
/* Makes it, likewise in pair.psk beside the key file, whose name goes to `path`. */
int key_create_psk(const char *key_path, char path[PATH_MAX], char why[KEY_WHY]);

/*
 * The seed of an operator's signing key, "css1_...": read and refused in the same way, into memory
 * that the caller has locked; and made anew, never over another file.  conf/sign.h uses them.
 */
int key_read_signer(uint8_t seed[SEAL_KEY], const char *path, char why[KEY_WHY]);
int key_create_signer(const char *path, char why[KEY_WHY]);

/* Wipes and frees; NULL is allowed. */
void key_free(struct seal_keypair *pair);

/*
 * Makes a new key and its file, mode 0600, on disk when this returns.  Never overwrites: -EEXIST.
 * The public half goes to `text` as it is written in the configuration.
 */
int key_create(const char *path, char text[SEAL_KEY_TEXT], char why[KEY_WHY]);

/*
 * The key in FILE.next takes the place of the one in FILE, which is gone afterwards.  Refused as
 * key_read() would refuse FILE.next.  The public half goes to `text`.
 */
int key_promote(const char *path, char text[SEAL_KEY_TEXT], char why[KEY_WHY]);

#endif
