/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Waits for the file, makes its calls, and says what they were. The exit status. */
int calls(const char *path);
