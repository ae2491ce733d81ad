/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client serves by HTTP, where its configuration says so: metrics, and the page with the JSON that it shows. */
#ifndef DETOURD_PM_WEB_H
#define DETOURD_PM_WEB_H

struct dt_pm;

/* Logs why it failed. */
int dt_pm_web_open(struct dt_pm *pm);
void dt_pm_web_close(struct dt_pm *pm);

#endif
