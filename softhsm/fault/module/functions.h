/* The functions of PKCS#11 v2.40 in the order of CK_FUNCTION_LIST:
 *
 *   FN(name, kind, hint, (parameters), arguments)
 *
 * kind: NONE needs no token, READER names a slot, SLOT one with a token, SESSION a
 * session, and WORK is what a session asks the hardware to do. hint is true for
 * a question for a length (a NULL buffer), and for a login without a PIN. SP is an
 * FN that calls.c has more to say about, as special_<name>. The file is included
 * more than once. */
SP(C_Initialize, NONE, 0, (CK_VOID_PTR args), args)
SP(C_Finalize, NONE, 0, (CK_VOID_PTR reserved), reserved)
SP(C_GetInfo, NONE, 0, (CK_INFO *info), info)
SP(C_GetFunctionList, NONE, 0, (CK_FUNCTION_LIST **list), list)
SP(C_GetSlotList, NONE, 0, (CK_BBOOL present, CK_ULONG *list, CK_ULONG *count), present, list, count)
SP(C_GetSlotInfo, READER, 0, (CK_ULONG slot, CK_SLOT_INFO *info), slot, info)
SP(C_GetTokenInfo, SLOT, 0, (CK_ULONG slot, CK_TOKEN_INFO *info), slot, info)
SP(C_GetMechanismList, SLOT, 0, (CK_ULONG slot, CK_ULONG *list, CK_ULONG *count), slot, list, count)
SP(C_GetMechanismInfo, SLOT, 0, (CK_ULONG slot, CK_ULONG type, CK_MECHANISM_INFO *info), slot, type, info)
FN(C_InitToken, SLOT, 0, (CK_ULONG slot, CK_BYTE *pin, CK_ULONG pinlen, CK_BYTE *label), slot, pin, pinlen, label)
SP(C_InitPIN, WORK, 0, (CK_ULONG session, CK_BYTE *pin, CK_ULONG pinlen), session, pin, pinlen)
SP(C_SetPIN, WORK, 0,
   (CK_ULONG session, CK_BYTE *old, CK_ULONG oldlen, CK_BYTE *pin, CK_ULONG pinlen),
   session, old, oldlen, pin, pinlen)
SP(C_OpenSession, SLOT, 0,
   (CK_ULONG slot, CK_ULONG flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_ULONG *session),
   slot, flags, app, notify, session)
SP(C_CloseSession, SESSION, 0, (CK_ULONG session), session)
SP(C_CloseAllSessions, SLOT, 0, (CK_ULONG slot), slot)
SP(C_GetSessionInfo, SESSION, 0, (CK_ULONG session, CK_SESSION_INFO *info), session, info)
FN(C_GetOperationState, SESSION, 0, (CK_ULONG session, CK_BYTE *out, CK_ULONG *len), session, out, len)
FN(C_SetOperationState, SESSION, 0,
   (CK_ULONG session, CK_BYTE *from, CK_ULONG len, CK_ULONG enc, CK_ULONG auth),
   session, from, len, enc, auth)
SP(C_Login, WORK, pin == 0 || pinlen == 0,
   (CK_ULONG session, CK_ULONG user, CK_BYTE *pin, CK_ULONG pinlen), session, user, pin, pinlen)
FN(C_Logout, SESSION, 0, (CK_ULONG session), session)
FN(C_CreateObject, WORK, 0,
   (CK_ULONG session, CK_ATTRIBUTE *attributes, CK_ULONG count, CK_ULONG *object),
   session, attributes, count, object)
FN(C_CopyObject, WORK, 0,
   (CK_ULONG session, CK_ULONG object, CK_ATTRIBUTE *attributes, CK_ULONG count, CK_ULONG *copy),
   session, object, attributes, count, copy)
FN(C_DestroyObject, WORK, 0, (CK_ULONG session, CK_ULONG object), session, object)
FN(C_GetObjectSize, SESSION, 0, (CK_ULONG session, CK_ULONG object, CK_ULONG *size), session, object, size)
SP(C_GetAttributeValue, SESSION, 0,
   (CK_ULONG session, CK_ULONG object, CK_ATTRIBUTE *attributes, CK_ULONG count),
   session, object, attributes, count)
FN(C_SetAttributeValue, WORK, 0,
   (CK_ULONG session, CK_ULONG object, CK_ATTRIBUTE *attributes, CK_ULONG count),
   session, object, attributes, count)
FN(C_FindObjectsInit, SESSION, 0,
   (CK_ULONG session, CK_ATTRIBUTE *attributes, CK_ULONG count), session, attributes, count)
SP(C_FindObjects, SESSION, 0,
   (CK_ULONG session, CK_ULONG *list, CK_ULONG max, CK_ULONG *count), session, list, max, count)
