/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that runs out: the unit tests are linked with malloc() and its like wrapped (CMakeLists.txt). */
#ifndef TEST_UNIT_BASE_SCARCE_H
#define TEST_UNIT_BASE_SCARCE_H

#include <stdbool.h>

/* From now on so many allocations succeed, and then one fails. */
void scarce_begin(unsigned allocations);
/* No more of it. Has one failed? */
bool scarce_end(void);

#endif
