# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# For the tools beside it, which read it with `.` from the top of the tree.

# build_preset NAME: its log is shown only where it fails.
build_preset()
{
	build_log=$(mktemp)
	echo "building ($1)"
	if ! { cmake --preset "$1" && cmake --build --preset "$1" -j"$(nproc)"; } \
		>"$build_log" 2>&1; then
		cat "$build_log" >&2
		rm -f "$build_log"
		echo "building ($1) failed" >&2
		return 1
	fi
	rm -f "$build_log"
}

# give_back PATH...: under sudo, what was made belongs to who called it.
give_back()
{
	[ -n "${SUDO_UID-}" ] || return 0
	for made; do
		[ ! -e "$made" ] || chown -R "$SUDO_UID:${SUDO_GID-$SUDO_UID}" "$made"
	done
}
