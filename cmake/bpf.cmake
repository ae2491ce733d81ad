# bpf/NAME.bpf.c -> NAME.full.o (clang) -> NAME.bpf.o (bpftool: without DWARF) -> skel/NAME.skel.h (bpftool); struct and
# functions are NAME_bpf.
find_program(BPF_CLANG NAMES clang REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

set(BPF_SKEL_DIR ${CMAKE_BINARY_DIR}/skel)
file(MAKE_DIRECTORY ${BPF_SKEL_DIR})
file(GLOB BPF_HEADERS CONFIGURE_DEPENDS bpf/*.h include/detourd/*.h)
file(GLOB BPF_SOURCES CONFIGURE_DEPENDS bpf/*.bpf.c)
set(BPF_COMPILE ${BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter
                -Wno-address-of-packed-member ${DT_PREFIX_MAP} -I ${CMAKE_SOURCE_DIR}/include -I ${CMAKE_SOURCE_DIR}/bpf
                -idirafter /usr/include/${CMAKE_C_LIBRARY_ARCHITECTURE} -c)
# bpf_object(SOURCE OBJECT): without a skeleton
function(bpf_object source object)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${BPF_COMPILE} ${CMAKE_SOURCE_DIR}/${source} -o ${object}
    DEPENDS ${source}
    COMMENT "BPF ${source}"
    VERBATIM)
endfunction()
set(BPF_SKELETONS)
foreach(source ${BPF_SOURCES})
  get_filename_component(name ${source} NAME_WE)
  set(full ${BPF_SKEL_DIR}/${name}.full.o)
  set(object ${BPF_SKEL_DIR}/${name}.bpf.o)
  set(skeleton ${BPF_SKEL_DIR}/${name}.skel.h)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${BPF_COMPILE} ${source} -o ${full}
    COMMAND ${BPFTOOL} gen object ${object} ${full}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}
    DEPENDS ${source} ${BPF_HEADERS}
    COMMENT "BPF ${name}"
    VERBATIM)
  list(APPEND BPF_SKELETONS ${skeleton})
endforeach()
add_custom_target(bpf_objects DEPENDS ${BPF_SKELETONS})
add_library(bpf_skeletons INTERFACE)
target_include_directories(bpf_skeletons SYSTEM INTERFACE ${BPF_SKEL_DIR})
add_dependencies(bpf_skeletons bpf_objects)
