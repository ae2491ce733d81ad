/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For cppcheck alone: libraries' macros in a form it understands. */
#include <utlist.h>
#include <uthash.h>

#define LIBBPF_OPTS(TYPE, NAME, ...) struct TYPE NAME = {0}
#define json_array_foreach(array, index, value) \
	for (index = 0; index < json_array_size(array) && (value = json_array_get(array, index)); index++)
#define json_object_foreach(object, key, value) \
	for (key = first(object); key && (value = json_object_get(object, key)); key = next(object, key))
#define mnl_attr_for_each(attr, nlh, offset) for (attr = first(nlh, offset); attr_ok(attr); attr = next(attr))
#define mnl_attr_for_each_nested(attr, nest) for (attr = first(nest); attr_ok(attr); attr = next(attr))
