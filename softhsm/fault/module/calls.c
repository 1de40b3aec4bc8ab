/* The functions that the module hands out, and what it changes in their results. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"

static CK_FUNCTION_LIST table;

/* scramble_text replaces text by bytes that are no text: not UTF-8, escape sequences,
 * a line break, a NUL, an override of the direction of writing. */
static void scramble_text(CK_BYTE *field, size_t size)
{
	static const char noise[] = "\xff\xfe\x1b[31m\n\0\xc3(\xe2\x80\xae\"<b>%s\r\x7f";
	for (size_t i = 0; i < size; i++) {
		field[i] = (CK_BYTE)noise[i % (sizeof noise - 1)];
	}
}

static void scramble_bytes(CK_BYTE *value, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		value[i] ^= 0x5a;
	}
}

static void pad(CK_BYTE *field, size_t size, const char *text)
{
	size_t n = strlen(text);
	memset(field, ' ', size);
	memcpy(field, text, n < size ? n : size);
}

/* C_GetFunctionList, C_Initialize and what is about the module as a whole */

static CK_RV special_C_GetFunctionList(struct call *c, CK_FUNCTION_LIST **list)
{
	(void)c;
	if (!list) {
		return CKR_ARGUMENTS_BAD;
	}
	*list = &table;
	return CKR_OK;
}

/* swap sets the variables of the environment that the control file names, and
 * keeps what they were in before; with restore it puts that back. */
static void swap(char before[ENVS][PATH_MAX], int restore)
{
	pthread_mutex_lock(&mu);
	for (int i = 0; i < now.envs; i++) {
		char *value = strchr(now.env[i], '=') + 1, name[PATH_MAX];
		memcpy(name, now.env[i], value - now.env[i]);
		name[value - now.env[i] - 1] = 0;
		const char *is = getenv(name);
		if (!restore) {
			snprintf(before[i], PATH_MAX, "%s", is ? is : "");
			setenv(name, value, 1);
		} else if (*before[i]) {
			setenv(name, before[i], 1);
		} else {
			unsetenv(name);
		}
	}
	pthread_mutex_unlock(&mu);
}

static CK_RV special_C_Initialize(struct call *c, CK_VOID_PTR args)
{
	(void)c;
	char(*before)[PATH_MAX] = calloc(ENVS, PATH_MAX);
	if (!before) {
		return CKR_HOST_MEMORY;
	}
	/* Another copy of this module in the process has another environment in mind.
	 * The lock of a stream of the C library is one that they all share. */
	flockfile(stderr);
	swap(before, 0);
	CK_RV rv = real->C_Initialize(args);
	swap(before, 1);
	funlockfile(stderr);
	free(before);
	return rv;
}

static CK_RV special_C_Finalize(struct call *c, CK_VOID_PTR reserved)
{
	(void)c;
	CK_RV rv = real->C_Finalize(reserved);
	if (rv == CKR_OK) {
		sessions_clear();
	}
	return rv;
}

static CK_RV special_C_GetInfo(struct call *c, CK_INFO *info)
{
	CK_RV rv = real->C_GetInfo(info);
	if (rv == CKR_OK) {
		/* Who it is: not the real module, whose peculiarities it hides. */
		pad(info->manufacturerID, sizeof info->manufacturerID, "Countersign");
		pad(info->libraryDescription, sizeof info->libraryDescription, "Fault-injecting module");
		if (effect(c, GARBAGE)) {
			scramble_text(info->manufacturerID, sizeof info->manufacturerID);
			scramble_text(info->libraryDescription, sizeof info->libraryDescription);
		}
	}
	return rv;
}

/* give hands a list of numbers to a caller, by the rules of PKCS#11 §5.2, and lies
 * about its length where it has to. */
static CK_RV give(struct call *c, const CK_ULONG *from, CK_ULONG n, CK_ULONG *list, CK_ULONG *count)
{
	CK_ULONG room = *count;
	const struct rule *lie = effect(c, list ? LENGTH : ROOM);
	*count = lie ? lie->value : n;
	if (!list) {
		return CKR_OK;
	}
	if (room < n) {
		*count = n;
		return CKR_BUFFER_TOO_SMALL;
	}
	memcpy(list, from, n * sizeof *list);
	for (; lie && n < lie->value && n < room; n++) {
		list[n] = 0xdead0000 + n;
	}
	return CKR_OK;
}

