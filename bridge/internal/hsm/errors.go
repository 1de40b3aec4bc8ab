package hsm

import (
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
)

// effect says what a return value of the module did to the things around the
// call.
type effect int

const (
	sessionLost effect = 1 << iota // the session must be opened again
	handleLost                     // the object handle must be found again
	loginLost                      // the PIN is needed
	tokenLost                      // the token may be gone: look
)

// effects lists the return values after which more than the one call is over
// (PKCS #11 v2.40 §5.1). What stands for them in practice differs: SoftHSM
// reports a token whose folder is gone as CKR_GENERAL_ERROR or an invalid
// handle, OpenSC a pulled card as an invalid session.
var effects = map[pkcs11.Error]effect{
	pkcs11.CKR_GENERAL_ERROR:            sessionLost | tokenLost,
	pkcs11.CKR_FUNCTION_FAILED:          sessionLost,
	pkcs11.CKR_DEVICE_ERROR:             sessionLost | tokenLost,
	pkcs11.CKR_DEVICE_MEMORY:            sessionLost,
	pkcs11.CKR_DEVICE_REMOVED:           sessionLost | loginLost | tokenLost,
	pkcs11.CKR_TOKEN_NOT_PRESENT:        sessionLost | loginLost | tokenLost,
	pkcs11.CKR_TOKEN_NOT_RECOGNIZED:     sessionLost | loginLost | tokenLost,
	pkcs11.CKR_SLOT_ID_INVALID:          sessionLost | loginLost | tokenLost,
	pkcs11.CKR_SESSION_CLOSED:           sessionLost | loginLost | tokenLost,
	pkcs11.CKR_SESSION_HANDLE_INVALID:   sessionLost | loginLost | tokenLost,
	pkcs11.CKR_OPERATION_ACTIVE:         sessionLost,
	pkcs11.CKR_OBJECT_HANDLE_INVALID:    handleLost | tokenLost,
	pkcs11.CKR_KEY_HANDLE_INVALID:       handleLost | tokenLost,
	pkcs11.CKR_USER_NOT_LOGGED_IN:       sessionLost | loginLost,
	pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED: sessionLost | loginLost | tokenLost,
}

// effectOf says what err did; an error that is not a return value at all comes from
// the binding and leaves the session in doubt.
func effectOf(err error) effect {
	if err == nil {
		return 0
	}
	var rv pkcs11.Error
	if errors.As(err, &rv) {
		return effects[rv]
	}
	return sessionLost
}

// spent is an error of the call that does the work, or gives a PIN. Whatever it
// says, the token may have done it: OpenSC reports a card that was pulled while it
// signed as an invalid session. So it is told, and nothing is tried again.
type spent struct{ error }

func (s spent) Unwrap() error { return s.error }

// worked is the error of a call that does the work.
func worked(err error) error {
	if err == nil {
		return nil
	}
	return spent{err}
}

// mayHaveRun reports that an operation may have been done although it failed.
func mayHaveRun(err error) bool {
	var s spent
	return errors.As(err, &s) && !is(err, pkcs11.CKR_USER_NOT_LOGGED_IN)
}

func is(err error, want pkcs11.Error) bool {
	var rv pkcs11.Error
	return errors.As(err, &rv) && rv == want
}

// deviceError is what the outside sees of a return value: DEVICE_ERROR with what it
// means, and the value's number in the details.
func deviceError(err error, what string) error {
	message := "the token could not " + what
	var rv pkcs11.Error
	if !errors.As(err, &rv) {
		return fault.Wrap(err, fault.DeviceFailed, message)
	}
	if meaning, ok := meanings[rv]; ok {
		message += ": " + meaning
	}
	return fault.Wrap(err, fault.DeviceFailed, message).With("ckr", fmt.Sprintf("0x%x", uint(rv)))
}

func removed(id Identity) error {
	return fault.New(fault.DeviceRemoved, fmt.Sprintf("the token %s was removed; plug it in and try again", id.Quoted())).With("device", id.Shown())
}

func pinRequired(id Identity) error {
	return fault.New(fault.PINRequired, fmt.Sprintf("the token %s is locked: its PIN is needed", id.Quoted())).With("device", id.Shown())
}
