// A PKCS#11 module in front of a real one that counts what is open: sessions, and
// the objects that live as long as a session. It writes both numbers into a file
// that is named after its process, where a test reads them. REAL and COUNTS are
// given when it is compiled.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef unsigned long ulong_t;
typedef ulong_t (*call_t)();

// list is CK_FUNCTION_LIST: a version, and 68 functions in a fixed order.
struct list { unsigned char version[2]; call_t f[68]; };
enum { FINALIZE = 1, GET_FUNCTION_LIST = 3, OPEN_SESSION = 12, CLOSE_SESSION = 13, CLOSE_ALL = 14, CREATE = 20, DESTROY = 22, DERIVE = 62 };

static struct list *real, ours;
static volatile long long *counts; // sessions, objects
enum { SESSIONS, OBJECTS };
static unsigned short slot_of[1 << 16]; // of a session, plus one; 0: not open

static void add(int which, long long n) { __atomic_add_fetch(&counts[which], n, __ATOMIC_RELAXED); }

static ulong_t open_session(ulong_t slot, ulong_t flags, void *app, void *notify, ulong_t *session) {
	ulong_t rv = real->f[OPEN_SESSION](slot, flags, app, notify, session);
	if (rv == 0) {
		slot_of[*session & 0xffff] = (unsigned short)(slot % 65535 + 1);
		add(SESSIONS, 1);
	}
	return rv;
}

static ulong_t close_session(ulong_t session) {
	ulong_t rv = real->f[CLOSE_SESSION](session);
	if (rv == 0 && slot_of[session & 0xffff] != 0) {
		slot_of[session & 0xffff] = 0;
		add(SESSIONS, -1);
	}
	return rv;
}

static ulong_t close_all(ulong_t slot) {
	ulong_t rv = real->f[CLOSE_ALL](slot);
	for (int i = 0; rv == 0 && i < 1 << 16; i++)
		if (slot_of[i] == (unsigned short)(slot % 65535 + 1)) {
			slot_of[i] = 0;
			add(SESSIONS, -1);
		}
	return rv;
}

static ulong_t finalize(void *reserved) {
	ulong_t rv = real->f[FINALIZE](reserved);
	if (rv == 0) {
		memset(slot_of, 0, sizeof slot_of);
		counts[SESSIONS] = counts[OBJECTS] = 0;
	}
	return rv;
}

static ulong_t create(ulong_t session, void *attributes, ulong_t n, ulong_t *object) {
	ulong_t rv = real->f[CREATE](session, attributes, n, object);
	if (rv == 0) add(OBJECTS, 1);
	return rv;
}

static ulong_t derive(ulong_t session, void *mechanism, ulong_t key, void *attributes, ulong_t n, ulong_t *object) {
	ulong_t rv = real->f[DERIVE](session, mechanism, key, attributes, n, object);
	if (rv == 0) add(OBJECTS, 1);
	return rv;
}

static ulong_t destroy(ulong_t session, ulong_t object) {
	ulong_t rv = real->f[DESTROY](session, object);
	if (rv == 0) add(OBJECTS, -1);
	return rv;
}

static ulong_t get_function_list(struct list **out) {
	*out = &ours;
	return 0;
}

ulong_t C_GetFunctionList(struct list **out) {
	char path[4096];
	void *lib = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
	call_t get = lib ? (call_t)dlsym(lib, "C_GetFunctionList") : NULL;
	if (get == NULL || get(&real) != 0) return 5; // CKR_GENERAL_ERROR
	snprintf(path, sizeof path, "%s/%d", COUNTS, getpid());
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, 16) != 0) return 5;
	counts = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (counts == MAP_FAILED) return 5;
	ours = *real;
	ours.f[GET_FUNCTION_LIST] = (call_t)get_function_list;
	ours.f[FINALIZE] = (call_t)finalize;
	ours.f[OPEN_SESSION] = (call_t)open_session;
	ours.f[CLOSE_SESSION] = (call_t)close_session;
	ours.f[CLOSE_ALL] = (call_t)close_all;
	ours.f[CREATE] = (call_t)create;
	ours.f[DESTROY] = (call_t)destroy;
	ours.f[DERIVE] = (call_t)derive;
	*out = &ours;
	return 0;
}
