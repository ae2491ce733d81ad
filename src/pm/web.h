/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client serves by HTTP, where its configuration says so: metrics, and the page with the JSON that it shows. */
#ifndef DETOURD_PM_WEB_H
#define DETOURD_PM_WEB_H

struct dt_pm;

struct dt_web_place;

/* At the place of the configuration. Logs why it failed. */
int dt_pm_web_open(struct dt_pm *pm);
/* From that place to another, or to none. If this fails it stays where it is, and the log says why. */
int dt_pm_web_move(struct dt_pm *pm, const struct dt_web_place *to);
void dt_pm_web_close(struct dt_pm *pm);

#endif