static CK_RV special_C_GetSlotList(struct call *c, CK_BBOOL present, CK_ULONG *list, CK_ULONG *count)
{
	CK_ULONG n = 0, kept = 0, *all;
	if (!count) {
		return CKR_ARGUMENTS_BAD;
	}
	CK_RV rv = real->C_GetSlotList(present, NULL, &n);
	if (rv != CKR_OK) {
		return rv;
	}
	n += 16; /* for a reader that comes in between */
	all = calloc(n, sizeof *all);
	if (!all) {
		return CKR_HOST_MEMORY;
	}
	rv = real->C_GetSlotList(present, all, &n);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&mu);
		int absent = now.absent;
		CK_ULONG shift = now.slots;
		pthread_mutex_unlock(&mu);
		for (CK_ULONG i = 0; i < n; i++) {
			if (!(present && absent) && visible(all[i]) == CKR_OK) {
				all[kept++] = all[i] + shift;
			}
		}
		rv = give(c, all, kept, list, count);
	}
	free(all);
	return rv;
}

static CK_RV special_C_GetSlotInfo(struct call *c, CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	CK_RV rv = real->C_GetSlotInfo(slot, info);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&mu);
		info->flags |= CKF_REMOVABLE_DEVICE;
		if (now.absent) {
			info->flags &= ~CKF_TOKEN_PRESENT;
		}
		pthread_mutex_unlock(&mu);
		if (effect(c, GARBAGE)) {
			scramble_text(info->slotDescription, sizeof info->slotDescription);
			scramble_text(info->manufacturerID, sizeof info->manufacturerID);
		}
	}
	return rv;
}

static CK_RV special_C_GetTokenInfo(struct call *c, CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real->C_GetTokenInfo(slot, info);
	if (rv != CKR_OK) {
		return rv;
	}
	struct { CK_BYTE *at; size_t size; } fields[INFOS] = {
		[LABEL] = {info->label, sizeof info->label},
		[MANUFACTURER] = {info->manufacturerID, sizeof info->manufacturerID},
		[MODEL] = {info->model, sizeof info->model},
		[SERIAL_NUMBER] = {info->serialNumber, sizeof info->serialNumber},
	};
	pthread_mutex_lock(&mu);
	info->flags |= now.flags | (now.has_pad ? CKF_PROTECTED_AUTHENTICATION_PATH : 0);
	if (now.pin_tries) {
		uint64_t wrong = __atomic_load_n(&state->wrong_pins, __ATOMIC_SEQ_CST);
		info->flags &= ~(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED) | now.flags;
		info->flags |= wrong >= now.pin_tries ? CKF_USER_PIN_LOCKED :
			wrong + 1 == now.pin_tries ? CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY :
			wrong ? CKF_USER_PIN_COUNT_LOW : 0;
	}
	if (now.has_own) {
		info->flags &= ~CKF_LOGIN_REQUIRED;
	}
	for (int i = 0; i < INFOS; i++) {
		if (now.has_info[i]) {
			pad(fields[i].at, fields[i].size, now.info[i]);
		}
	}
	pthread_mutex_unlock(&mu);
	for (int i = 0; effect(c, GARBAGE) && i < INFOS; i++) {
		scramble_text(fields[i].at, fields[i].size);
	}
	return CKR_OK;
}

/* mechanisms */

static int lacks(CK_ULONG mechanism)
{
	int found = 0;
	pthread_mutex_lock(&mu);
	for (int i = 0; i < now.mechanisms; i++) {
		found |= now.lacks[i] == mechanism;
	}
	pthread_mutex_unlock(&mu);
	return found;
}

static CK_RV special_C_GetMechanismList(struct call *c, CK_SLOT_ID slot, CK_ULONG *list, CK_ULONG *count)
{
	CK_ULONG n = 0, kept = 0, *all;
	if (!count) {
		return CKR_ARGUMENTS_BAD;
	}
	CK_RV rv = real->C_GetMechanismList(slot, NULL, &n);
	if (rv != CKR_OK) {
		return rv;
	}
	all = calloc(n + 1, sizeof *all);
	if (!all) {
		return CKR_HOST_MEMORY;
	}
	rv = real->C_GetMechanismList(slot, all, &n);
	if (rv == CKR_OK) {
		for (CK_ULONG i = 0; i < n; i++) {
			if (!lacks(all[i])) {
				all[kept++] = all[i];
			}
		}
		rv = give(c, all, kept, list, count);
	}
	free(all);
	return rv;
}

