# cmake -DTO=FILE -DLIBMNL=VERSION -P told-write.cmake: writes FILE, if it has changed.
execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../tools/version --commit
  OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT COMMIT)
  set(COMMIT unknown)
endif()
file(CONFIGURE OUTPUT ${TO} CONTENT "#define DT_COMMIT \"${COMMIT}\"\n#define DT_LIBMNL \"${LIBMNL}\"\n")
