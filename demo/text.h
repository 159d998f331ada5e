/* SPDX-License-Identifier: BSD-2-Clause
 * Text of the contact sheet, drawn with FreeType: three fonts from one folder, UTF-8, one line at
 * a time. */
#ifndef DEMO_TEXT_H
#define DEMO_TEXT_H

#include "picture.h"

typedef enum font { FONT_SANS, FONT_BOLD, FONT_MONO, N_FONTS } font;

/* Open the DejaVu fonts of a folder; says on stderr what is missing. Close with text_close(). */
bool text_open(const char *folder);
void text_close(void);

/* Width of a line in pixels. */
int text_width(font f, int size, const char *line);

/* Draw a line with its baseline at y, starting at x. Returns the x after its last letter. */
int text_draw(picture *p, font f, int size, int x, int y, colour c, const char *line);

#endif
