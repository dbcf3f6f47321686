// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void __attribute__((noreturn)) run_child(int go_fd, int fail_fd, char **argv)
{
	char go;
	int r;

	/* Should we die before it was let go, it reads the end of the pipe. */
	if (read(go_fd, &go, 1) != 1)
		_exit(0);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	r = errno;
	if (write(fail_fd, &r, sizeof(r)) != sizeof(r))
		_exit(126);
	_exit(127);
}

int program_start(struct program *ret, char **argv)
{
	int go[2], fail[2], pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(fail, O_CLOEXEC) < 0) {
		int r = -errno;

		close(go[0]);
		close(go[1]);
		return r;
	}
	pid = fork();
	if (!pid) {
		close(go[1]);
		run_child(go[0], fail[1], argv);
	}
	close(go[0]);
	close(fail[1]);
	if (pid < 0) {
		int r = -errno;

		close(go[1]);
		close(fail[0]);
		return r;
	}
	*ret = (struct program){ .pid = pid, .go_fd = go[1], .fail_fd = fail[0] };
	return 0;
}

int program_go(struct program *p, char **argv, struct strbuf *error)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	int failed = 0;
	ssize_t n;

	/* It is gone when a signal ended it meanwhile: that is an end, and no failure. */
	sigaction(SIGPIPE, &ignore, &before);
	if (write(p->go_fd, "", 1) != 1 && errno != EPIPE)
		failed = errno;
	sigaction(SIGPIPE, &before, NULL);
	close(p->go_fd);
	/* The other end closes when the program is executed. */
	do
		n = read(p->fail_fd, &failed, sizeof(failed));
	while (n < 0 && errno == EINTR);
	close(p->fail_fd);
	if (!failed)
		return 0;
	program_wait(p);
	strbuf_addf(error, "cannot run '%s': %s", argv[0], strerror(failed));
	return -failed;
}

static int as_shell_has_it(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* It is left to program_wait() to bury it: what CPU time it used can be read until then. */
bool program_ended(struct program *p)
{
	siginfo_t info = { 0 };

	if (p->pid && !p->ended && !waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT))
		p->ended = info.si_pid == p->pid;
	return p->ended;
}

int program_wait(struct program *p)
{
	int status = 0;

	if (!p->buried && waitpid(p->pid, &status, 0) == p->pid) {
		p->status = as_shell_has_it(status);
		p->ended = p->buried = true;
	}
	return p->status;
}

void program_abandon(struct program *p)
{
	if (!p->pid || p->ended)
		return;
	close(p->go_fd);
	close(p->fail_fd);
	program_wait(p);
}
