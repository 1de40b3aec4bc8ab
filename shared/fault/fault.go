// Package fault is the one error type of the project: a stable code from a
// closed set, a message that is safe to show, optional details for
// programs, and the wrapped cause, which goes to the log only.
//
// The gateway maps a code to an HTTP status (web/internal/api), the bridge to a
// frame error (bridge/internal/page), and the page to a sentence
// (wasm/internal/app). Each has one switch, and a test that walks [Codes].
package fault

import (
	"errors"
	"slices"
)

// Code names what went wrong. It is part of every protocol: a released code
// never changes its meaning.
type Code string

// The codes. The first group follows the HTTP surface (the error bodies of the
// Open Ledger API), the second the devices, the third the signed parts.
const (
	Invalid         Code = "INVALID_REQUEST"         // malformed or out of range
	Unauthenticated Code = "AUTHENTICATION_ERROR"    // no token, or not a valid one
	InvalidAPIKey   Code = "INVALID_API_KEY"         // unknown, wrong or expired API key
	Forbidden       Code = "AUTHORIZATION_ERROR"     // valid token, not allowed
	EntityContext   Code = "ENTITY_CONTEXT_REQUIRED" // a developer token without an entity
	EntityUnknown   Code = "ENTITY_NOT_ENROLLED"     // the vault's signer does not know this entity
	NotFound        Code = "NOT_FOUND"
	Method          Code = "METHOD_NOT_ALLOWED"
	MediaType       Code = "UNSUPPORTED_MEDIA_TYPE"
	TooLarge        Code = "PAYLOAD_TOO_LARGE"
	Conflict        Code = "CONFLICT"                 // the state does not allow it (any more)
	Idempotency     Code = "IDEMPOTENCY_KEY_CONFLICT" // same key, another body
	QuoteExpired    Code = "QUOTE_EXPIRED"
	QuoteChanged    Code = "QUOTE_CHANGED"   // details: old, new, minimum
	ApprovalLapsed  Code = "APPROVAL_LAPSED" // the approval ended before it was used; details: state, use_by
	DepositSeen     Code = "DEPOSIT_SEEN"    // paying now would be paying again; ask with pay_again; details: order
	NotEligible     Code = "NOT_ELIGIBLE"    // no provider can serve this input; details say how to fix it
	TicketSpent     Code = "TICKET_SPENT"    // a hand-off ticket used or expired
	Limited         Code = "RATE_LIMITED"
	Provider        Code = "PROVIDER_UNAVAILABLE"
	SignerDown      Code = "SIGNER_UNAVAILABLE"
	Unavailable     Code = "UNAVAILABLE"
	Timeout         Code = "TIMEOUT"
	Cancelled       Code = "CANCELLED"
	Internal        Code = "INTERNAL_ERROR"

	NotPaired         Code = "NOT_PAIRED"
	PairingRefused    Code = "PAIRING_REFUSED"
	BridgeKeyChanged  Code = "BRIDGE_KEY_CHANGED"
	OriginRefused     Code = "ORIGIN_REFUSED"
	Version           Code = "VERSION_UNSUPPORTED"
	Busy              Code = "BUSY" // the queue of prompts or of a device is full
	PromptUnavailable Code = "PROMPT_UNAVAILABLE"
	Declined          Code = "DECLINED" // the person said no; nothing was signed
	DeviceMissing     Code = "DEVICE_NOT_FOUND"
	DeviceRemoved     Code = "DEVICE_REMOVED"
	DeviceFailed      Code = "DEVICE_ERROR" // details: ckr
	KeyMissing        Code = "KEY_NOT_FOUND"
	KeyUnsuited       Code = "KEY_UNSUITED"  // curve, mechanism or purpose not allowed
	PINRequired       Code = "PIN_REQUIRED"  // the device is locked
	PINIncorrect      Code = "PIN_INCORRECT" // details: tries_left
	PINLocked         Code = "PIN_LOCKED"
	ModuleFailed      Code = "MODULE_FAILED"       // the PKCS#11 module crashed or hung, and was restarted; details: how
	DeviceInUse       Code = "DEVICE_IN_USE"       // another page uses the device now; details: holder
	SiteBlocked       Code = "SITE_BLOCKED"        // the person blocked this site at the bridge's prompt
	JournalDown       Code = "JOURNAL_UNAVAILABLE" // the bridge cannot write its journal, so it uses no key

	IntentUnsupported Code = "INTENT_UNSUPPORTED" // a kind or a version of intent that this version does not know
	NotSupported      Code = "NOT_SUPPORTED"      // approved, and this version does not carry it out
	StatementInvalid  Code = "STATEMENT_INVALID"  // details: field
	SignatureInvalid  Code = "SIGNATURE_INVALID"
	CertificateBad    Code = "CERTIFICATE_INVALID"
	ChannelClosed     Code = "CHANNEL_CLOSED"
	RecordInvalid     Code = "RECORD_INVALID"
	RecordReplayed    Code = "RECORD_REPLAYED"
	Denied            Code = "DENIED_BY_RULES"
	RequestClosed     Code = "REQUEST_CLOSED" // approved, rejected or expired already
	AlreadyApproved   Code = "ALREADY_APPROVED"
	LogCorrupt        Code = "LOG_CORRUPT" // details: entry
)

