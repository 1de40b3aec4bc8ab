#include "control.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const function_names[FUNCTIONS] = {
#define FN(name, kind, hint, params, ...) #name,
#define SP FN
#include "functions.h"
#undef SP
#undef FN
};

static const struct { const char *name; unsigned long value; } codes[] = {
	{"CKR_HOST_MEMORY", 0x2}, {"CKR_SLOT_ID_INVALID", 0x3}, {"CKR_GENERAL_ERROR", 0x5}, {"CKR_FUNCTION_FAILED", 0x6},
	{"CKR_ARGUMENTS_BAD", 0x7}, {"CKR_ATTRIBUTE_SENSITIVE", 0x11}, {"CKR_ATTRIBUTE_TYPE_INVALID", 0x12},
	{"CKR_DATA_LEN_RANGE", 0x21}, {"CKR_DEVICE_ERROR", 0x30}, {"CKR_DEVICE_MEMORY", 0x31}, {"CKR_DEVICE_REMOVED", 0x32},
	{"CKR_FUNCTION_CANCELED", 0x50}, {"CKR_FUNCTION_NOT_SUPPORTED", 0x54}, {"CKR_KEY_HANDLE_INVALID", 0x60},
	{"CKR_KEY_FUNCTION_NOT_PERMITTED", 0x68}, {"CKR_MECHANISM_INVALID", 0x70}, {"CKR_OBJECT_HANDLE_INVALID", 0x82},
	{"CKR_OPERATION_ACTIVE", 0x90}, {"CKR_OPERATION_NOT_INITIALIZED", 0x91}, {"CKR_PIN_INCORRECT", 0xA0},
	{"CKR_PIN_LEN_RANGE", 0xA2}, {"CKR_PIN_EXPIRED", 0xA3}, {"CKR_PIN_LOCKED", 0xA4}, {"CKR_SESSION_CLOSED", 0xB0},
	{"CKR_SESSION_COUNT", 0xB1}, {"CKR_SESSION_HANDLE_INVALID", 0xB3}, {"CKR_TOKEN_NOT_PRESENT", 0xE0},
	{"CKR_TOKEN_NOT_RECOGNIZED", 0xE1}, {"CKR_USER_ALREADY_LOGGED_IN", 0x100}, {"CKR_USER_NOT_LOGGED_IN", 0x101},
	{"CKR_USER_PIN_NOT_INITIALIZED", 0x102}, {"CKR_RANDOM_NO_RNG", 0x121}, {"CKR_CURVE_NOT_SUPPORTED", 0x140},
	{"CKR_BUFFER_TOO_SMALL", 0x150}, {"CKR_CRYPTOKI_NOT_INITIALIZED", 0x190},
};

static char *skip(char *p)
{
	return p + strspn(p, " \t");
}

/* word cuts the next word off a line; empty at its end. */
static char *word(char **line)
{
	char *start = skip(*line), *end = start + strcspn(start, " \t");
	*line = *end ? end + 1 : end;
	*end = 0;
	return start;
}

static int number(const char *s, unsigned long *n)
{
	char *end;
	*n = strtoul(s, &end, 0);
	return *s && !*end ? 0 : -1;
}

/* amount is a number of milliseconds or calls, up to a day of the former. */
static int amount(const char *s, unsigned long *n)
{
	return *s >= '0' && *s <= '9' && number(s, n) == 0 && *n <= 86400000 ? 0 : -1;
}

static int code(const char *s, unsigned long *n)
{
	for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (!strcmp(s, codes[i].name)) {
			*n = codes[i].value;
			return 0;
		}
	}
	return number(s, n);
}

static int one_of(const char *s, const char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		if (!strcmp(s, names[i])) {
			return i;
		}
	}
	return -1;
}

static int text(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);
	if (!n || n >= size) {
		return -1;
	}
	memcpy(to, from, n + 1);
	return 0;
}

