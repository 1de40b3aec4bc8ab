/* What the control file says, and the file with the counters that all processes
 * share. README.md of the folder above has the language of the control file. */
#ifndef CONTROL_H
#define CONTROL_H

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "pkcs11.h"

enum function {
#define FN(name, kind, hint, params, ...) I_##name,
#define SP FN
#include "functions.h"
#undef SP
#undef FN
	FUNCTIONS
};
#define ANY (-1)

extern const char *const function_names[FUNCTIONS];

enum verb { FAIL, DELAY, HANG, CRASH, GARBAGE, LENGTH, ROOM, SIGNATURE, LOGOUT, CLOSE_SESSIONS, PIN_LEFT };
enum signature { HIGH_S, LOW_S, FLIP, ZERO };
enum { BEFORE, LATE };

#define NO_ATTRIBUTE ULONG_MAX

/* rule is a line that names a moment, and counts how often it came. */
struct rule {
	enum verb verb;
	int function; /* or ANY */
	unsigned long value, attribute, after, times;
	int late;
	uint64_t *count; /* shared; equal lines share it, so it is the line's identity */
};

enum { RULES = 512, LABELS = 16, ENVS = 8, MECHANISMS = 32 };
enum info { LABEL, MANUFACTURER, MODEL, SERIAL_NUMBER, INFOS };

struct control {
	char real[PATH_MAX], trace[PATH_MAX];
	char env[ENVS][PATH_MAX];
	char token[64];
	char always_auth[LABELS][64];
	char info[INFOS][64];
	char pad[256]; /* the PIN that is typed on the pad */
	char own[256]; /* the PIN that each session is given, as a token does that needs none */
	unsigned long lacks[MECHANISMS];
	int envs, labels, mechanisms, has_info[INFOS], has_pad, has_own, serial, absent, rules;
	unsigned long plugged, removed, serial_ms, duplicate_ms, pad_ms, pin_tries, flags, slots;
	struct rule rule[RULES];
};

/* state is a file that every process maps. install.go reads the beginning. */
enum { COUNTERS = 4096 };
struct state {
	char magic[8];
	uint64_t wrong_pins;
	char reserved[112];
	struct { uint64_t entered, returned; } calls[FUNCTIONS];
	struct { uint64_t line, count; } rule[COUNTERS];
};

/* open_state maps the file, and makes it when it is not there. NULL: it cannot. */
struct state *open_state(const char *path, int *fd);

/* parse reads a control file into c. When it returns -1 the complaint says why. */
int parse(char *text, struct control *c, struct state *state, char *complaint, unsigned size);

#endif
