// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "process/cgroup.h"

#define ID  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

#define BURSTABLE "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/"
#define ROOTLESS  "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-"

static const struct {
	const char *text, *path, *container;
} cases[] = {
	/* docker, by its cgroupfs and systemd drivers */
	{ "0::/docker/" ID "\n", "/docker/" ID, "0123456789ab" },
	{ "0::/system.slice/docker-" ID ".scope\n", "/system.slice/docker-" ID ".scope",
	  "0123456789ab" },
	{ "12:memory:/docker/" ID "\n11:cpu,cpuacct:/docker/" ID "\n0::/\n", "/docker/" ID,
	  "0123456789ab" },
	/* systemd's hybrid mode: both versions in use */
	{ "5:pids:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/system.slice/x.service\n",
	  "/system.slice/x.service", "0123456789ab" },
	/* Kubernetes */
	{ "0::" BURSTABLE "cri-containerd-" ID ".scope\n", BURSTABLE "cri-containerd-" ID ".scope",
	  "0123456789ab" },
	{ "11:memory:/kubepods/burstable/pod12-34/" ID "\n", "/kubepods/burstable/pod12-34/" ID,
	  "0123456789ab" },
	{ "0::/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope/container\n",
	  "/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope/container", "0123456789ab" },
	{ "0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" ID "\n",
	  "/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" ID,
	  "0123456789ab" },
	/* podman */
	{ "0::" ROOTLESS ID ".scope/container\n", ROOTLESS ID ".scope/container", "0123456789ab" },
	{ "0::/machine.slice/libpod-conmon-" ID ".scope\n",
	  "/machine.slice/libpod-conmon-" ID ".scope", "" },
	/* LXC, systemd-nspawn, virtual machines */
	{ "0::/lxc.payload.web-1/init.scope\n", "/lxc.payload.web-1/init.scope", "web-1" },
	{ "0::/lxc.monitor.web-1\n", "/lxc.monitor.web-1", "" },
	{ "4:memory:/lxc/web\n", "/lxc/web", "web" },
	{ "0::/machine.slice/machine-my\\x2dbox.scope/payload\n",
	  "/machine.slice/machine-my\\x2dbox.scope/payload", "my-box" },
	{ "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope\n",
	  "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "" },
	/* one in another */
	{ "0::/docker/" ID "/docker/" ID2 "\n", "/docker/" ID "/docker/" ID2, "fedcba987654" },
	{ "0::/lxc.payload.a/docker/" ID2 "/x\n", "/lxc.payload.a/docker/" ID2 "/x",
	  "fedcba987654" },
	{ "0::/docker/" ID "/lxc.payload.a\n", "/docker/" ID "/lxc.payload.a", "a" },
	/* none */
	{ "0::/\n", "", "" },
	{ "", "", "" },
	{ "0::/user.slice/user-0.slice/session-1.scope\n",
	  "/user.slice/user-0.slice/session-1.scope", "" },
	{ "0::/docker/0123456789ab\n", "/docker/0123456789ab", "" },
	{ "0::/docker/x" ID "\n", "/docker/x" ID, "" },
	{ "0::/docker/" ID "0\n", "/docker/" ID "0", "" },
	{ "0::/docker/" ID " (deleted)\n", "/docker/" ID, "0123456789ab" },
	/* garbage */
	{ "0:\n::\n\n:\n0::\nx", "", "" },
	{ "0::/a:b:c", "/a:b:c", "" },
	{ "0::/lxc//x\n", "/lxc//x", "" },
	{ "0::/machine-.scope", "/machine-.scope", "" },
	{ "0::/machine-\\x.scope/\\x0", "/machine-\\x.scope/\\x0", "\\x" },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strbuf path = STRBUF_INIT, container = STRBUF_INIT;

		cgroup_parse(cases[i].text, &path, &container);
		assert_string_equal(strbuf_str(&path), cases[i].path);
		assert_string_equal(strbuf_str(&container), cases[i].container);
		strbuf_done(&path);
		strbuf_done(&container);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
