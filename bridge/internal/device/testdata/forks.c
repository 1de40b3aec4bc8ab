/* A PKCS#11 module that starts a process of its own when it is loaded, prints, and
 * is otherwise the module REAL. The process keeps all descriptors open. */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void start(void)
{
	printf("a module may print\n");
	fprintf(stderr, "Signals: none, said the module; panic\n");
	fflush(NULL);
	if (fork() == 0) {
		for (;;) {
			pause();
		}
	}
}

unsigned long C_GetFunctionList(void **list)
{
	void *real = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
	unsigned long (*get)(void **) = real ? (unsigned long (*)(void **))dlsym(real, "C_GetFunctionList") : NULL;
	return get ? get(list) : 5; /* CKR_GENERAL_ERROR */
}
