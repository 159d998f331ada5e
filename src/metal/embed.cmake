# SPDX-License-Identifier: BSD-2-Clause
# cmake -D OUT=... -D NAME=... -D TEXTS=a;b;c -P embed.cmake: write the texts, one after the other
# and without their #include "..." lines, into a C file as the array NAME, closed by a 0.
set(all "")
foreach(path IN LISTS TEXTS)
  file(READ ${path} text)
  string(REGEX REPLACE "#include \"[^\"]*\"[^\n]*\n" "\n" text "${text}")
  string(APPEND all "${text}")
endforeach()
file(WRITE ${OUT}.metal "${all}")
file(READ ${OUT}.metal bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "/* Made by src/metal/embed.cmake. */
extern const char ${NAME}[];
const char ${NAME}[] = {
${bytes}0};
")
