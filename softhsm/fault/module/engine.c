#define _GNU_SOURCE
#include "engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
struct control now;
CK_FUNCTION_LIST *real;
struct state *state;

static char control_path[PATH_MAX];
static struct stat control_seen;
static struct control next; /* what is being parsed; guarded by mu */
static int broken;          /* the control file is not understood: nothing works until it is */
static int trace_fd = -1, state_fd = -1;

static struct session *sessions;
static int session_count, session_room;
static int reset, logout, close_all; /* what apply has to do; guarded by mu */

/* busy is held for reading during calls into the real module, and for writing
 * while sessions are taken away, which crashes real modules that use them. */
static pthread_rwlock_t busy = PTHREAD_RWLOCK_INITIALIZER;

/* one is the token that does one thing at a time, in this process; the lock on
 * the state file is the same among processes, and ends with its holder. */
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static void pause_ms(unsigned long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	while (nanosleep(&t, &t) && errno == EINTR) {
	}
}

/* sessions */

struct session *session_find(CK_SESSION_HANDLE handle)
{
	for (int i = 0; i < session_count; i++) {
		if (sessions[i].handle == handle) {
			return &sessions[i];
		}
	}
	return NULL;
}

void session_add(CK_SESSION_HANDLE handle, CK_SLOT_ID slot)
{
	pthread_mutex_lock(&mu);
	if (session_count == session_room) {
		int room = session_room ? 2 * session_room : 16;
		struct session *more = realloc(sessions, room * sizeof *more);
		if (!more) {
			abort();
		}
		sessions = more;
		session_room = room;
	}
	sessions[session_count++] = (struct session){.handle = handle, .slot = slot};
	pthread_mutex_unlock(&mu);
}

void sessions_remove(CK_SESSION_HANDLE handle)
{
	pthread_mutex_lock(&mu);
	struct session *s = session_find(handle);
	if (s) {
		*s = sessions[--session_count];
	}
	pthread_mutex_unlock(&mu);
}

void sessions_remove_slot(CK_SLOT_ID slot)
{
	pthread_mutex_lock(&mu);
	for (int i = 0; i < session_count;) {
		if (sessions[i].slot == slot) {
			sessions[i] = sessions[--session_count];
		} else {
			i++;
		}
	}
	pthread_mutex_unlock(&mu);
}

void sessions_clear(void)
{
	pthread_mutex_lock(&mu);
	session_count = 0;
	pthread_mutex_unlock(&mu);
}

/* the control file */