var codes = []Code{
	Invalid, Unauthenticated, InvalidAPIKey, Forbidden, EntityContext, EntityUnknown, NotFound, Method,
	MediaType, TooLarge, Conflict, Idempotency, QuoteExpired, QuoteChanged, ApprovalLapsed, DepositSeen, NotEligible, TicketSpent,
	Limited, Provider, SignerDown, Unavailable, Timeout, Cancelled, Internal,
	NotPaired, PairingRefused, BridgeKeyChanged, OriginRefused, Version, Busy, PromptUnavailable, Declined,
	DeviceMissing, DeviceRemoved, DeviceFailed, KeyMissing, KeyUnsuited, PINRequired, PINIncorrect, PINLocked,
	ModuleFailed, DeviceInUse, SiteBlocked, JournalDown,
	IntentUnsupported, NotSupported, StatementInvalid, SignatureInvalid, CertificateBad, ChannelClosed, RecordInvalid, RecordReplayed, Denied,
	RequestClosed, AlreadyApproved, LogCorrupt,
}

// Codes returns every code, for tests that check that a mapping is complete.
func Codes() []Code { return slices.Clone(codes) }

// Known reports whether c belongs to the closed set. What arrives from another
// party with an unknown code is treated as [Internal].
func Known(c Code) bool { return slices.Contains(codes, c) }

// Error is an error that may be shown. Message says what happened and, where
// it helps, what to do; it never holds a secret or the text of a cause.
type Error struct {
	Code    Code
	Message string
	Details map[string]string
	cause   error
}

// New returns an error with a code of the closed set and a public message.
func New(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// Wrap is [New] with a cause. The cause is found by errors.Is and errors.As and
// appears in Error() for the log, never in Message.
func Wrap(cause error, code Code, message string) *Error {
	return &Error{Code: code, Message: message, cause: cause}
}

// With returns a copy of e that also carries the detail key = value.
func (e *Error) With(key, value string) *Error {
	c := *e
	c.Details = make(map[string]string, len(e.Details)+1)
	for k, v := range e.Details {
		c.Details[k] = v
	}
	c.Details[key] = value
	return &c
}

// Error is the text for logs: code, message and cause.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// annotated is an error with what was being done.
type annotated struct {
	doing string
	cause error
}

func (a *annotated) Error() string { return a.doing + ": " + a.cause.Error() }
func (a *annotated) Unwrap() error { return a.cause }

// Annotate is fmt.Errorf("doing: %w", err) for packages that a browser downloads.
func Annotate(err error, doing string) error { return &annotated{doing, err} }

// As finds the outermost *Error in err's chain.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// CodeOf returns the code of err: empty for nil, [Internal] for an error that
// carries none.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := As(err); ok {
		return e.Code
	}
	return Internal
}