static CK_RV special_C_GetMechanismInfo(struct call *c, CK_SLOT_ID slot, CK_ULONG type, CK_MECHANISM_INFO *info)
{
	(void)c;
	return lacks(type) ? CKR_MECHANISM_INVALID : real->C_GetMechanismInfo(slot, type, info);
}

static CK_RV special_C_GenerateKeyPair(struct call *c, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public,
	CK_ULONG publics, CK_ATTRIBUTE *private, CK_ULONG privates, CK_OBJECT_HANDLE *pubkey, CK_OBJECT_HANDLE *key)
{
	(void)c;
	return mechanism && lacks(mechanism->mechanism) ? CKR_MECHANISM_INVALID :
		real->C_GenerateKeyPair(session, mechanism, public, publics, private, privates, pubkey, key);
}

static CK_RV special_C_DeriveKey(struct call *c, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
	CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	(void)c;
	return mechanism && lacks(mechanism->mechanism) ? CKR_MECHANISM_INVALID :
		real->C_DeriveKey(session, mechanism, base, attributes, count, key);
}

/* sessions */

/* pair is a caller that waits for another one to give its session to as well. */
static struct { int waiting, taken; CK_SLOT_ID slot; CK_SESSION_HANDLE handle; } pair;
static pthread_cond_t paired = PTHREAD_COND_INITIALIZER;

static CK_RV special_C_OpenSession(struct call *c, CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify,
	CK_SESSION_HANDLE *session)
{
	(void)c;
	pthread_mutex_lock(&mu);
	if (session && pair.waiting && pair.slot == slot) {
		*session = pair.handle;
		pair.waiting = 0;
		pair.taken = 1;
		pthread_cond_broadcast(&paired);
		pthread_mutex_unlock(&mu);
		return CKR_OK;
	}
	unsigned long window = now.duplicate_ms;
	pthread_mutex_unlock(&mu);
	CK_RV rv = real->C_OpenSession(slot, flags, app, notify, session);
	if (rv != CKR_OK) {
		return rv;
	}
	session_add(*session, slot);
	pthread_mutex_lock(&mu);
	if (now.has_own) {
		real->C_Login(*session, CKU_USER, (CK_BYTE *)now.own, strlen(now.own));
	}
	if (window && !pair.waiting) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += window / 1000;
		until.tv_nsec += window % 1000 * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000L;
		}
		pair.waiting = 1;
		pair.taken = 0;
		pair.slot = slot;
		pair.handle = *session;
		while (!pair.taken && !pthread_cond_timedwait(&paired, &mu, &until)) {
		}
		pair.waiting = 0;
	}
	pthread_mutex_unlock(&mu);
	return CKR_OK;
}

static CK_RV special_C_CloseSession(struct call *c, CK_SESSION_HANDLE session)
{
	(void)c;
	CK_RV rv = real->C_CloseSession(session);
	if (rv == CKR_OK) {
		sessions_remove(session);
	}
	return rv;
}

static CK_RV special_C_CloseAllSessions(struct call *c, CK_SLOT_ID slot)
{
	(void)c;
	CK_RV rv = real->C_CloseAllSessions(slot);
	if (rv == CKR_OK) {
		sessions_remove_slot(slot);
	}
	return rv;
}

static CK_RV special_C_GetSessionInfo(struct call *c, CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	(void)c;
	CK_RV rv = real->C_GetSessionInfo(session, info);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&mu);
		info->slotID += now.slots;
		pthread_mutex_unlock(&mu);
	}
	return rv;
}

/* keys that ask for the PIN each time */

