/* The engine decides what happens to a call; calls.c says how. */
#ifndef ENGINE_H
#define ENGINE_H

#include <pthread.h>

#include "control.h"

enum kind { NONE, READER, SLOT, SESSION, WORK };

enum { EFFECTS = 8, WAITS = 4 };

/* call is one running call. */
struct call {
	int fn, quiet;         /* quiet: only a question for a length */
	unsigned long plugged; /* which time the token was in when it began */
	int busy, serial, made;
	unsigned long delay[2]; /* [BEFORE], [LATE] */
	uint64_t *hang[2][WAITS];
	int hangs[2], crash[2];
	CK_RV fail[2];
	struct rule effect[EFFECTS]; /* GARBAGE, LENGTH, ROOM, SIGNATURE */
	int effects;
};

struct session {
	CK_SESSION_HANDLE handle;
	CK_SLOT_ID slot;
	CK_OBJECT_HANDLE key; /* of the running signature */
	int signing, authenticated;
};

/* mu guards now and the sessions; it is never held during a call into the real
 * module, but for those of apply() in engine.c. */
extern pthread_mutex_t mu;
extern struct control now;
extern CK_FUNCTION_LIST *real;
extern struct state *state;

/* start reads the control file beside this module and loads the real one. */
CK_RV start(void);

/* enter is the way in: it waits, crashes or fails. CKR_OK: make the real call. The
 * number of a slot becomes that of the real module. */
CK_RV enter(struct call *c, int fn, enum kind kind, CK_ULONG *slot, int hint);

/* leave is the way out, with what the call returned. */
CK_RV leave(struct call *c, CK_RV rv);

/* effect finds a rule for the output of a call, or NULL. */
const struct rule *effect(const struct call *c, enum verb verb);

/* visible says whether the module shows a slot: CKR_OK, or what to say instead. */
CK_RV visible(CK_SLOT_ID slot);

/* The sessions that are open. session_find needs mu; NULL: it is not known. */
struct session *session_find(CK_SESSION_HANDLE handle);
void session_add(CK_SESSION_HANDLE handle, CK_SLOT_ID slot);
void sessions_remove(CK_SESSION_HANDLE handle);
void sessions_remove_slot(CK_SLOT_ID slot);
void sessions_clear(void);

/* same compares a field of PKCS#11, which is padded with blanks, to a text. */
int same(const CK_BYTE *field, unsigned size, const char *text);

#endif