FN(C_FindObjectsFinal, SESSION, 0, (CK_ULONG session), session)
FN(C_EncryptInit, SESSION, 0, (CK_ULONG session, CK_MECHANISM *mechanism, CK_ULONG key), session, mechanism, key)
FN(C_Encrypt, WORK, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_EncryptUpdate, WORK, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_EncryptFinal, WORK, out == 0, (CK_ULONG session, CK_BYTE *out, CK_ULONG *len), session, out, len)
FN(C_DecryptInit, SESSION, 0, (CK_ULONG session, CK_MECHANISM *mechanism, CK_ULONG key), session, mechanism, key)
FN(C_Decrypt, WORK, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_DecryptUpdate, WORK, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_DecryptFinal, WORK, out == 0, (CK_ULONG session, CK_BYTE *out, CK_ULONG *len), session, out, len)
FN(C_DigestInit, SESSION, 0, (CK_ULONG session, CK_MECHANISM *mechanism), session, mechanism)
FN(C_Digest, SESSION, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_DigestUpdate, SESSION, 0, (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen), session, in, inlen)
FN(C_DigestKey, SESSION, 0, (CK_ULONG session, CK_ULONG key), session, key)
FN(C_DigestFinal, SESSION, out == 0, (CK_ULONG session, CK_BYTE *out, CK_ULONG *len), session, out, len)
SP(C_SignInit, SESSION, 0, (CK_ULONG session, CK_MECHANISM *mechanism, CK_ULONG key), session, mechanism, key)
SP(C_Sign, WORK, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_SignUpdate, SESSION, 0, (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen), session, in, inlen)
SP(C_SignFinal, WORK, out == 0, (CK_ULONG session, CK_BYTE *out, CK_ULONG *len), session, out, len)
FN(C_SignRecoverInit, SESSION, 0, (CK_ULONG session, CK_MECHANISM *mechanism, CK_ULONG key), session, mechanism, key)
FN(C_SignRecover, WORK, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_VerifyInit, SESSION, 0, (CK_ULONG session, CK_MECHANISM *mechanism, CK_ULONG key), session, mechanism, key)
FN(C_Verify, WORK, 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *signature, CK_ULONG len),
   session, in, inlen, signature, len)
FN(C_VerifyUpdate, SESSION, 0, (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen), session, in, inlen)
FN(C_VerifyFinal, WORK, 0, (CK_ULONG session, CK_BYTE *signature, CK_ULONG len), session, signature, len)
FN(C_VerifyRecoverInit, SESSION, 0, (CK_ULONG session, CK_MECHANISM *mechanism, CK_ULONG key), session, mechanism, key)
FN(C_VerifyRecover, WORK, out == 0,
   (CK_ULONG session, CK_BYTE *signature, CK_ULONG siglen, CK_BYTE *out, CK_ULONG *len),
   session, signature, siglen, out, len)
FN(C_DigestEncryptUpdate, SESSION, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_DecryptDigestUpdate, SESSION, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_SignEncryptUpdate, SESSION, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_DecryptVerifyUpdate, SESSION, out == 0,
   (CK_ULONG session, CK_BYTE *in, CK_ULONG inlen, CK_BYTE *out, CK_ULONG *len), session, in, inlen, out, len)
FN(C_GenerateKey, WORK, 0,
   (CK_ULONG session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *attributes, CK_ULONG count, CK_ULONG *key),
   session, mechanism, attributes, count, key)
SP(C_GenerateKeyPair, WORK, 0,
   (CK_ULONG session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public, CK_ULONG publics, CK_ATTRIBUTE *private, CK_ULONG privates, CK_ULONG *pubkey, CK_ULONG *key),
   session, mechanism, public, publics, private, privates, pubkey, key)
FN(C_WrapKey, WORK, out == 0,
   (CK_ULONG session, CK_MECHANISM *mechanism, CK_ULONG wrapping, CK_ULONG key, CK_BYTE *out, CK_ULONG *len),
   session, mechanism, wrapping, key, out, len)
FN(C_UnwrapKey, WORK, 0,
   (CK_ULONG session, CK_MECHANISM *mechanism, CK_ULONG unwrapping, CK_BYTE *in, CK_ULONG inlen, CK_ATTRIBUTE *attributes, CK_ULONG count, CK_ULONG *key),
   session, mechanism, unwrapping, in, inlen, attributes, count, key)
SP(C_DeriveKey, WORK, 0,
   (CK_ULONG session, CK_MECHANISM *mechanism, CK_ULONG base, CK_ATTRIBUTE *attributes, CK_ULONG count, CK_ULONG *key),
   session, mechanism, base, attributes, count, key)
FN(C_SeedRandom, WORK, 0, (CK_ULONG session, CK_BYTE *seed, CK_ULONG len), session, seed, len)
FN(C_GenerateRandom, WORK, 0, (CK_ULONG session, CK_BYTE *out, CK_ULONG len), session, out, len)
FN(C_GetFunctionStatus, SESSION, 0, (CK_ULONG session), session)
FN(C_CancelFunction, SESSION, 0, (CK_ULONG session), session)
FN(C_WaitForSlotEvent, NONE, 0, (CK_ULONG flags, CK_ULONG *slot, CK_VOID_PTR reserved), flags, slot, reserved)
