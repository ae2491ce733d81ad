/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <ncurses.h>
#include <term.h>
#undef columns /* term.h takes these words from everybody */
#undef lines

/* ncurses waits so long for the rest of a key's sequence. */
#define ESCAPE_MS 25

/*
 * What a terminal is that obeys ECMA-48, as nearly all do, for hosts without terminfo's files: a static program brings
 * none. ncurses reads it from $TERMINFO. It is what tic(1) makes of this, in base64:
 *
 * detourd|a terminal that obeys ECMA-48,
 *     am, bce@, mir, msgr, xenl,
 *     colors#8, cols#80, it#8, lines#24, pairs#64,
 *     bel=^G, bold=\E[1m, clear=\E[H\E[2J, cr=\r, cub1=^H, cud1=\n,
 *     cuf1=\E[C, cup=\E[%i%p1%d;%p2%dH, cuu1=\E[A, dim=\E[2m,
 *     ed=\E[J, el=\E[K, home=\E[H, ind=\n, op=\E[39;49m,
 *     rev=\E[7m, setab=\E[4%p1%dm, setaf=\E[3%p1%dm, sgr0=\E[m,
 *     kcub1=\E[D, kcud1=\E[B, kcuf1=\E[C, kcuu1=\E[A, kbs=^?,
 *     knp=\E[6~, kpp=\E[5~, khome=\E[H, kend=\E[F,
 */
#define FALLBACK_NAME "detourd"
static const char fallback[] =
	"b64:"
	"GgEmAA8ADwBpAYsAZGV0b3VyZHxhIHRlcm1pbmFsIHRoYXQgb2JleXMgRUNNQS00OAAAAQAAAQAAAAAAAAAAAQEAUAAIABgA//////////////"
	"////////////8IAEAA//8AAAIA/////wQADAAQAP////8UACUAJwD//ysA/////y0A//8xAP//////////////////NQD/////OgD///////8/"
	"AP//////////RAD///////////////////////////////////////9IAP////////////9KAP////////////////////////////////////"
	"9OAP////9SAP//VgBbAGAA////////ZAD/////////////////////////////////////////////////////////////////////////////"
	"////////////////////////////////aAD///////////////////////////////////////////////////////////////////////////"
	"///////////////2oA////////////////////////////////////////////////////////////////////////////////////////////"
	"//////////////////////////////////////////////////////////////////////////////////////////////////////////////"
	"//////////////////////////////////////////////////////////////////////////////////////////////////////////////"
	"////////////////////////////////////////bgD///////////////////////////////////////////////////////////////////"
	"///////////////////////////////////////////////////////////////////////////////////////////////3cAgQAHAA0AG1tI"
	"G1sySgAbW0sAG1tKABtbJWklcDElZDslcDIlZEgACgAbW0gACAAbW0MAG1tBABtbMW0AG1sybQAbWzdtABtbbQB/ABtbQgAbW0gAG1tEABtbNn"
	"4AG1s1fgAbW0MAG1tBAAoAG1tGABtbMzk7NDltABtbMyVwMSVkbQAbWzQlcDElZG0A";

/* --- what the terminal can ----------------------------------------------------------------------- */

static bool is_utf8(const char *name)
{
	return strcasestr(name, "utf-8") || strcasestr(name, "utf8");
}

/* Whether the user's locale is of UTF-8. Only that one is ever set: it is built into the C library. */
static bool utf8_begin(void)
{
	static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	const char *name = NULL;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]) && !(name && *name); i++)
		name = getenv(variables[i]);
	if (!name || !is_utf8(name))
		return false;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	return is_utf8(nl_langinfo(CODESET));
}

enum description { ABLE, UNABLE, UNKNOWN };

/* What the database says of this terminal: whether it can move its cursor. newterm() loads the description again. */
static enum description description_find(void)
{
	enum description found = UNKNOWN;
	int err;

	if (setupterm(NULL, STDOUT_FILENO, &err) == OK)
		found = tigetstr("cup") != (char *)-1 && tigetstr("cup") ? ABLE : UNABLE;
	else if (err == 1)
		found = UNABLE;
	if (cur_term)
		del_curterm(cur_term);
	return found;
}

static int complain(FILE *errors, const char *why)
{
	fprintf(errors, "detourd: top %s; detourd status --watch works everywhere\n", why);
	return -ENOTTY;
}

