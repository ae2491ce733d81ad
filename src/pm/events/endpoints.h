/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Endpoints of `ip mptcp` from which the kernel's path manager would make subflows. Users set them, and NetworkManager.
 * While detourd runs they do nothing, which the user has to hear.
 */
#ifndef DETOURD_PM_EVENTS_ENDPOINTS_H
#define DETOURD_PM_EVENTS_ENDPOINTS_H

struct dt_pm;

/* Reads them, and logs those without an effect if they are others than before. Called whenever stock is taken. */
void dt_endpoints_check(struct dt_pm *pm);

#endif
