# The man page and the completion of the shells are written by bpfprof itself, from the tables
# that it runs by, so that they can't differ from it.
install(TARGETS bpfprof RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

set(BPFPROF_MAN ${PROJECT_BINARY_DIR}/bpfprof.1)
set(BPFPROF_COMPLETION ${PROJECT_BINARY_DIR}/completion)

# written_by_bpfprof(file arguments…): what it prints, as a file.
function(written_by_bpfprof file)
  get_filename_component(folder ${file} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${file}
    COMMAND sh -c "out=$1; shift; \"$@\" > \"$out.new\" && mv \"$out.new\" \"$out\"" sh
            ${file} $<TARGET_FILE:bpfprof> ${ARGN}
    DEPENDS bpfprof VERBATIM COMMENT "HELP ${file}")
endfunction()

if(NOT CMAKE_CROSSCOMPILING)
  written_by_bpfprof(${BPFPROF_MAN} help --man)
  written_by_bpfprof(${BPFPROF_COMPLETION}/bpfprof help --completion bash)
  written_by_bpfprof(${BPFPROF_COMPLETION}/_bpfprof help --completion zsh)
  written_by_bpfprof(${BPFPROF_COMPLETION}/bpfprof.fish help --completion fish)
  add_custom_command(OUTPUT ${BPFPROF_MAN}.gz
    COMMAND gzip -9nkf ${BPFPROF_MAN} DEPENDS ${BPFPROF_MAN} VERBATIM)
  add_custom_target(help_files ALL DEPENDS ${BPFPROF_MAN}.gz ${BPFPROF_COMPLETION}/bpfprof
    ${BPFPROF_COMPLETION}/_bpfprof ${BPFPROF_COMPLETION}/bpfprof.fish)
  install(FILES ${BPFPROF_MAN}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${BPFPROF_COMPLETION}/bpfprof
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${BPFPROF_COMPLETION}/_bpfprof
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${BPFPROF_COMPLETION}/bpfprof.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
