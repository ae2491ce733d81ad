/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/plot.h"

#include <math.h>
#include <time.h>

#define WIDTH 900
#define LEFT 70
#define RIGHT 20
#define TOP 40
#define HEIGHT 300 /* of the field */
#define LINE 18	   /* of the legend */
#define TICKS 6
#define PERCENT_MAX 1e5 /* what a hostile answer may stretch the picture to */

/* Where moments and gains are in the picture. */
struct field {
	double from_s, until_s, low, high;
};

/* Okabe and Ito's colours, which the colour-blind can tell apart. */
static const char *const colours[DT_PLOT_COURSES] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00",
						     "#56b4e9", "#000000", "#7f7f7f", "#8c564b", "#f0e442"};

static double bounded(double value, double low, double high)
{
	return value < low ? low : value > high ? high : value; /* what is no number is not drawn where it matters */
}

static double x_of(const struct field *f, double at_s)
{
	return LEFT +
	       (bounded(at_s, f->from_s, f->until_s) - f->from_s) / (f->until_s - f->from_s) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct field *f, double percent)
{
	return TOP + (f->high - bounded(percent, f->low, f->high)) / (f->high - f->low) * HEIGHT;
}

static void text_write(const char *text, FILE *to)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		default:
			fputc(*text, to);
		}
}

static size_t drawn(const struct dt_courses *courses)
{
	return courses->count < DT_PLOT_COURSES ? courses->count : DT_PLOT_COURSES;
}

/* So that all points are in it, and zero. */
static struct field field_of(const struct dt_courses *courses, uint64_t from_s, uint64_t until_s)
{
	struct field f = {(double)from_s, (double)(until_s > from_s ? until_s : from_s + 1), -10, 10};

	for (size_t i = 0; i < drawn(courses); i++)
		for (size_t p = 0; p < courses->all[i].count; p++) {
			const struct dt_course_point *point = &courses->all[i].points[p];

			f.low = fmax(fmin(f.low, point->percent - point->error), -100);
			f.high = fmin(fmax(f.high, point->percent + point->error), PERCENT_MAX);
		}
	return f;
}

static void axes_draw(const struct field *f, FILE *to)
{
	for (int i = 0; i <= TICKS; i++) {
		double percent = f->low + (f->high - f->low) * i / TICKS, y = y_of(f, percent);
		time_t at = (time_t)(f->from_s + (f->until_s - f->from_s) * i / TICKS);
		struct tm utc;
		char when[32] = "";

		if (gmtime_r(&at, &utc))
			strftime(when, sizeof(when), "%m-%d %H:%M", &utc);
		fprintf(to, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", LEFT,
			WIDTH - RIGHT, y, y);
		fprintf(to, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%+.0f %%</text>\n", LEFT - 6, y + 4,
			percent);
		fprintf(to, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x_of(f, (double)at),
			TOP + HEIGHT + 16, when);
	}
	fprintf(to, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#888\"/>\n", LEFT, WIDTH - RIGHT,
		y_of(f, 0), y_of(f, 0));
}

static void course_draw(const struct field *f, const struct dt_course *c, const char *colour, FILE *to)
{
	fprintf(to, "<g stroke=\"%s\" fill=\"%s\">\n<polyline fill=\"none\" points=\"", colour, colour);
	for (size_t p = 0; p < c->count; p++)
		fprintf(to, "%.1f,%.1f ", x_of(f, (double)c->points[p].begin_s + (double)c->points[p].span_s / 2),
			y_of(f, c->points[p].percent));
	fputs("\"/>\n", to);
	for (size_t p = 0; p < c->count; p++) {
		const struct dt_course_point *point = &c->points[p];
		double x = x_of(f, (double)point->begin_s + (double)point->span_s / 2);

		fprintf(to, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", x, x,
			y_of(f, point->percent - point->error), y_of(f, point->percent + point->error));
		fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", x, y_of(f, point->percent));
	}
	fputs("</g>\n", to);
}

static void legend_draw(const struct dt_courses *courses, FILE *to)
{
	for (size_t i = 0; i < drawn(courses); i++) {
		const struct dt_course *c = &courses->all[i];
		int y = TOP + HEIGHT + 40 + LINE * (int)i;

		fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/>", LEFT, y - 10,
			colours[i]);
		fprintf(to, "<text x=\"%d\" y=\"%d\">", LEFT + 18, y);
		text_write(c->relay, to);
		fputs(" to ", to);
		text_write(c->destination, to);
		fputs(", ", to);
		text_write(c->direction, to);
		fputs("</text>\n", to);
	}
	if (courses->count > DT_PLOT_COURSES)
		fprintf(to, "<text x=\"%d\" y=\"%d\">and %zu more, measured less often</text>\n", LEFT + 18,
			TOP + HEIGHT + 40 + LINE * DT_PLOT_COURSES, courses->count - DT_PLOT_COURSES);
}

void dt_plot(const struct dt_courses *courses, uint64_t from_s, uint64_t until_s, FILE *to)
{
	struct field f = field_of(courses, from_s, until_s);
	int height = TOP + HEIGHT + 50 + LINE * ((int)drawn(courses) + (courses->count > DT_PLOT_COURSES));

	fprintf(to,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n",
		WIDTH, height, WIDTH, height);
	fprintf(to, "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", WIDTH, height);
	fprintf(to, "<text x=\"%d\" y=\"20\" font-size=\"14\">What detours added, UTC</text>\n", LEFT);
	axes_draw(&f, to);
	for (size_t i = 0; i < drawn(courses); i++)
		course_draw(&f, &courses->all[i], colours[i], to);
	legend_draw(courses, to);
	fputs("</svg>\n", to);
}
