# bpf_skeleton(cpu): bpf/cpu.bpf.c → the object and cpu.skel.h in the build
# tree, as the interface library cpu_skel. Headers are tracked by clang itself.
# bpf_object(): the object alone, by a clang of choice.
find_program(BPF_CLANG NAMES clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 clang REQUIRED)
# Ubuntu's bpftool is a script that wants the running kernel's own; any one will do.
file(GLOB BPFTOOL_OF_KERNELS /usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool)
foreach(candidate bpftool /usr/sbin/bpftool ${BPFTOOL_OF_KERNELS})
  if(NOT BPFTOOL)
    execute_process(COMMAND ${candidate} version RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
    if(status EQUAL 0)
      set(BPFTOOL ${candidate} CACHE STRING "bpftool")
    endif()
  endif()
endforeach()
if(NOT BPFTOOL)
  message(FATAL_ERROR "no bpftool that runs: tools/setup installs it")
endif()
get_filename_component(BPF_CLANG_REAL ${BPF_CLANG} REALPATH)
get_filename_component(BPF_CLANG_DIR ${BPF_CLANG_REAL} DIRECTORY)
find_program(BPF_STRIP NAMES llvm-strip-19 llvm-strip-18 llvm-strip-17 llvm-strip-16 llvm-strip-15
             llvm-strip-14 llvm-strip HINTS ${BPF_CLANG_DIR} REQUIRED)

set(BPF_ARCH_x86_64 x86)
set(BPF_ARCH_aarch64 arm64)

# CMake already asked the host compiler where the system's headers are; clang's
# BPF target does not know the multiarch folder, so it gets the same list.
set(BPF_SYSTEM_INCLUDES ${CMAKE_C_IMPLICIT_INCLUDE_DIRECTORIES})
list(TRANSFORM BPF_SYSTEM_INCLUDES PREPEND -idirafter)

# The object of a BPF source by one clang; the same flags whoever asks.
function(bpf_object clang source object)
  get_filename_component(folder ${object} DIRECTORY)
  get_filename_component(name ${object} NAME)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${object}
    COMMAND ${clang} -target bpf -mcpu=v3 -std=gnu17 -g -O2 -Wall -Wextra
            $<$<BOOL:${BPFPROF_WERROR}>:-Werror> -Wno-unused-parameter -Wno-missing-declarations
            -Wno-address-of-packed-member
            -D__TARGET_ARCH_${BPF_ARCH_${CMAKE_SYSTEM_PROCESSOR}}
            -I${PROJECT_SOURCE_DIR}/bpf -isystem ${PROJECT_SOURCE_DIR}/vmlinux
            ${BPF_SYSTEM_INCLUDES} -MD -MF ${object}.d -MT ${object} -c ${source} -o ${object}
    COMMAND ${BPF_STRIP} -g ${object}
    DEPENDS ${source} DEPFILE ${object}.d VERBATIM COMMAND_EXPAND_LISTS COMMENT "BPF  ${name}")
endfunction()

function(bpf_skeleton name)
  set(object ${PROJECT_BINARY_DIR}/bpf/${name}.bpf.o)
  set(skeleton ${PROJECT_BINARY_DIR}/bpf/${name}.skel.h)
  bpf_object(${BPF_CLANG} ${PROJECT_SOURCE_DIR}/bpf/${name}.bpf.c ${object})
  add_custom_command(OUTPUT ${skeleton}
    COMMAND sh -c "\"$1\" gen skeleton \"$2\" name \"$3\" > \"$4\"" sh
            ${BPFTOOL} ${object} ${name}_bpf ${skeleton}
    DEPENDS ${object} VERBATIM COMMENT "SKEL ${name}")
  add_custom_target(${name}_skel_gen DEPENDS ${skeleton})
  add_library(${name}_skel INTERFACE)
  add_dependencies(${name}_skel ${name}_skel_gen)
  target_include_directories(${name}_skel SYSTEM INTERFACE ${PROJECT_BINARY_DIR}/bpf)
endfunction()
