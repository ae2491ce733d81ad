/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page that the client serves at "/": one document, made of page.html, page.css and page.js when the daemon is built. A
 * browser that keeps to its Content-Security-Policy runs nothing but this script, and loads nothing from elsewhere.
 */
#ifndef DETOURD_WEB_PAGE_H
#define DETOURD_WEB_PAGE_H

struct dt_page {
	char *text;
	char headers[512]; /* of the answer; as of struct dt_web_document */
};

/* -ENOMEM. */
int dt_page_make(struct dt_page *out);
void dt_page_fini(struct dt_page *page);

#endif
