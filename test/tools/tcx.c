/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another program on an interface's tcx ingress, for tests: tcx INTERFACE VERDICT. It returns the verdict (0: ends the chain,
 * -1: lets it go on) for every packet, until SIGTERM. Prints "attached". Exit code 77: the kernel has no tcx.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, which older headers lack */

int main(int argc, char **argv)
{
	int index = argc == 3 ? (int)if_nametoindex(argv[1]) : 0, verdict = argc == 3 ? atoi(argv[2]) : 0, fd, number;
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict},
		{.code = BPF_JMP | BPF_EXIT},
	};
	sigset_t signals;

	if (index == 0) {
		fprintf(stderr, "usage: tcx INTERFACE VERDICT\n");
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "stranger", "GPL", program, 2, NULL);
	if (fd < 0 || bpf_prog_attach(fd, index, (enum bpf_attach_type)TCX_INGRESS, 0) < 0) {
		fprintf(stderr, "tcx: %s\n", strerror(errno));
		return fd < 0 ? 1 : 77;
	}
	puts("attached");
	fflush(stdout);
	sigwait(&signals, &number);
	return bpf_prog_detach2(fd, index, (enum bpf_attach_type)TCX_INGRESS) < 0;
}