/* always_auth says whether a key is one of them. Its caller does not hold mu. */
static int always_auth(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	char label[64], labels[LABELS][64];
	CK_ULONG class = 0;
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, label, sizeof label - 1}};
	pthread_mutex_lock(&mu);
	int count = now.labels;
	memcpy(labels, now.always_auth, sizeof labels);
	pthread_mutex_unlock(&mu);
	if (!count || real->C_GetAttributeValue(session, key, wanted, 2) != CKR_OK || class != CKO_PRIVATE_KEY) {
		return 0;
	}
	label[wanted[1].ulValueLen] = 0;
	for (int i = 0; i < count; i++) {
		if (!strcmp(label, labels[i])) {
			return 1;
		}
	}
	return 0;
}

/* signing returns the session's running signature, and ends it if end is set. */
static int signing(CK_SESSION_HANDLE session, struct session *copy, int end)
{
	pthread_mutex_lock(&mu);
	struct session *s = session_find(session);
	int found = s && s->signing;
	if (found) {
		*copy = *s;
		if (end) {
			s->signing = s->authenticated = 0;
		}
	}
	pthread_mutex_unlock(&mu);
	return found;
}

static CK_RV special_C_SignInit(struct call *c, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	(void)c;
	if (mechanism && lacks(mechanism->mechanism)) {
		return CKR_MECHANISM_INVALID;
	}
	CK_RV rv = real->C_SignInit(session, mechanism, key);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&mu);
		struct session *s = session_find(session);
		if (s) {
			s->key = key;
			s->signing = 1;
			s->authenticated = 0;
		}
		pthread_mutex_unlock(&mu);
	}
	return rv;
}

/* PINs */

/* last is the PIN that logged in: the real module compares none when somebody is
 * logged in already. Guarded by mu. */
static char last[256];
static CK_ULONG last_size = sizeof last + 1;

/* context_login checks the PIN for one signature. */
static CK_RV context_login(CK_SESSION_HANDLE session, const CK_BYTE *pin, CK_ULONG size)
{
	CK_RV rv = CKR_PIN_INCORRECT;
	pthread_mutex_lock(&mu);
	struct session *s = session_find(session);
	if (s && pin && size == last_size && !memcmp(pin, last, size)) {
		s->authenticated = 1;
		rv = CKR_OK;
	}
	pthread_mutex_unlock(&mu);
	return rv;
}

/* tried counts a PIN that was right or wrong, and is what the caller gets. */
static CK_RV tried(CK_RV rv)
{
	pthread_mutex_lock(&mu);
	unsigned long tries = now.pin_tries;
	pthread_mutex_unlock(&mu);
	if (rv == CKR_OK) {
		__atomic_store_n(&state->wrong_pins, 0, __ATOMIC_SEQ_CST);
	} else if (rv == CKR_PIN_INCORRECT && __atomic_add_fetch(&state->wrong_pins, 1, __ATOMIC_SEQ_CST) >= tries && tries) {
		rv = CKR_PIN_LOCKED; /* as cards say it at the last try already */
	}
	return rv;
}

static int pin_locked(void)
{
	pthread_mutex_lock(&mu);
	int locked = now.pin_tries && __atomic_load_n(&state->wrong_pins, __ATOMIC_SEQ_CST) >= now.pin_tries;
	pthread_mutex_unlock(&mu);
	return locked;
}

static CK_RV special_C_Login(struct call *c, CK_SESSION_HANDLE session, CK_ULONG user, CK_BYTE *pin, CK_ULONG pinlen)
{
	(void)c;
	char typed[sizeof now.pad];
	struct session s;
	CK_RV rv;
	pthread_mutex_lock(&mu);
	if ((!pin || !pinlen) && now.has_pad) {
		memcpy(typed, now.pad, sizeof typed);
		pin = (CK_BYTE *)typed;
		pinlen = strlen(typed);
	}
	pthread_mutex_unlock(&mu);
	if (user != CKU_USER && user != CKU_CONTEXT_SPECIFIC) {
		return real->C_Login(session, user, pin, pinlen);
	}
	if (pin_locked()) {
		return CKR_PIN_LOCKED;
	}
	if (user == CKU_CONTEXT_SPECIFIC && signing(session, &s, 0) && always_auth(session, s.key)) {
		return tried(context_login(session, pin, pinlen));
	}
	rv = tried(real->C_Login(session, user, pin, pinlen));
	if (rv == CKR_OK && user == CKU_USER && pinlen <= sizeof last) {
		pthread_mutex_lock(&mu);
		memcpy(last, pin, pinlen);
		last_size = pinlen;
		pthread_mutex_unlock(&mu);
	}
	return rv;
}

