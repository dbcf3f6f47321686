/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tag of mode io, for both halves. */
#pragma once

enum io_phase {
	IO_DEVICE, /* given to the driver (the last time) → completed */
	IO_QUEUE,  /* inserted into the queue → given to the driver (the last time) */
};

enum {
	IO_PHASE_SHIFT = 0,
	IO_PHASE_BITS = 8,
	IO_OP_SHIFT = 8,
	IO_OP_BITS = 8,
	IO_DEVICE_SHIFT = 32,
	IO_DEVICE_BITS = 32,
	IO_MINOR_BITS = 20, /* device: major << IO_MINOR_BITS | minor, as the kernel's dev_t */
};
