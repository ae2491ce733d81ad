/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both modes' BPF programs have in common in user space: libbpf's log and words for its errors. */
#ifndef DETOURD_BASE_BPF_H
#define DETOURD_BASE_BPF_H

/* libbpf's messages go to our log, as debug lines. */
void dt_bpf_log_to_ours(void);
/* Why a program could not be loaded, and what mends it. err is a negative errno. Static text or strerror's. */
const char *dt_bpf_explain(int err);

#endif
