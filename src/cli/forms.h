/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be said on the command line. The parser, --help and the shells' completions all follow these two tables. */
#ifndef DETOURD_CLI_FORMS_H
#define DETOURD_CLI_FORMS_H

#include <stddef.h>

enum dt_command {
	DT_COMMAND_RUN, /* the daemon, in either mode */
	DT_COMMAND_CHECK,
	DT_COMMAND_FLUSH,
	DT_COMMAND_GENKEY,
	DT_COMMAND_PUBKEY,
	DT_COMMAND_STATUS,
	DT_COMMAND_TOP,
	DT_COMMAND_WHY,
	DT_COMMAND_PROBE,
	DT_COMMAND_MONITOR,
	DT_COMMAND_METRICS,
	DT_COMMAND_HISTORY,
	DT_COMMAND_DOCTOR,
	DT_COMMAND_REPORT,
	DT_COMMAND_INVITE,
	DT_COMMAND_JOIN,
	DT_COMMAND_CLIENTS,
	DT_COMMAND_REVOKE,
	DT_COMMAND_HELP,
	DT_COMMAND_VERSION,
};

enum dt_cli_option {
	DT_CLI_RELAY,
	DT_CLI_CHECK,
	DT_CLI_STRICT,
	DT_CLI_FLUSH,
	DT_CLI_JSON,
	DT_CLI_CONFIG,
	DT_CLI_CONTROL,
	DT_CLI_SORT,
	DT_CLI_LIMIT,
	DT_CLI_WATCH,
	DT_CLI_PROGRAM,
	DT_CLI_USER,
	DT_CLI_VIA,
	DT_CLI_SERVER,
	DT_CLI_LEVEL,
	DT_CLI_KIND,
	DT_CLI_CONNECTION,
	DT_CLI_DESTINATION,
	DT_CLI_SINCE,
	DT_CLI_PLOT,
	DT_CLI_ADDRESSES,
	DT_CLI_FOR,
	DT_CLI_MAX_RATE,
	DT_CLI_CONVERT,
	DT_CLI_ENDPOINT,
	DT_CLI_HELP,
	DT_CLI_VERSION,
	DT_CLI_OPTIONS,
};

struct dt_option_form {
	const char *name;
	const char *brief; /* NULL: it has only the long name */
	const char *value; /* what --help calls its value; NULL: it takes none; in brackets: it may be left out */
	const char *help;
};

/* One line of --help. A command may have several: the daemon, which has no name, does. */
struct dt_command_form {
	const char *name; /* NULL: the daemon */
	enum dt_command command;
	unsigned needs;	      /* options that this form has always, as bits of enum dt_cli_option */
	unsigned takes;	      /* options that it may have as well */
	const char *argument; /* NULL: none; in brackets: it may be left out */
	const char *help;
};

extern const struct dt_option_form dt_option_forms[DT_CLI_OPTIONS];
extern const struct dt_command_form dt_command_forms[];
extern const size_t dt_command_form_count;

#endif