static int description_begin(FILE *errors)
{
	const char *term = getenv("TERM");
	enum description found;

	if (!term || !*term || strcmp(term, "dumb") == 0)
		return complain(errors, "needs a terminal that can move its cursor, and TERM names none");
	found = description_find();
	if (found == ABLE)
		return 0;
	if (found == UNABLE)
		return complain(errors, "needs a terminal that can move its cursor, and this one cannot");
	setenv("TERM", FALLBACK_NAME, 1);
	setenv("TERMINFO", fallback, 1);
	return description_find() == ABLE ? 0 : complain(errors, "knows nothing of this terminal");
}

/* --- from open to close -------------------------------------------------------------------------- */

static SCREEN *terminal;
static bool coloured;

static void colours_begin(void)
{
	static const short colours[] = {COLOR_RED, COLOR_GREEN, COLOR_YELLOW};

	coloured = dt_screen_look().coloured && has_colors() && start_color() == OK;
	if (!coloured)
		return;
	use_default_colors();
	for (short i = 0; i < 3; i++)
		init_pair((short)(i + 1), colours[i], -1);
}

int dt_terminal_open(bool *ascii, FILE *errors)
{
	int err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return complain(errors, "needs a terminal");
	err = description_begin(errors);
	if (err)
		return err;
	*ascii = !utf8_begin();
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return complain(errors, "cannot use this terminal");
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	colours_begin();
	return 0;
}

void dt_terminal_close(void)
{
	endwin();
	delscreen(terminal);
	terminal = NULL;
}

struct dt_screen dt_terminal_screen(void)
{
	int rows = getmaxy(stdscr), columns = getmaxx(stdscr);

	return (struct dt_screen){.columns = columns > 0 ? (size_t)columns : 1,
				  .rows = rows > 0 ? (size_t)rows : 1,
				  .coloured = coloured};
}

/* --- painting ------------------------------------------------------------------------------------ */

/* screen.h's codes, which are the only ones in a frame, as ncurses has them. */
static attr_t attribute_of(const char *code)
{
	switch (atoi(code)) {
	case 1:
		return A_BOLD;
	case 2:
		return A_DIM;
	case 31:
		return COLOR_PAIR(1);
	case 32:
		return COLOR_PAIR(2);
	case 33:
		return COLOR_PAIR(3);
	default:
		return A_NORMAL;
	}
}

/* Returns where the next line begins. */
static const char *line_paint(int row, const char *at)
{
	move(row, 0);
	while (*at && *at != '\n' && getcury(stdscr) == row) {
		size_t len = strcspn(at, "\033\n");

		if (len == 0) {
			attrset(attribute_of(at + 2));
			at += strcspn(at, "m\n");
			at += *at == 'm';
		} else {
			addnstr(at, (int)len);
			at += len;
		}
	}
	attrset(A_NORMAL);
	at += strcspn(at, "\n"); /* what a screen of a few columns has no room for */
	return *at ? at + 1 : at;
}

void dt_terminal_paint(const struct dt_top_frame *frame)
{
	const char *at = frame->text;
	int rows = getmaxy(stdscr);

	erase();
	for (int row = 0; *at && row < rows; row++) {
		at = line_paint(row, at);
		if ((size_t)row == frame->selected)
			mvchgat(row, 0, -1, A_REVERSE, 0, NULL);
	}
	refresh();
}

/* --- keys ---------------------------------------------------------------------------------------- */

static int key_of(wint_t code)
{
	static const struct {
		wint_t code;
		int key;
	} keys[] = {
		{KEY_UP, DT_TOP_UP},	       {KEY_DOWN, DT_TOP_DOWN},		  {KEY_PPAGE, DT_TOP_PAGE_UP},
		{KEY_NPAGE, DT_TOP_PAGE_DOWN}, {KEY_HOME, DT_TOP_HOME},		  {KEY_END, DT_TOP_END},
		{KEY_ENTER, DT_TOP_ENTER},     {KEY_BACKSPACE, DT_TOP_BACKSPACE},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].code == code)
			return keys[i].key;
	return 0;
}

int dt_terminal_key(void)
{
	wint_t c;
	int got = get_wch(&c);

	if (got == ERR)
		return -1;
	if (got == KEY_CODE_YES)
		return key_of(c);
	if (c == '\f') { /* Ctrl-L: the picture was disturbed */
		clearok(stdscr, TRUE);
		return 0;
	}
	return c == '\r' || c == '\n'  ? DT_TOP_ENTER
	       : c == 27	       ? DT_TOP_ESCAPE
	       : c == '\b' || c == 127 ? DT_TOP_BACKSPACE
				       : (int)c;
}