static CK_RV special_C_InitPIN(struct call *c, CK_SESSION_HANDLE session, CK_BYTE *pin, CK_ULONG pinlen)
{
	(void)c;
	CK_RV rv = real->C_InitPIN(session, pin, pinlen);
	return rv == CKR_OK ? tried(rv) : rv;
}

static CK_RV special_C_SetPIN(struct call *c, CK_SESSION_HANDLE session, CK_BYTE *old, CK_ULONG oldlen, CK_BYTE *pin, CK_ULONG pinlen)
{
	(void)c;
	return pin_locked() ? CKR_PIN_LOCKED : tried(real->C_SetPIN(session, old, oldlen, pin, pinlen));
}

/* objects */

static CK_RV special_C_FindObjects(struct call *c, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *count)
{
	CK_RV rv = real->C_FindObjects(session, list, max, count);
	const struct rule *lie = effect(c, LENGTH);
	if (rv == CKR_OK && lie) {
		for (CK_ULONG n = *count; n < max && n < lie->value; n++) {
			list[n] = 0xdead0000 + n;
		}
		*count = lie->value;
	}
	return rv;
}

/* lie_about changes one attribute that was read into room bytes. */
static void lie_about(struct call *c, CK_ATTRIBUTE *a, CK_ULONG room)
{
	for (int i = 0; i < c->effects; i++) {
		const struct rule *r = &c->effect[i];
		if (r->attribute != NO_ATTRIBUTE && r->attribute != a->type) {
			continue;
		}
		if (r->verb == GARBAGE && a->pValue && a->ulValueLen <= room) {
			scramble_bytes(a->pValue, a->ulValueLen);
		} else if (r->verb == (a->pValue ? LENGTH : ROOM)) {
			for (CK_ULONG n = a->ulValueLen; a->pValue && n < room && n < r->value; n++) {
				((CK_BYTE *)a->pValue)[n] = 0xa5;
			}
			a->ulValueLen = r->value;
		}
	}
}

static CK_RV special_C_GetAttributeValue(struct call *c, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
	CK_ULONG count)
{
	CK_ULONG *room = NULL;
	if (attributes && count < 4096) {
		room = calloc(count + 1, sizeof *room);
	}
	for (CK_ULONG i = 0; room && i < count; i++) {
		room[i] = attributes[i].ulValueLen;
	}
	CK_RV rv = real->C_GetAttributeValue(session, object, attributes, count);
	for (CK_ULONG i = 0; room && rv == CKR_OK && i < count; i++) {
		CK_ATTRIBUTE *a = &attributes[i];
		if (a->type == CKA_ALWAYS_AUTHENTICATE && a->pValue && a->ulValueLen == sizeof(CK_BBOOL) && always_auth(session, object)) {
			*(CK_BBOOL *)a->pValue = 1;
		}
		lie_about(c, a, room[i]);
	}
	free(room);
	return rv;
}

/* signatures */

/* orders are n of secp256k1 and P-256 (SEC 2 §2.4.1 and §2.4.2), behind the DER of
 * the curve's object identifier, which CKA_EC_PARAMS holds. */
