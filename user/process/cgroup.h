/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which control group a process is in, and which container that is, from the
 * text of /proc/PID/cgroup (cgroups(7)): lines of ID:CONTROLLERS:PATH, where
 * "0::PATH" is version 2. Containers are known by how docker, podman, CRI
 * (containerd, cri-o), LXC and systemd-nspawn name their groups.
 */
#pragma once
#include "base/strbuf.h"

/*
 * `text` is the whole file, NUL-ended. Adds the group's path: version 2's if it isn't "/", else
 * that of the first version 1 hierarchy that isn't; nothing where all are "/". Adds the
 * container: the first 12 digits of a 64-digit id, or a name; nothing if it is in none.
 */
void cgroup_parse(const char *text, struct strbuf *path, struct strbuf *container);
/* The container that a group's path names; nothing is added if none. */
void cgroup_container(const char *path, size_t size, struct strbuf *container);
