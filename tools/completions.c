/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints what completes detourd's command line in a shell: completions bash|zsh|fish. It is made for the machine that
 * builds, and follows the same tables as the parser and --help.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/forms.h"

/* --help and --version go with everything. */
#define ALWAYS (1u << DT_CLI_HELP | 1u << DT_CLI_VERSION)
#define each_form(form)                                                                                              \
	for (const struct dt_command_form *form = dt_command_forms; form < dt_command_forms + dt_command_form_count; \
	     form++)
#define each_option(o) for (enum dt_cli_option o = 0; o < DT_CLI_OPTIONS; o++)

/* The options that may follow a command, or stand without one (NULL). */
static unsigned options_of(const char *name)
{
	unsigned options = ALWAYS;

	each_form(form)
		if (name ? form->name && strcmp(form->name, name) == 0 : !form->name)
			options |= form->needs | form->takes;
	return options;
}

static bool is_file(const struct dt_option_form *option)
{
	return option->value && (strcmp(option->value, "FILE") == 0 || strcmp(option->value, "PATH") == 0);
}

/* Whether the argument is the name of another command. */
static bool wants_command(const struct dt_command_form *form)
{
	return form->argument && strcmp(form->argument, "[COMMAND]") == 0;
}

/* The names of all commands, and what stands between them. */
static void commands_print(const char *between)
{
	const char *lead = "";

	each_form(form)
		if (form->name) {
			printf("%s%s", lead, form->name);
			lead = between;
		}
}

/* In single quotes, for zsh and fish; escape: characters that get a backslash before them. */
static void quoted_print(const char *text, const char *escape)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		else if (strchr(escape, *text))
			putchar('\\');
		putchar(*text);
	}
}

/* --- bash ------------------------------------------------------------------------------------- */

/* Commands (where one may follow) and options, in double quotes; name: NULL before there is a command. */
static void bash_words(const char *name, bool commands)
{
	putchar('"');
	if (commands)
		commands_print(" ");
	each_option(o)
		if (options_of(name) & 1u << o) {
			printf(" %s", dt_option_forms[o].name);
			if (dt_option_forms[o].brief)
				printf(" %s", dt_option_forms[o].brief);
		}
	putchar('"');
}

static void bash(void)
{
	const char *lead = "";

	puts("# Completes detourd(8) in bash.\n"
	     "_detourd()\n"
	     "{\n"
	     "\tlocal current=$2 previous=$3 word words\n"
	     "\tCOMPREPLY=()\n"
	     "\t[ \"$previous\" != = ] || previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
	     "\t[ \"$current\" != = ] || previous=${COMP_WORDS[COMP_CWORD - 1]} current=\n"
	     "\tcase $previous in");
	fputc('\t', stdout);
	each_option(o)
		if (is_file(&dt_option_forms[o])) {
			printf("%s%s", lead, dt_option_forms[o].name);
			if (dt_option_forms[o].brief)
				printf(" | %s", dt_option_forms[o].brief);
			lead = " | ";
		}
	puts(")\n"
	     "\t\tcompopt -o filenames 2>/dev/null\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
	     "\t\treturn\n"
	     "\t\t;;\n"
	     "\tesac");
	fputs("\twords=", stdout);
	bash_words(NULL, true);
	puts("\n\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"; do\n"
	     "\t\tcase $word in");
	each_form(form)
		if (form->name) {
			printf("\t\t%s) words=", form->name);
			bash_words(form->name, wants_command(form));
			puts(" && break ;;");
		}
	puts("\t\tesac\n"
	     "\tdone\n"
	     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
	     "}\n"
	     "complete -F _detourd detourd");
}

/* --- zsh -------------------------------------------------------------------------------------- */

static void zsh_option(const struct dt_option_form *option)
{
	if (option->brief)
		printf(" \\\n\t\t'(%s %s)'{%s,%s%s}'[", option->brief, option->name, option->brief, option->name,
		       option->value ? "=" : "");
	else
		printf(" \\\n\t\t'%s%s[", option->name, option->value ? "=" : "");
	quoted_print(option->help, "[]:");
	putchar(']');
	if (option->value)
		printf(":%s:%s", option->value, is_file(option) ? "_files" : " ");
	putchar('\'');
}

static void zsh_options(const char *name)
{
	each_option(o)
		if (options_of(name) & 1u << o)
			zsh_option(&dt_option_forms[o]);
	puts(" ;;");
}

static void zsh(void)
{
	puts("#compdef detourd\n"
	     "# Completes detourd(8) in zsh.\n"
	     "local -a detourd_commands");
	puts("detourd_commands=(");
	each_form(form)
		if (form->name) {
			printf("\t'%s:", form->name);
			quoted_print(form->help, ":");
			puts("'");
		}
	fputs(")\ncase ${${words[2,CURRENT-1]}[(r)(", stdout);
	commands_print("|");
	puts(")]} in");
	each_form(form)
		if (form->name) {
			printf("%s)\n\t_arguments -S '1:command:'", form->name);
			if (form->argument) {
				fputs(" '2:", stdout);
				quoted_print(form->argument, ":[]");
				fputs(wants_command(form) ? ":{_describe -t commands command detourd_commands}'"
							  : ":_hosts'",
				      stdout);
			}
			zsh_options(form->name);
		}
	fputs("*)\n\t_arguments -S '1:command:{_describe -t commands command detourd_commands}'", stdout);
	zsh_options(NULL);
	puts("esac");
}

/* --- fish ------------------------------------------------------------------------------------- */

static void fish_options(const char *name)
{
	each_option(o)
		if (options_of(name) & 1u << o) {
			const struct dt_option_form *option = &dt_option_forms[o];

			if (name)
				printf("complete -c detourd -n '__fish_seen_subcommand_from %s'", name);
			else
				printf("complete -c detourd -n 'not __fish_seen_subcommand_from $detourd_commands'");
			printf(" -l %s", option->name + 2);
			if (option->brief)
				printf(" -s %s", option->brief + 1);
			fputs(is_file(option) ? " -r -F -d '" : option->value ? " -x -d '" : " -d '", stdout);
			quoted_print(option->help, "");
			puts("'");
		}
}

static void fish(void)
{
	fputs("# Completes detourd(8) in fish.\nset -g detourd_commands ", stdout);
	commands_print(" ");
	puts("\ncomplete -c detourd -f");
	each_form(form)
		if (form->name) {
			printf("complete -c detourd -n 'not __fish_seen_subcommand_from $detourd_commands' -a %s -d '",
			       form->name);
			quoted_print(form->help, "");
			puts("'");
		}
	fish_options(NULL);
	each_form(form)
		if (form->name) {
			fish_options(form->name);
			if (wants_command(form))
				printf("complete -c detourd -n '__fish_seen_subcommand_from %s' -a "
				       "\"$detourd_commands\"\n",
				       form->name);
		}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	for (size_t i = 0; argc == 2 && i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(shells[i].name, argv[1]) == 0) {
			shells[i].print();
			return fflush(stdout) == 0 ? 0 : 1;
		}
	fputs("usage: completions bash|zsh|fish\n", stderr);
	return 2;
}
