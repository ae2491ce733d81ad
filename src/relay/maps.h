/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pinned maps of nat.bpf: taken over from the last run if they fit, else made. */
#ifndef DETOURD_RELAY_MAPS_H
#define DETOURD_RELAY_MAPS_H

#include "relay/config.h"

struct nat_bpf;

/*
 * To be called before anything else touches the maps in that directory: -EPROTO if another version made them, whose
 * flows then go on undisturbed. Logs why it failed.
 */
int dt_maps_check_layout(const char *pins);
/* Before the programs are loaded: pin path and size of each map. -EPROTO: a pinned map has another form. */
int dt_maps_prepare(struct nat_bpf *skel, const struct dt_relay_config *config);

/* Does the pinned map "converters" say that a lease has its listening socket at this address? */
bool dt_maps_have_converter(const char *pins, const struct dt_endpoint *at);

#endif
