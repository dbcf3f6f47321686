// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * embed LIBPYTHON FOLDER: a program with an interpreter in it, which it is linked to (LIBPYTHON is
 * not looked at then) or loads (built with -DLOADED). It runs FOLDER/embedded.py in two threads.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef LOADED
static int (*PyRun_SimpleStringFlags)(const char *, void *);
static void (*Py_InitializeEx)(int);
static int (*PyGILState_Ensure)(void);
static void (*PyGILState_Release)(int);
static void *(*PyEval_SaveThread)(void);
static void (*PyEval_RestoreThread)(void *);

static void *symbol(void *library, const char *name)
{
	void *found = dlsym(library, name);

	if (!found) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return found;
}

static void load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	PyRun_SimpleStringFlags = symbol(library, "PyRun_SimpleStringFlags");
	Py_InitializeEx = symbol(library, "Py_InitializeEx");
	PyGILState_Ensure = symbol(library, "PyGILState_Ensure");
	PyGILState_Release = symbol(library, "PyGILState_Release");
	PyEval_SaveThread = symbol(library, "PyEval_SaveThread");
	PyEval_RestoreThread = symbol(library, "PyEval_RestoreThread");
}
#else
int PyRun_SimpleStringFlags(const char *text, void *flags);
void Py_InitializeEx(int handlers);
int PyGILState_Ensure(void);
void PyGILState_Release(int state);
void *PyEval_SaveThread(void);
void PyEval_RestoreThread(void *state);

static void load(const char *path)
{
	(void)path;
}
#endif

static __attribute__((noinline)) void embedded_run(const char *text)
{
	if (PyRun_SimpleStringFlags(text, NULL))
		exit(1);
	__asm__ volatile("");
}

static void *embedded_thread(void *text)
{
	int state = PyGILState_Ensure();

	embedded_run(text);
	PyGILState_Release(state);
	return NULL;
}

int main(int argc, char **argv)
{
	char text[4096];
	pthread_t thread;
	void *state;

	if (argc != 3)
		return 2;
	load(argv[1]);
	Py_InitializeEx(1);
	snprintf(text, sizeof(text),
		 "import sys\n"
		 "path = '%s/'\n"
		 "sys.path.insert(0, path)\n"
		 "path += 'embedded.py'\n"
		 "exec(compile(open(path).read(), path, 'exec'), globals())\n",
		 argv[2]);
	embedded_run(text);
	if (pthread_create(&thread, NULL, embedded_thread, "thread_part()"))
		return 1;
	embedded_run("main_part()");
	state = PyEval_SaveThread();
	pthread_join(thread, NULL);
	PyEval_RestoreThread(state);
	embedded_run("last_part()");
	return 0;
}
