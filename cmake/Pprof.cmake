# user/pprof/profile.proto → profile.pb-c.[ch] in the build tree, in the library pprof.
find_program(PROTOC_C protoc-c REQUIRED)
set(pprof_dir ${PROJECT_BINARY_DIR}/pprof)
set(pprof_proto ${PROJECT_SOURCE_DIR}/user/pprof/profile.proto)
file(MAKE_DIRECTORY ${pprof_dir})
add_custom_command(OUTPUT ${pprof_dir}/profile.pb-c.c ${pprof_dir}/profile.pb-c.h
  COMMAND ${PROTOC_C} --proto_path=${PROJECT_SOURCE_DIR}/user/pprof --c_out=${pprof_dir}
          ${pprof_proto}
  DEPENDS ${pprof_proto} VERBATIM COMMENT "PROTO profile")
target_sources(pprof PRIVATE ${pprof_dir}/profile.pb-c.c ${pprof_dir}/profile.pb-c.h)
# The compiler's warnings are about our code, not about protoc-c's.
set_source_files_properties(${pprof_dir}/profile.pb-c.c PROPERTIES COMPILE_OPTIONS -w)
target_include_directories(pprof SYSTEM PRIVATE ${pprof_dir})
