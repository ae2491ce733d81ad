# What a package holds. The files of configs/ go where their names say.
include(GNUInstallDirs)
set(DT_UNIT_DIR lib/systemd/system CACHE STRING "where systemd's units go, below the prefix")
set(DT_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions CACHE STRING "where zsh looks for completions")

install(TARGETS detourd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
file(GLOB DT_MANUAL_8 docs/*.8)
file(GLOB DT_MANUAL_5 docs/*.5)
install(FILES ${DT_MANUAL_8} DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${DT_MANUAL_5} DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
file(GLOB DT_UNITS configs/*.service configs/*.socket configs/*.timer)
install(FILES ${DT_UNITS} DESTINATION ${DT_UNIT_DIR})
file(GLOB DT_EXAMPLES configs/*.conf configs/*.yml configs/*.json)
install(FILES ${DT_EXAMPLES} DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
foreach(kind sysusers tmpfiles)
  if(EXISTS ${CMAKE_SOURCE_DIR}/configs/detourd.${kind})
    install(FILES configs/detourd.${kind} DESTINATION lib/${kind}.d RENAME detourd.conf)
  endif()
endforeach()
install(FILES configs/detourd.logrotate DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/logrotate.d RENAME detourd)

# The completions come from a program for the machine that builds, which may not be the one that detourd is for.
find_program(DT_BUILD_CC NAMES gcc cc clang REQUIRED DOC "compiler for the machine that builds")
set(DT_COMPLETIONS ${CMAKE_BINARY_DIR}/completions)
add_custom_command(
  OUTPUT ${DT_COMPLETIONS}/detourd ${DT_COMPLETIONS}/_detourd ${DT_COMPLETIONS}/detourd.fish
  COMMAND ${CMAKE_COMMAND} -E make_directory ${DT_COMPLETIONS}
  COMMAND ${DT_BUILD_CC} -std=gnu11 -I ${CMAKE_SOURCE_DIR}/src -o ${DT_COMPLETIONS}/print
          ${CMAKE_SOURCE_DIR}/tools/completions.c ${CMAKE_SOURCE_DIR}/src/cli/forms.c
  COMMAND ${DT_COMPLETIONS}/print bash > ${DT_COMPLETIONS}/detourd
  COMMAND ${DT_COMPLETIONS}/print zsh > ${DT_COMPLETIONS}/_detourd
  COMMAND ${DT_COMPLETIONS}/print fish > ${DT_COMPLETIONS}/detourd.fish
  DEPENDS tools/completions.c src/cli/forms.c src/cli/forms.h
  COMMENT "completions"
  VERBATIM)
add_custom_target(completions ALL DEPENDS ${DT_COMPLETIONS}/detourd)
install(FILES ${DT_COMPLETIONS}/detourd DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${DT_COMPLETIONS}/_detourd DESTINATION ${DT_ZSH_DIR})
install(FILES ${DT_COMPLETIONS}/detourd.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
