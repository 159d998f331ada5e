/* SPDX-License-Identifier: BSD-2-Clause
 * Text of the contact sheet: UTF-8 lines, glyphs rendered by FreeType and blended into a picture.
 * See text.h. */
#include "text.h"

#include <stdio.h>

#include <ft2build.h>
#include FT_FREETYPE_H

static const char *const font_files[N_FONTS] = {
    [FONT_SANS] = "DejaVuSans.ttf",
    [FONT_BOLD] = "DejaVuSans-Bold.ttf",
    [FONT_MONO] = "DejaVuSansMono.ttf",
};
static FT_Library library;
static FT_Face faces[N_FONTS];

bool text_open(const char *folder)
{
    if (FT_Init_FreeType(&library)) {
        fprintf(stderr, "contact_sheet: FreeType does not start\n");
        return false;
    }
    for (int i = 0; i < N_FONTS; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, font_files[i]);
        if (FT_New_Face(library, path, 0, &faces[i])) {
            fprintf(stderr, "contact_sheet: cannot read the font %s\n", path);
            text_close();
            return false;
        }
    }
    return true;
}

void text_close(void)
{
    for (int i = 0; i < N_FONTS; i++) {
        if (faces[i])
            FT_Done_Face(faces[i]);
        faces[i] = NULL;
    }
    if (library)
        FT_Done_FreeType(library);
    library = NULL;
}

/* The next code point of well-formed UTF-8; other bytes stand for themselves. */
static unsigned long next_code(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    int n_more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc0 ? 1 : 0;
    unsigned long code = n_more ? s[0] & (0x3fUL >> n_more) : s[0];
    int i = 1;
    for (; i <= n_more && (s[i] & 0xc0) == 0x80; i++)
        code = code << 6 | (s[i] & 0x3fUL);
    *text += i;
    return code;
}

/* Walk over the line; draws if p is not NULL. Returns the x after the last letter. */
static int walk(picture *p, font f, int size, int x, int y, colour c, const char *line)
{
    FT_Face face = faces[f];
    FT_Set_Pixel_Sizes(face, 0, (FT_UInt)size);
    FT_Pos at = (FT_Pos)x * 64;
    while (*line) {
        if (FT_Load_Char(face, next_code(&line), FT_LOAD_RENDER | FT_LOAD_NO_HINTING))
            continue;
        const FT_GlyphSlot glyph = face->glyph;
        int left = (int)(at / 64) + glyph->bitmap_left, top = y - glyph->bitmap_top;
        for (int row = 0; p && row < (int)glyph->bitmap.rows; row++) {
            const unsigned char *coverage = glyph->bitmap.buffer + row * glyph->bitmap.pitch;
            for (int column = 0; column < (int)glyph->bitmap.width; column++)
                picture_blend(p, left + column, top + row, c, (float)coverage[column] / 255);
        }
        at += glyph->advance.x;
    }
    return (int)((at + 63) / 64);
}

int text_width(font f, int size, const char *line)
{
    return walk(NULL, f, size, 0, 0, (colour){0, 0, 0}, line);
}

int text_draw(picture *p, font f, int size, int x, int y, colour c, const char *line)
{
    return walk(p, f, size, x, y, c, line);
}
