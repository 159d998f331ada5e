/* SPDX-License-Identifier: BSD-2-Clause
 * Draws the demo's contact sheet: contact_sheet FONT-FOLDER OUT.png < MANIFEST
 *
 * A line of the manifest is a word, a tab, and fields separated by tabs:
 *   title TEXT      subtitle TEXT      footer TEXT
 *   card RESULT.png ORIGINAL.png NAME COMMAND PLAN FIGURES   one of four squares, side by side
 *   band RESULT.png ORIGINAL.png NAME COMMAND PLAN FIGURES   one picture of the whole width, below
 * A card shows the original small in the corner of the result. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"
#include "text.h"

enum {
    MARGIN = 56,
    GAP = 28,
    N_CARDS = 4,
    CARD = 424, /* side of a card's picture */
    WIDTH = 2 * MARGIN + N_CARDS * CARD + (N_CARDS - 1) * GAP,
    BAND_WIDTH = WIDTH - 2 * MARGIN,
    BAND_HEIGHT = BAND_WIDTH * 4 / 24, /* 16 x 4 tiles of 3 to 2 */
    INSET = 104,
    HEADER = 150,
    CARD_CAPTION = 146,
    BAND_CAPTION = 118,
    FOOTER = 64,
    CARDS_TOP = HEADER,
    BAND_TOP = CARDS_TOP + CARD + CARD_CAPTION + GAP,
    HEIGHT = BAND_TOP + BAND_HEIGHT + BAND_CAPTION + FOOTER,
    MAX_FIELDS = 7,
};

static const colour background = {22, 24, 29};
static const colour bright = {243, 240, 233};
static const colour plain = {176, 180, 188};
static const colour accent = {240, 178, 92};

/* Shorten the line with an ellipsis until it is at most width pixels wide. */
static void fit(char *line, font f, int size, int width)
{
    size_t n = strlen(line);
    while (text_width(f, size, line) > width && n > 4) {
        while ((line[--n] & 0xc0) == 0x80) {
        }
        memcpy(line + n, "\xe2\x80\xa6", 4);
    }
}

static void draw_line(picture *sheet, font f, int size, int x, int y, int width, colour c,
                      const char *text)
{
    char line[512 + 4]; /* and room for the ellipsis */
    snprintf(line, 512, "%s", text);
    fit(line, f, size, width);
    text_draw(sheet, f, size, x, y, c, line);
}

/* A command on one line, or on two, broken before an option. Returns the baseline after it. */
static int draw_command(picture *sheet, int x, int y, int width, const char *command)
{
    enum { SIZE = 13, LEADING = 19 };
    char line[512];
    snprintf(line, sizeof line, "%s", command);
    char *cut = NULL;
    while (text_width(FONT_MONO, SIZE, line) > width) {
        char *option = NULL;
        for (char *at = strstr(line, " -"); at; at = strstr(at + 1, " -"))
            option = at;
        if (!option)
            break;
        cut = option;
        *cut = 0;
    }
    draw_line(sheet, FONT_MONO, SIZE, x, y, width, accent, line);
    if (cut) {
        y += LEADING;
        draw_line(sheet, FONT_MONO, SIZE, x, y, width, accent, command + (cut - line) + 1);
    }
    return y + LEADING + 3;
}

static bool draw_inset(picture *sheet, box where, const char *path)
{
    picture original;
    if (!picture_load(path, &original))
        return false;
    box inset = {where.x + 12, where.y + where.height - INSET - 12, INSET, INSET};
    box frame = {inset.x - 3, inset.y - 3, INSET + 6, INSET + 6};
    picture_shadow(sheet, frame, 8, 10, 0.5f);
    picture_fill_rounded(sheet, frame, 8, bright);
    picture_cover(sheet, inset, 6, &original);
    picture_destroy(&original);
    return true;
}

/* field: result, original, name, command, plan, figures. */
static bool draw_picture(picture *sheet, box where, bool with_inset, char *const *field)
{
    picture result;
    if (!picture_load(field[0], &result))
        return false;
    picture_shadow(sheet, (box){where.x, where.y + 8, where.width, where.height}, 10, 22, 0.55f);
    picture_cover(sheet, where, 10, &result);
    picture_destroy(&result);
    if (with_inset && !draw_inset(sheet, where, field[1]))
        return false;

    int y = where.y + where.height + 34;
    text_draw(sheet, FONT_BOLD, 20, where.x, y, bright, field[2]);
    y = draw_command(sheet, where.x, y + 26, where.width, field[3]);
    draw_line(sheet, FONT_SANS, 13, where.x, y, where.width, plain, field[4]);
    draw_line(sheet, FONT_SANS, 13, where.x, y + 20, where.width, plain, field[5]);
    return true;
}

/* Draws what one line of the manifest says; false if it cannot. */
static bool draw(picture *sheet, char *const *field, int n_fields, int *n_cards)
{
    const char *word = field[0];
    if (n_fields == 2 && !strcmp(word, "title")) {
        text_draw(sheet, FONT_BOLD, 46, MARGIN, 76, bright, field[1]);
    } else if (n_fields == 2 && !strcmp(word, "subtitle")) {
        draw_line(sheet, FONT_SANS, 19, MARGIN, 112, BAND_WIDTH, plain, field[1]);
    } else if (n_fields == 2 && !strcmp(word, "footer")) {
        draw_line(sheet, FONT_SANS, 14, MARGIN, HEIGHT - 30, BAND_WIDTH, plain, field[1]);
    } else if (n_fields == 7 && !strcmp(word, "card") && *n_cards < N_CARDS) {
        box where = {MARGIN + (*n_cards)++ * (CARD + GAP), CARDS_TOP, CARD, CARD};
        return draw_picture(sheet, where, true, field + 1);
    } else if (n_fields == 7 && !strcmp(word, "band")) {
        box where = {MARGIN, BAND_TOP, BAND_WIDTH, BAND_HEIGHT};
        return draw_picture(sheet, where, false, field + 1);
    } else {
        fprintf(stderr, "contact_sheet: a line '%s' with %d fields is not understood\n", word,
                n_fields);
        return false;
    }
    return true;
}

static int split(char *line, char **field)
{
    int n = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *at = line; at && n < MAX_FIELDS; n++) {
        char *tab = strchr(at, '\t');
        if (tab)
            *tab++ = 0;
        field[n] = at;
        at = tab;
    }
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: contact_sheet FONT-FOLDER OUT.png < MANIFEST\n");
        return 2;
    }
    if (!text_open(argv[1]))
        return 2;
    picture sheet = picture_create(WIDTH, HEIGHT, background);
    bool ok = sheet.rgb;

    char line[4096], *field[MAX_FIELDS];
    int n_cards = 0;
    while (ok && fgets(line, sizeof line, stdin))
        ok = draw(&sheet, field, split(line, field), &n_cards);
    ok = ok && picture_save(argv[2], &sheet);

    picture_destroy(&sheet);
    text_close();
    return ok ? 0 : 1;
}
