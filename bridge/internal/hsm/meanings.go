package hsm

import "github.com/miekg/pkcs11"

// meanings say in words what a return value means that people meet (PKCS #11 v2.40
// §5.1). bridge/internal/doctor has a remedy for each.
var meanings = map[pkcs11.Error]string{
	pkcs11.CKR_HOST_MEMORY:                    "this computer has too little memory",
	pkcs11.CKR_GENERAL_ERROR:                  "its module reports an error that it does not explain",
	pkcs11.CKR_FUNCTION_FAILED:                "its module failed",
	pkcs11.CKR_DEVICE_ERROR:                   "the token or its reader does not answer as it should",
	pkcs11.CKR_DEVICE_MEMORY:                  "the token is full",
	pkcs11.CKR_FUNCTION_NOT_SUPPORTED:         "its module does not support that",
	pkcs11.CKR_MECHANISM_INVALID:              "the token does not have the mechanism",
	pkcs11.CKR_MECHANISM_PARAM_INVALID:        "the token does not have the mechanism in the form that is needed",
	pkcs11.CKR_OPERATION_ACTIVE:               "the token is busy with something else",
	pkcs11.CKR_PIN_EXPIRED:                    "its PIN has expired, or is the one that it was delivered with, and must be changed",
	pkcs11.CKR_SESSION_COUNT:                  "too many programs use it",
	pkcs11.CKR_SESSION_READ_ONLY:              "it can be read only",
	pkcs11.CKR_SESSION_READ_WRITE_SO_EXISTS:   "its security officer is logged in",
	pkcs11.CKR_TOKEN_NOT_RECOGNIZED:           "the token in the reader is not recognised",
	pkcs11.CKR_TOKEN_WRITE_PROTECTED:          "it is write-protected",
	pkcs11.CKR_USER_PIN_NOT_INITIALIZED:       "its PIN was never set",
	pkcs11.CKR_USER_TYPE_INVALID:              "its module does not know the user whom the bridge logs in",
	pkcs11.CKR_USER_ANOTHER_ALREADY_LOGGED_IN: "its security officer is logged in",
	pkcs11.CKR_USER_TOO_MANY_TYPES:            "too many users are logged in to it",
	pkcs11.CKR_DOMAIN_PARAMS_INVALID:          "the token does not have the curve",
	curveNotSupported:                         "the token does not have the curve",
	pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED:       "its module is not initialised",
	pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED:   "its module is in use by another part of the program",
	pkcs11.CKR_NEED_TO_CREATE_THREADS:         "its module wants threads of its own",
	pkcs11.CKR_CANT_LOCK:                      "its module is not made for programs with several threads",
	pkcs11.CKR_FUNCTION_REJECTED:              "the token refused, or was not touched in time",
}

// Meanings are the return values that [deviceError] explains, with what they mean.
func Meanings() map[uint]string {
	all := map[uint]string{}
	for rv, m := range meanings {
		all[uint(rv)] = m
	}
	return all
}
