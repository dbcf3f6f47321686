# The style and scripts that flamegraph_data.c writes into every .svg and .html.
foreach(file flamegraph.css flamegraph_tree.js flamegraph_draw.js flamegraph.js)
  string(REPLACE "." "_" name ${file})
  embed_file(export ${name} ${PROJECT_SOURCE_DIR}/user/export/${file})
endforeach()
