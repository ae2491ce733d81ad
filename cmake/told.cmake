# told.h: what the program tells of itself and the compiler does not know. It is written anew at each build, because a
# commit changes no source file.
set(DT_LIBMNL ${DEPS_libmnl_VERSION})
if(DT_STATIC)
  # the archive may be another release's than the headers
  get_filename_component(DT_LIBMNL_DIR ${DT_LIBMNL_ARCHIVE} DIRECTORY)
  if(EXISTS ${DT_LIBMNL_DIR}/pkgconfig/libmnl.pc)
    file(STRINGS ${DT_LIBMNL_DIR}/pkgconfig/libmnl.pc DT_LIBMNL REGEX "^Version:")
    string(REGEX REPLACE "^Version: *" "" DT_LIBMNL "${DT_LIBMNL}")
  endif()
endif()
add_custom_target(told
  COMMAND ${CMAKE_COMMAND} -DTO=${CMAKE_BINARY_DIR}/told/told.h -DLIBMNL=${DT_LIBMNL}
          -P ${CMAKE_SOURCE_DIR}/cmake/told-write.cmake
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  BYPRODUCTS ${CMAKE_BINARY_DIR}/told/told.h)
