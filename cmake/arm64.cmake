# Builds for arm64 on another machine: cmake --toolchain cmake/arm64.cmake
# -DBPFPROF_SYSROOT=FOLDER, where FOLDER holds the libraries that bpfprof is built with, for arm64
# (tests/arm64/build makes one of Debian's).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)

set(BPFPROF_SYSROOT "" CACHE PATH "arm64 libraries and headers")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES BPFPROF_SYSROOT)
set(CMAKE_SYSROOT ${BPFPROF_SYSROOT})
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${BPFPROF_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR}
  ${BPFPROF_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${BPFPROF_SYSROOT}/usr/share/pkgconfig)
