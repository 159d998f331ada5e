# SPDX-License-Identifier: BSD-2-Clause
# cmake -D OUT=... -D NAME=... -D TEXTS=a;b;c [-D XCRUN=...] -P embed.cmake: write the texts, one
# after the other and without their #include "..." lines, into the C file OUT as the array
# NAME_text, closed by a 0. With Apple's xcrun the text is compiled too, and the metallib is the
# array NAME_metallib of NAME_metallib_bytes; without, or if it is not compiled, that has no bytes
# and Metal compiles the text at run time, with the same settings (library.c).
set(all "")
foreach(path IN LISTS TEXTS)
  file(READ ${path} text)
  string(REGEX REPLACE "#include \"[^\"]*\"[^\n]*\n" "\n" text "${text}")
  string(APPEND all "${text}")
endforeach()
file(WRITE ${OUT}.metal "${all}")

file(REMOVE ${OUT}.metallib)
if(XCRUN)
  execute_process(COMMAND ${XCRUN} -sdk macosx metal -std=macos-metal2.4 -fno-fast-math
                          -mmacosx-version-min=13.0 -o ${OUT}.metallib ${OUT}.metal
                  RESULT_VARIABLE status OUTPUT_VARIABLE words ERROR_VARIABLE words)
  if(NOT status EQUAL 0)
    file(REMOVE ${OUT}.metallib)
    message(WARNING "${XCRUN} metal does not compile ${OUT}.metal, so that Metal will be given the "
                    "text at run time: ${words}")
  endif()
endif()

# The bytes of a file as lines of C, and their number.
function(read_bytes path bytes_out n_out)
  file(READ ${path} bytes HEX)
  string(LENGTH "${bytes}" n)
  math(EXPR n "${n} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  set(${bytes_out} "${bytes}" PARENT_SCOPE)
  set(${n_out} ${n} PARENT_SCOPE)
endfunction()
read_bytes(${OUT}.metal text n_text)
set(metallib "")
set(n_metallib 0)
if(EXISTS ${OUT}.metallib)
  read_bytes(${OUT}.metallib metallib n_metallib)
endif()
file(WRITE ${OUT} "/* Made by src/metal/embed.cmake. */
extern const char ${NAME}_text[];
const char ${NAME}_text[] = {
${text}0};
extern const unsigned char ${NAME}_metallib[];
const unsigned char ${NAME}_metallib[] = {
${metallib}0};
extern const unsigned ${NAME}_metallib_bytes;
const unsigned ${NAME}_metallib_bytes = ${n_metallib};
")
