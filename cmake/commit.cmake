# SPDX-License-Identifier: BSD-2-Clause
# cmake -D SOURCE=... -D OUT=... -P commit.cmake: write the header OUT with the commit that SOURCE
# is at, "" without git, and "+" at the end where files differ from it. A header that says the same
# is left as it is, so that nothing is compiled again.
set(commit "")
find_program(git git)
if(git AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${git} -C ${SOURCE} rev-parse --short=12 HEAD
                  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND ${git} -C ${SOURCE} diff-index --quiet HEAD RESULT_VARIABLE differs
                  OUTPUT_QUIET ERROR_QUIET)
  if(commit AND NOT differs EQUAL 0)
    string(APPEND commit "+")
  endif()
endif()
set(text "#define CLI_COMMIT \"${commit}\"\n")
set(before "")
if(EXISTS ${OUT})
  file(READ ${OUT} before)
endif()
if(NOT before STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()
