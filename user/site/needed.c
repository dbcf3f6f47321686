// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/needed.h"

#include <errno.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"

/* What a file says of its libraries. The strings are the ELF's. */
struct needed {
	const char *names[NEEDED_MAX];
	size_t nr;
	const char *rpath, *runpath;
};

const char *const needed_folders[] = {
#if defined(__x86_64__)
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
	"/lib/aarch64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
#endif
	"/usr/local/lib",
	"/lib64",
	"/usr/lib64",
	"/lib",
	"/usr/lib",
	NULL,
};

static void read_entry(Elf *elf, size_t strings, const GElf_Dyn *dyn, struct needed *n)
{
	const char *s;

	if (dyn->d_tag != DT_NEEDED && dyn->d_tag != DT_RPATH && dyn->d_tag != DT_RUNPATH)
		return;
	s = elf_strptr(elf, strings, dyn->d_un.d_val);
	if (!s)
		return;
	if (dyn->d_tag == DT_RPATH)
		n->rpath = s;
	else if (dyn->d_tag == DT_RUNPATH)
		n->runpath = s;
	else if (n->nr < NEEDED_MAX)
		n->names[n->nr++] = s;
}

static void read_dynamic(Elf *elf, struct needed *n)
{
	Elf_Scn *section = NULL;
	GElf_Shdr h;
	GElf_Dyn dyn;

	while ((section = elf_nextscn(elf, section))) {
		Elf_Data *data;

		if (!gelf_getshdr(section, &h) || h.sh_type != SHT_DYNAMIC)
			continue;
		data = elf_getdata(section, NULL);
		for (int i = 0; i < 1024 && data && gelf_getdyn(data, i, &dyn); i++) {
			if (dyn.d_tag == DT_NULL)
				break;
			read_entry(elf, h.sh_link, &dyn, n);
		}
		return;
	}
}

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* A folder of a list, with the program's own for $ORIGIN. */
static void add_folder(const char *folder, size_t size, const char *origin, struct strbuf *to)
{
	static const char *const words[] = { "$ORIGIN", "${ORIGIN}" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if (size < n || strncmp(folder, words[i], n))
			continue;
		strbuf_adds(to, origin);
		folder += n;
		size -= n;
	}
	strbuf_add(to, folder, size);
}

/* Looks for `name` in folders that colons part; appends where it is. */
static bool find_in(const char *folders, const char *name, const char *origin, struct strbuf *ret)
{
	struct strbuf path = STRBUF_INIT;
	bool found = false;

	while (folders && *folders && !found) {
		size_t size = strcspn(folders, ":");

		strbuf_reset(&path);
		add_folder(folders, size, origin, &path);
		strbuf_addch(&path, '/');
		strbuf_adds(&path, name);
		found = size && !path.failed && is_file(path.buf);
		if (found)
			strbuf_add(ret, path.buf, path.len + 1);
		folders += size + (folders[size] == ':');
	}
	strbuf_done(&path);
	return found;
}

static bool find_library(const struct needed *n, const char *name, const char *origin,
			 struct strbuf *ret)
{
	if (strchr(name, '/')) {
		strbuf_add(ret, name, strlen(name) + 1);
		return true;
	}
	if ((!n->runpath && find_in(n->rpath, name, origin, ret)) ||
	    find_in(getenv("LD_LIBRARY_PATH"), name, origin, ret) ||
	    find_in(n->runpath, name, origin, ret))
		return true;
	for (size_t i = 0; needed_folders[i]; i++)
		if (find_in(needed_folders[i], name, origin, ret))
			return true;
	return false;
}

int needed_libraries(int fd, const char *path, struct strbuf *ret)
{
	_cleanup_free_ char *origin = realpath(path, NULL);
	struct needed n = { .nr = 0 };
	int nr = 0;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = origin ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	if (!elf)
		return 0;
	*strrchr(origin, '/') = '\0';
	if (elf_kind(elf) == ELF_K_ELF)
		read_dynamic(elf, &n);
	for (size_t i = 0; i < n.nr; i++)
		nr += find_library(&n, n.names[i], origin, ret);
	elf_end(elf);
	return ret->failed ? -ENOMEM : nr;
}

int needed_program(const char *name, struct strbuf *ret)
{
	const char *path = getenv("PATH");
	size_t before = ret->len;

	if (!strchr(name, '/'))
		find_in(path ? path : "/usr/bin:/bin", name, "", ret);
	else if (is_file(name))
		strbuf_add(ret, name, strlen(name) + 1);
	return ret->failed ? -ENOMEM : ret->len > before;
}

/* execve(2): the first line. */
int needed_interpreter(int fd, struct strbuf *ret)
{
	char line[256], *word, *rest;
	ssize_t size = pread(fd, line, sizeof(line) - 1, 0);
	const char *name;

	if (size < 3 || line[0] != '#' || line[1] != '!')
		return 0;
	line[size] = '\0';
	line[strcspn(line, "\n")] = '\0';
	word = strtok_r(line + 2, " \t", &rest);
	if (!word)
		return 0;
	name = strrchr(word, '/');
	if (name && !strcmp(name, "/env")) {
		do
			word = strtok_r(NULL, " \t", &rest);
		while (word && word[0] == '-');
	}
	return word ? needed_program(word, ret) : 0;
}