static const struct { CK_BYTE oid[10]; unsigned size; CK_BYTE n[32]; } orders[] = {
	{{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}, 7,
	 {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
	  0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41}},
	{{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 10,
	 {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51}},
};

/* order finds n for a key; NULL for another curve. */
static const CK_BYTE *order(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_BYTE params[64];
	CK_ATTRIBUTE wanted = {CKA_EC_PARAMS, params, sizeof params};
	if (real->C_GetAttributeValue(session, key, &wanted, 1) != CKR_OK) {
		return NULL;
	}
	for (unsigned i = 0; i < sizeof orders / sizeof *orders; i++) {
		if (wanted.ulValueLen == orders[i].size && !memcmp(params, orders[i].oid, orders[i].size)) {
			return orders[i].n;
		}
	}
	return NULL;
}

/* choose_s replaces s by n-s when the larger, or the smaller, of both is wanted. */
static void choose_s(CK_BYTE *s, const CK_BYTE *n, int high)
{
	CK_BYTE other[32];
	int borrow = 0;
	for (int i = 31; i >= 0; i--) {
		int d = n[i] - s[i] - borrow;
		borrow = d < 0;
		other[i] = (CK_BYTE)d;
	}
	if ((memcmp(other, s, sizeof other) > 0) == high) {
		memcpy(s, other, sizeof other);
	}
}

/* disturb changes a signature that was written into room bytes. */
static void disturb(struct call *c, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *len, CK_ULONG room)
{
	for (int i = 0; i < c->effects; i++) {
		const struct rule *r = &c->effect[i];
		const CK_BYTE *n;
		if (r->verb == GARBAGE) {
			scramble_bytes(out, *len);
		} else if (r->verb == SIGNATURE && r->value == ZERO) {
			memset(out, 0, *len);
		} else if (r->verb == SIGNATURE && r->value == FLIP && *len) {
			out[*len - 1] ^= 1;
		} else if (r->verb == SIGNATURE && *len == 64 && (n = order(session, key))) {
			choose_s(out + 32, n, r->value == HIGH_S);
		}
	}
	const struct rule *lie = effect(c, LENGTH);
	if (lie) {
		for (CK_ULONG i = *len; i < room && i < lie->value; i++) {
			out[i] = 0xa5;
		}
		*len = lie->value;
	}
}

/* sign is the end of C_Sign (in is what it signs) and of C_SignFinal. */
static CK_RV sign(struct call *c, CK_SESSION_HANDLE session, int final, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len)
{
	struct session s = {0};
	CK_BYTE refused[4096];
	CK_ULONG room = len ? *len : 0;
	int known = signing(session, &s, 0);
	if (known && out && !s.authenticated && always_auth(session, s.key)) {
		room = sizeof refused; /* end the real operation, so that the session can be used again */
		if (final) {
			real->C_SignFinal(session, refused, &room);
		} else {
			real->C_Sign(session, in, inlen, refused, &room);
		}
		signing(session, &s, 1);
		real->C_Logout(session);
		return CKR_USER_NOT_LOGGED_IN;
	}
	CK_RV rv = final ? real->C_SignFinal(session, out, len) : real->C_Sign(session, in, inlen, out, len);
	if (known && out && rv != CKR_BUFFER_TOO_SMALL) {
		signing(session, &s, 1);
	}
	if (rv != CKR_OK || !len) {
		return rv;
	}
	if (out) {
		disturb(c, session, s.key, out, len, room);
	} else if (effect(c, ROOM)) {
		*len = effect(c, ROOM)->value;
	}
	return rv;
}

static CK_RV special_C_Sign(struct call *c, CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len)
{
	return sign(c, session, 0, in, inlen, out, len);
}

static CK_RV special_C_SignFinal(struct call *c, CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *len)
{
	return sign(c, session, 1, NULL, 0, out, len);
}

/* the table: each function enters, is called or replaced, and leaves */

#define SLOT_NONE NULL
#define SLOT_READER &slot
#define SLOT_SLOT &slot
#define SLOT_SESSION NULL
#define SLOT_WORK NULL

#define FN(name, kind, hint, params, ...) \
	static CK_RV wrapped_##name params \
	{ \
		struct call c; \
		CK_RV rv = enter(&c, I_##name, kind, SLOT_##kind, hint); \
		if (rv == CKR_OK) { \
			rv = real->name ? real->name(__VA_ARGS__) : CKR_FUNCTION_NOT_SUPPORTED; \
		} \
		return leave(&c, rv); \
	}
#define SP(name, kind, hint, params, ...) \
	static CK_RV wrapped_##name params \
	{ \
		struct call c; \
		CK_RV rv = enter(&c, I_##name, kind, SLOT_##kind, hint); \
		if (rv == CKR_OK) { \
			rv = special_##name(&c, __VA_ARGS__); \
		} \
		return leave(&c, rv); \
	}
#include "functions.h"
#undef SP
#undef FN

static CK_FUNCTION_LIST table = {
	.version = {2, 40},
#define FN(name, kind, hint, params, ...) .name = wrapped_##name,
#define SP FN
#include "functions.h"
#undef SP
#undef FN
};

/* C_GetFunctionList is all that the module exports. */
__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	CK_RV rv = start();
	if (rv == CKR_OK) {
		rv = special_C_GetFunctionList(NULL, list);
	}
	return rv;
}