/* applies: which functions have an output that a verb can lie about. */
static int applies(enum verb verb, int function)
{
	switch (verb) {
	case GARBAGE:
		return function == I_C_GetInfo || function == I_C_GetSlotInfo || function == I_C_GetTokenInfo ||
		       function == I_C_GetAttributeValue || function == I_C_Sign || function == I_C_SignFinal;
	case LENGTH:
		if (function == I_C_FindObjects) {
			return 1;
		}
		/* fall through */
	case ROOM:
		return function == I_C_GetSlotList || function == I_C_GetMechanismList || function == I_C_GetAttributeValue ||
		       function == I_C_Sign || function == I_C_SignFinal;
	default:
		return 1;
	}
}

/* options reads what may end the line of a rule. */
static int options(char *line, struct rule *r)
{
	unsigned long id;
	for (char *w = word(&line); *w; w = word(&line)) {
		int bad = 0;
		if (!strcmp(w, "late")) {
			r->late = LATE;
			bad = r->verb != FAIL && r->verb != DELAY && r->verb != HANG && r->verb != CRASH;
		} else if (!strcmp(w, "after")) {
			bad = amount(word(&line), &r->after);
		} else if (!strcmp(w, "times")) {
			bad = amount(word(&line), &r->times) || !r->times;
		} else if (!strcmp(w, "attribute")) {
			bad = number(word(&line), &r->attribute);
		} else if (!strcmp(w, "id")) {
			bad = amount(word(&line), &id);
		} else {
			bad = 1;
		}
		if (bad) {
			return -1;
		}
	}
	return 0;
}

