// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <locale.h>

#include "cmd/cmd.h"

int main(int argc, char **argv)
{
	/* How wide letters are shown, whatever the user's language: numbers stay as they are. */
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmd_main(argc, argv);
}
