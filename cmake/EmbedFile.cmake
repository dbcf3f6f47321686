# embed_file(target name file): `file` as `static const unsigned char name[]` and `name_size` in
# name.h, in the build tree, for the sources of `target`.
function(embed_file target name file)
  set(header ${PROJECT_BINARY_DIR}/embed/${name}.h)
  add_custom_command(OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DFILE=${file} -DHEADER=${header}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${file} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake VERBATIM COMMENT "EMBED ${name}")
  target_sources(${target} PRIVATE ${header})
  target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR}/embed)
endfunction()