/* counter finds the shared counter of a line by its hash (FNV-1a). */
static uint64_t *counter(struct state *state, const char *line)
{
	uint64_t hash = 14695981039346656037u;
	for (; *line; line++) {
		hash = (hash ^ (unsigned char)*line) * 1099511628211u;
	}
	hash += !hash; /* 0 is a free place */
	for (unsigned i = 0; i < COUNTERS; i++) {
		unsigned at = (hash + i) % COUNTERS;
		uint64_t free = 0;
		if (__atomic_compare_exchange_n(&state->rule[at].line, &free, hash, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ||
		    free == hash) {
			return &state->rule[at].count;
		}
	}
	return NULL;
}

/* rule reads a line that begins with one of verbs. */
static int rule(int verb, char *line, struct rule *r)
{
	static const char *const kinds[] = {"high-s", "low-s", "flip", "zero"};
	char *w;
	int at;
	*r = (struct rule){.verb = verb, .function = ANY, .attribute = NO_ATTRIBUTE};
	if (verb < SIGNATURE) {
		w = word(&line);
		r->function = one_of(w, function_names, FUNCTIONS);
		if ((r->function < 0 && strcmp(w, "*")) || !applies(verb, r->function)) {
			return -1;
		}
	}
	switch (r->verb) {
	case FAIL:
		if (code(word(&line), &r->value)) {
			return -1;
		}
		break;
	case LENGTH:
	case ROOM:
		if (number(word(&line), &r->value)) {
			return -1;
		}
		break;
	case DELAY:
	case PIN_LEFT:
		if (amount(word(&line), &r->value)) {
			return -1;
		}
		break;
	case SIGNATURE:
		at = one_of(word(&line), kinds, 4);
		if (at < 0) {
			return -1;
		}
		r->value = at;
		break;
	default:
		break;
	}
	return options(line, r);
}

/* setting reads a line that holds for as long as it stands. */
static int setting(const char *name, char *line, struct control *c)
{
	static const char *const fields[] = {"label", "manufacturer", "model", "serial"};
	unsigned long ignored;
	char *rest = skip(line);
	int at;
	if (!strcmp(name, "real")) {
		return text(c->real, sizeof c->real, rest);
	}
	if (!strcmp(name, "trace")) {
		return text(c->trace, sizeof c->trace, rest);
	}
	if (!strcmp(name, "token")) {
		return text(c->token, sizeof c->token, rest);
	}
	if (!strcmp(name, "env")) {
		return c->envs == ENVS || !strchr(rest, '=') || *rest == '=' ? -1 : text(c->env[c->envs++], PATH_MAX, rest);
	}
	if (!strcmp(name, "always-auth")) {
		return c->labels == LABELS ? -1 : text(c->always_auth[c->labels++], 64, rest);
	}
	if (!strcmp(name, "pin-pad")) {
		c->has_pad = 1;
		return amount(word(&line), &c->pad_ms) || text(c->pad, sizeof c->pad, skip(line)) ? -1 : 0;
	}
	if (!strcmp(name, "no-pin")) {
		c->has_own = 1;
		return text(c->own, sizeof c->own, rest);
	}
	if (!strcmp(name, "info")) {
		at = one_of(word(&line), fields, INFOS);
		if (at < 0) {
			return -1;
		}
		c->has_info[at] = 1;
		line = skip(line);
		return *line ? text(c->info[at], sizeof c->info[at], line) : (c->info[at][0] = 0); /* a token may show nothing */
	}
	/* The others are a number or nothing, and may end with "id N". */
	if (!strcmp(name, "absent")) {
		c->absent = 1;
	} else if (!strcmp(name, "plugged")) {
		at = number(word(&line), &c->plugged);
		if (at) {
			return -1;
		}
	} else if (!strcmp(name, "lacks")) {
		if (c->mechanisms == MECHANISMS || number(word(&line), &c->lacks[c->mechanisms++])) {
			return -1;
		}
	} else if (!strcmp(name, "serial")) {
		c->serial = 1;
		if (amount(word(&line), &c->serial_ms)) {
			return -1;
		}
	} else {
		unsigned long *to = !strcmp(name, "removed") ? &c->removed : !strcmp(name, "flags") ? &c->flags :
			!strcmp(name, "slots") ? &c->slots :
			!strcmp(name, "pin-tries") ? &c->pin_tries : !strcmp(name, "duplicate-sessions") ? &c->duplicate_ms : NULL;
		if (!to || (to == &c->duplicate_ms || to == &c->pin_tries ? amount : code)(word(&line), to)) {
			return -1;
		}
	}
	char *w = word(&line);
	return !*w || (!strcmp(w, "id") && !amount(word(&line), &ignored) && !*skip(line)) ? 0 : -1;
}

int parse(char *input, struct control *c, struct state *state, char *complaint, unsigned size)
{
	static const char *const verbs[] = {"fail", "delay", "hang", "crash", "garbage", "length", "room", "signature",
		"logout", "close-sessions", "pin-left"};
	int at = 0;
	memset(c, 0, sizeof *c);
	c->removed = CKR_DEVICE_REMOVED;
	for (char *next = input; next;) {
		char *line = next, full[PATH_MAX + 64];
		at++;
		next = strchr(line, '\n');
		if (next) {
			*next++ = 0;
		}
		line = skip(line);
		for (size_t n = strlen(line); n && strchr(" \t\r", line[n - 1]); n--) {
			line[n - 1] = 0;
		}
		if (!*line || *line == '#') {
			continue;
		}
		int bad = text(full, sizeof full, line);
		char *name = word(&line);
		int verb = one_of(name, verbs, sizeof verbs / sizeof *verbs);
		if (bad) {
			full[0] = 0;
		} else if (verb < 0) {
			bad = setting(name, line, c);
		} else {
			bad = c->rules == RULES || rule(verb, line, &c->rule[c->rules]);
			if (!bad) {
				c->rule[c->rules].count = counter(state, full);
				bad = !c->rule[c->rules++].count;
			}
		}
		if (bad) {
			/* A PIN may stand in the line: name it, do not repeat it. */
			snprintf(complaint, size, "line %d (%.24s) is not understood", at, name);
			return -1;
		}
	}
	return 0;
}

struct state *open_state(const char *path, int *fd)
{
	struct stat info;
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0) {
		return NULL;
	}
	/* Without a lock: all do the same, and one that hangs may hold the lock. */
	if (fstat(*fd, &info) || (info.st_size < (off_t)sizeof(struct state) && ftruncate(*fd, sizeof(struct state)))) {
		return NULL;
	}
	struct state *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (s == MAP_FAILED) {
		return NULL;
	}
	memcpy(s->magic, "csfault1", sizeof s->magic);
	return s;
}
