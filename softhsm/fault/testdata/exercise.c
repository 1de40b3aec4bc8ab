/* A program that has the fault module inside, built with the sanitizers of the
 * compiler: it asks the parser and the functions for mistakes with memory. It
 * reads lines:
 *
 *   parse N   followed by N bytes: reads them as a control file; answers 0 or -1
 *   use PIN   uses the token, whatever the control file makes of it; answers ok
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

static struct control control;
static struct state state;

static int parse_bytes(size_t n)
{
	char complaint[200] = "", *text = malloc(n + 1); /* no byte more, so that reading on is noticed */
	if (!text || fread(text, 1, n, stdin) != n) {
		exit(2);
	}
	text[n] = 0;
	int bad = parse(text, &control, &state, complaint, sizeof complaint);
	free(text);
	return bad;
}

/* sign asks for the length, takes it for a buffer of its own, and believes no
 * length that is longer than that. */
static void sign(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE *pin)
{
	CK_MECHANISM ecdsa = {0x1041, NULL, 0};
	CK_BYTE digest[32] = {1};
	CK_ULONG asked = 0;
	f->C_SignInit(session, &ecdsa, key);
	f->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, strlen((char *)pin));
	f->C_Sign(session, digest, sizeof digest, NULL, &asked);
	for (int size = 0; size <= 80; size += 16) {
		CK_ULONG len = size;
		CK_BYTE *out = malloc(size + 1);
		f->C_Sign(session, digest, sizeof digest, out, &len);
		free(out);
	}
	f->C_SignInit(session, &ecdsa, key);
	f->C_SignUpdate(session, digest, sizeof digest);
	CK_ULONG len = 64;
	CK_BYTE *out = malloc(len);
	f->C_SignFinal(session, out, &len);
	free(out);
}

static void attributes(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	for (int size = 0; size <= 128; size += 16) {
		CK_ATTRIBUTE a[] = {{CKA_LABEL, NULL, 0}, {CKA_EC_PARAMS, NULL, 0}, {CKA_ALWAYS_AUTHENTICATE, NULL, 0}};
		for (int i = 0; size && i < 3; i++) {
			a[i].pValue = malloc(size);
			a[i].ulValueLen = size;
		}
		f->C_GetAttributeValue(session, key, a, 3);
		for (int i = 0; i < 3; i++) {
			free(a[i].pValue);
		}
	}
}

static void use(CK_BYTE *pin)
{
	CK_FUNCTION_LIST *f;
	CK_ULONG *slots = malloc(2 * sizeof *slots), n = 2, class = CKO_PRIVATE_KEY;
	CK_INFO info;
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
	CK_SESSION_HANDLE session = 0;
	if (C_GetFunctionList(&f) != CKR_OK) {
		exit(3);
	}
	f->C_Initialize(NULL);
	f->C_GetInfo(&info);
	f->C_GetSlotList(0, NULL, &n);
	n = 2;
	slots[0] = 0;
	f->C_GetSlotList(1, slots, &n);
	f->C_GetSlotInfo(slots[0], &slot);
	f->C_GetTokenInfo(slots[0], &token);
	CK_ULONG *mechanisms = malloc(200 * sizeof *mechanisms);
	n = 200;
	f->C_GetMechanismList(slots[0], mechanisms, &n);
	free(mechanisms);
	for (int i = 0; i < 40; i++) { /* more than the table of sessions begins with */
		f->C_OpenSession(slots[0], 4, NULL, NULL, &session);
	}
	f->C_Login(session, CKU_USER, pin, strlen((char *)pin));
	CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof class};
	CK_OBJECT_HANDLE *keys = calloc(3, sizeof *keys);
	f->C_FindObjectsInit(session, &template, 1);
	f->C_FindObjects(session, keys, 3, &n);
	f->C_FindObjectsFinal(session);
	for (int i = 0; i < 2; i++) {
		attributes(f, session, keys[i]);
		sign(f, session, keys[i], pin);
	}
	free(keys);
	f->C_CloseSession(session);
	f->C_CloseAllSessions(slots[0]);
	f->C_Finalize(NULL);
	free(slots);
}

int main(void)
{
	char line[512];
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "parse ", 6)) {
			printf("%d\n", parse_bytes(strtoul(line + 6, NULL, 10)));
		} else if (!strncmp(line, "use ", 4)) {
			use((CK_BYTE *)line + 4);
			printf("ok\n");
		}
	}
	return 0;
}
