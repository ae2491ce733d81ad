/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which server each converter's address stands for, in a file that the next run reads: connections outlive this process,
 * and their sockets know only the converter. It is in the run directory, since no connection outlives a boot. Mode 0600,
 * because it shows to where this host connects.
 */
#ifndef DETOURD_PM_STORE_CONVERSION_FILE_H
#define DETOURD_PM_STORE_CONVERSION_FILE_H

struct dt_pm;

/* Before connections are looked for. What does not parse is logged, and the rest of it left out. */
void dt_conversion_file_read(struct dt_pm *pm);
/* Each address where a connection may begin, or lives. To be called before a new one is used. Logs why it failed. */
void dt_conversion_file_write(struct dt_pm *pm);
/* The daemon stops: there is no file if no converted connection lives. To be called while connections are known. */
void dt_conversion_file_end(struct dt_pm *pm);

#endif
