/* metadata.h: what is said about parts of a thing: {"attributes":{"a":{"issuedAt":…}}}, beside the thing.
 *
 *   put-metadata     [{"key":"issuedAt","value":…}]  key: pointer below the place of the command; a first "*" stands for every
 *                    leaf of the value, any other for every member there
 *   delete-metadata  selection below the place, "*" for all of it
 *   get-metadata     the same: answered as the header ditto-metadata
 *
 * What is deleted from a thing loses its metadata. Source: Ditto's documentation, "Metadata". */
#ifndef TWIN_METADATA_H
#define TWIN_METADATA_H

#include "twin/command.h"

/* Appends the metadata that a thing has after the command; nothing if it has none then. 0, or -1 with
 * things:metadata.headersconflict (400) in *err. now: SLICE_NONE or what it has. */
int metadata_change(struct buf *dst, const struct command *c, struct slice now, struct ditto_error *err);
/* Appends what the command asks for; nothing if it does not. */
int metadata_get(struct buf *dst, const struct command *c, struct slice now, struct ditto_error *err);

#endif
