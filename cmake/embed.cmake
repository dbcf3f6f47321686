# Run by embed_file().
file(READ ${FILE} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${HEADER} "static const unsigned char ${NAME}[] = {${bytes}0};\n"
  "enum { ${NAME}_size = ${size} };\n")
