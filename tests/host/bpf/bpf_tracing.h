/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
#define BPF_PROG(name, args...) name(unsigned long long *ctx, ##args)