/* once takes a rule that holds once for itself. */
static int once(struct rule *r)
{
	uint64_t unused = 0;
	return __atomic_compare_exchange_n(r->count, &unused, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* load reads the control file. The caller holds mu. */
static int load(const struct stat *info)
{
	char complaint[200] = "it cannot be read, or is too long", *text = malloc(1 << 16);
	int fd = open(control_path, O_RDONLY | O_CLOEXEC), bad = -1;
	ssize_t n = 0, got = 0;
	if (text && fd >= 0) {
		while (got < (1 << 16) - 1 && (n = read(fd, text + got, (1 << 16) - 1 - got)) > 0) {
			got += n;
		}
		if (n == 0 && got < (1 << 16) - 1) {
			text[got] = 0;
			bad = parse(text, &next, state, complaint, sizeof complaint);
		}
	}
	free(text);
	if (fd >= 0) {
		close(fd);
	}
	control_seen = *info;
	broken = bad;
	if (bad) {
		fprintf(stderr, "fault: %s: %s\n", control_path, complaint);
		return -1;
	}
	if (real && (next.plugged != now.plugged || (next.absent && !now.absent))) {
		reset = 1;
	}
	if (strcmp(next.trace, now.trace) || (trace_fd < 0 && *next.trace)) {
		if (trace_fd >= 0) {
			close(trace_fd);
		}
		/* For both directions: a pipe that nobody reads is then no error. */
		trace_fd = *next.trace ? open(next.trace, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600) : -1;
	}
	now = next;
	for (int i = 0; i < now.rules; i++) {
		if (now.rule[i].verb == PIN_LEFT && now.rule[i].value <= now.pin_tries && once(&now.rule[i])) {
			__atomic_store_n(&state->wrong_pins, now.pin_tries - now.rule[i].value, __ATOMIC_SEQ_CST);
		}
	}
	return 0;
}

/* apply takes sessions and logins away. */
static void apply(void)
{
	pthread_rwlock_wrlock(&busy);
	pthread_mutex_lock(&mu);
	if (logout && session_count) {
		real->C_Logout(sessions[0].handle);
	}
	if (reset || close_all) {
		for (int i = 0; i < session_count; i++) {
			real->C_CloseSession(sessions[i].handle); /* the last one takes the login along */
		}
		session_count = 0;
	}
	reset = logout = close_all = 0;
	pthread_mutex_unlock(&mu);
	pthread_rwlock_unlock(&busy);
}

/* poll_control looks whether the control file has changed. */
static void poll_control(void)
{
	struct stat info;
	pthread_mutex_lock(&mu);
	if (!stat(control_path, &info) &&
	    (info.st_ino != control_seen.st_ino || info.st_size != control_seen.st_size ||
	     info.st_mtim.tv_sec != control_seen.st_mtim.tv_sec || info.st_mtim.tv_nsec != control_seen.st_mtim.tv_nsec)) {
		load(&info);
	}
	for (int i = 0; session_count && i < now.rules; i++) {
		struct rule *r = &now.rule[i];
		if (r->verb == LOGOUT && once(r)) {
			logout = 1;
		} else if (r->verb == CLOSE_SESSIONS && once(r)) {
			close_all = 1;
		}
	}
	int pending = reset || logout || close_all;
	pthread_mutex_unlock(&mu);
	if (pending) {
		apply();
	}
}

/* start: see engine.h. */

static CK_RV starting(void)
{
	Dl_info self;
	struct stat info;
	char path[PATH_MAX - 16], *dot;
	CK_RV (*get)(CK_FUNCTION_LIST **);
	if (!dladdr((void *)(uintptr_t)start, &self)) {
		return CKR_GENERAL_ERROR;
	}
	char *whole = realpath(self.dli_fname, NULL);
	if (!whole || strlen(whole) >= sizeof path) {
		return CKR_GENERAL_ERROR;
	}
	strcpy(path, whole);
	free(whole);
	dot = strrchr(path, '.');
	if (dot && !strchr(dot, '/')) {
		*dot = 0;
	}
	snprintf(control_path, sizeof control_path, "%s.state", path);
	state = open_state(control_path, &state_fd);
	if (!state) {
		fprintf(stderr, "fault: %s: %s\n", control_path, strerror(errno));
		return CKR_GENERAL_ERROR;
	}
	snprintf(control_path, sizeof control_path, "%s.control", path);
	if (stat(control_path, &info)) {
		fprintf(stderr, "fault: %s: %s\n", control_path, strerror(errno));
		return CKR_GENERAL_ERROR;
	}
	if (load(&info)) {
		return CKR_GENERAL_ERROR;
	}
	void *library = dlopen(now.real, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "fault: %s\n", dlerror());
		return CKR_GENERAL_ERROR;
	}
	*(void **)&get = dlsym(library, "C_GetFunctionList");
	return get ? get(&real) : CKR_GENERAL_ERROR;
}

CK_RV start(void)
{
	static int started;
	CK_RV rv = CKR_OK;
	pthread_mutex_lock(&mu);
	if (!started) {
		rv = starting();
		started = rv == CKR_OK;
	}
	pthread_mutex_unlock(&mu);
	return rv;
}

/* the way of a call */

static void trace(const struct call *c, const char *what)
{
	char line[128];
	pthread_mutex_lock(&mu);
	if (trace_fd >= 0) {
		int n = snprintf(line, sizeof line, "%ld %s %s\n", (long)getpid(), function_names[c->fn], what);
		if (write(trace_fd, line, n) < 0) {
			/* The pipe is full: whoever reads it has something to read. */
		}
	}
	pthread_mutex_unlock(&mu);
}

/* has_list: a NULL buffer is a call like another for these. */
static int has_list(int fn)
{
	return fn == I_C_GetSlotList || fn == I_C_GetMechanismList || fn == I_C_GetAttributeValue;
}

static int concerns(const struct rule *r, const struct call *c)
{
	switch (r->verb) {
	case LOGOUT:
	case CLOSE_SESSIONS:
	case PIN_LEFT:
		return 0;
	case SIGNATURE:
		return !c->quiet && (c->fn == I_C_Sign || c->fn == I_C_SignFinal);
	case ROOM:
		return r->function == c->fn && (c->quiet || has_list(c->fn));
	default:
		return !c->quiet && (r->function == ANY || r->function == c->fn);
	}
}

/* match counts a call in the rules that concern it, and notes those that hold.
 * The caller holds mu. */
static void match(struct call *c)
{
	for (int i = 0; i < now.rules; i++) {
		struct rule *r = &now.rule[i];
		if (!concerns(r, c)) {
			continue;
		}
		uint64_t n = __atomic_fetch_add(r->count, 1, __ATOMIC_SEQ_CST);
		if (n < r->after || (r->times && n >= r->after + r->times)) {
			continue;
		}
		switch (r->verb) {
		case FAIL:
			c->fail[r->late] = c->fail[r->late] ? c->fail[r->late] : r->value;
			break;
		case DELAY:
			c->delay[r->late] += r->value;
			break;
		case HANG:
			if (c->hangs[r->late] < WAITS) {
				c->hang[r->late][c->hangs[r->late]++] = r->count;
			}
			break;
		case CRASH:
			c->crash[r->late] = 1;
			break;
		default:
			if (c->effects < EFFECTS) {
				c->effect[c->effects++] = *r;
			}
		}
	}
}

/* hangs says whether one of the rules that a call hangs in still stands. */
static int hangs(const struct call *c, int when)
{
	int found = 0;
	pthread_mutex_lock(&mu);
	for (int i = 0; i < now.rules; i++) {
		for (int j = 0; j < c->hangs[when]; j++) {
			found |= now.rule[i].verb == HANG && now.rule[i].count == c->hang[when][j];
		}
	}
	pthread_mutex_unlock(&mu);
	return found;
}

static void wait_and_crash(struct call *c, int when)
{
	if (c->delay[when]) {
		pause_ms(c->delay[when]);
		poll_control();
	}
	while (c->hangs[when] && hangs(c, when)) {
		pause_ms(2);
		poll_control();
	}
	if (c->crash[when]) {
		volatile int *volatile nowhere = NULL;
		*nowhere = 1; /* SIGSEGV */
	}
}

/* gone says what a call gets when the token was taken away since it began. */
static CK_RV gone(const struct call *c, enum kind kind)
{
	CK_RV rv = CKR_OK;
	pthread_mutex_lock(&mu);
	if (kind == SLOT && now.absent) {
		rv = CKR_TOKEN_NOT_PRESENT;
	} else if ((kind == SESSION || kind == WORK) && (now.absent || now.plugged != c->plugged)) {
		rv = now.removed;
	}
	pthread_mutex_unlock(&mu);
	return rv;
}

CK_RV enter(struct call *c, int fn, enum kind kind, CK_ULONG *slot, int hint)
{
	memset(c, 0, sizeof *c);
	c->fn = fn;
	c->quiet = hint && fn != I_C_Login;
	poll_control();
	pthread_mutex_lock(&mu);
	int bad = broken, serial = now.serial && kind == WORK && !c->quiet;
	c->plugged = now.plugged;
	if (slot) {
		*slot -= now.slots;
	}
	match(c);
	if (fn == I_C_Login && hint && now.has_pad) {
		c->delay[BEFORE] += now.pad_ms;
	}
	unsigned long takes = serial ? now.serial_ms : 0;
	pthread_mutex_unlock(&mu);
	if (!c->quiet) {
		__atomic_fetch_add(&state->calls[fn].entered, 1, __ATOMIC_SEQ_CST);
		trace(c, "entered");
	}
	if (bad) {
		return CKR_GENERAL_ERROR;
	}
	if (serial) {
		pthread_mutex_lock(&one);
		flock(state_fd, LOCK_EX);
		c->serial = 1;
		pause_ms(takes);
		poll_control();
	}
	wait_and_crash(c, BEFORE);
	CK_RV rv = gone(c, kind);
	if (rv == CKR_OK) {
		rv = c->fail[BEFORE];
	}
	if (rv != CKR_OK || fn == I_C_WaitForSlotEvent) {
		return rv; /* the latter may wait for ever, and nothing may wait for it */
	}
	pthread_rwlock_rdlock(&busy);
	c->busy = 1;
	rv = gone(c, kind);
	if (rv == CKR_OK && slot) {
		rv = visible(*slot);
	}
	c->made = rv == CKR_OK;
	return rv;
}

CK_RV leave(struct call *c, CK_RV rv)
{
	char what[40];
	if (c->busy) {
		pthread_rwlock_unlock(&busy);
	}
	if (c->made) {
		wait_and_crash(c, LATE);
		rv = c->fail[LATE] ? c->fail[LATE] : rv;
	}
	if (c->serial) {
		flock(state_fd, LOCK_UN);
		pthread_mutex_unlock(&one);
	}
	if (!c->quiet) {
		__atomic_fetch_add(&state->calls[c->fn].returned, 1, __ATOMIC_SEQ_CST);
		snprintf(what, sizeof what, "returned %#lx", rv);
		trace(c, what);
	}
	return rv;
}

const struct rule *effect(const struct call *c, enum verb verb)
{
	for (int i = 0; i < c->effects; i++) {
		if (c->effect[i].verb == verb) {
			return &c->effect[i];
		}
	}
	return NULL;
}

int same(const CK_BYTE *field, unsigned size, const char *text)
{
	size_t n = strlen(text);
	if (n > size || memcmp(field, text, n)) {
		return 0;
	}
	for (; n < size; n++) {
		if (field[n] != ' ' && field[n] != 0) {
			return 0;
		}
	}
	return 1;
}

CK_RV visible(CK_SLOT_ID slot)
{
	char token[sizeof now.token];
	CK_TOKEN_INFO info;
	pthread_mutex_lock(&mu);
	memcpy(token, now.token, sizeof token);
	pthread_mutex_unlock(&mu);
	if (!*token) {
		return CKR_OK;
	}
	CK_RV rv = real->C_GetTokenInfo(slot, &info);
	if (rv == CKR_OK) {
		return same(info.label, sizeof info.label, token) ? CKR_OK : CKR_SLOT_ID_INVALID;
	}
	/* An empty reader is shown. What cannot be read is somebody else's token. */
	return rv == CKR_TOKEN_NOT_PRESENT ? CKR_OK : rv;
}
