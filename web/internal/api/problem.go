package api

import (
	"encoding/json"
	"errors"
	"net/http"

	"countersign/shared/fault"
	"countersign/shared/wire"
)

// status is the HTTP status of a fault: the only place that knows.
func status(c fault.Code) int {
	switch c {
	case fault.Invalid, fault.EntityContext, fault.KeyUnsuited, fault.StatementInvalid, fault.IntentUnsupported, fault.SignatureInvalid,
		fault.CertificateBad, fault.RecordInvalid, fault.Version:
		return http.StatusBadRequest
	case fault.Unauthenticated, fault.InvalidAPIKey:
		return http.StatusUnauthorized
	case fault.Forbidden, fault.EntityUnknown, fault.Denied, fault.OriginRefused, fault.NotPaired, fault.PairingRefused, fault.Declined,
		fault.SiteBlocked:
		return http.StatusForbidden
	case fault.NotFound, fault.DeviceMissing, fault.KeyMissing:
		return http.StatusNotFound
	case fault.Method:
		return http.StatusMethodNotAllowed
	case fault.Conflict, fault.Idempotency, fault.QuoteChanged, fault.DepositSeen, fault.RequestClosed, fault.AlreadyApproved, fault.RecordReplayed,
		fault.BridgeKeyChanged, fault.PINRequired, fault.PINIncorrect, fault.PINLocked,
		fault.DeviceInUse:
		return http.StatusConflict
	case fault.QuoteExpired, fault.ApprovalLapsed, fault.TicketSpent, fault.ChannelClosed, fault.DeviceRemoved:
		return http.StatusGone
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.MediaType:
		return http.StatusUnsupportedMediaType
	case fault.NotEligible:
		return http.StatusUnprocessableEntity
	case fault.Limited:
		return http.StatusTooManyRequests
	case fault.Provider, fault.DeviceFailed, fault.ModuleFailed:
		return http.StatusBadGateway
	case fault.SignerDown, fault.Unavailable, fault.Busy, fault.PromptUnavailable, fault.LogCorrupt,
		fault.JournalDown:
		return http.StatusServiceUnavailable
	case fault.Timeout:
		return http.StatusGatewayTimeout
	case fault.Cancelled:
		return 499 // the client went away; nobody reads this
	case fault.Internal:
		return http.StatusInternalServerError
	case fault.NotSupported:
		return http.StatusNotImplemented
	}
	return 0
}

// problem turns any error into the body of an answer. What is not a fault, or
// an internal one, is told by its incident id alone; the cause goes to the log.
func (a *api) problem(r *http.Request, id string, err error) (int, wire.Problem) {
	f, ok := fault.As(err)
	switch {
	case !ok && r.Context().Err() != nil:
		f = fault.Wrap(err, fault.Timeout, "the answer took too long")
	case !ok || f.Code == fault.Internal || status(f.Code) == 0:
		a.Log.Error("answer failed", "incident", id, "method", r.Method, "route", r.Pattern, "error", err.Error())
		f = fault.New(fault.Internal, "something failed on our side; quote this id when you ask about it").With("incident", id)
	case errors.Unwrap(f) != nil && status(f.Code) >= 500:
		a.Log.Warn("answer refused", "request_id", id, "method", r.Method, "route", r.Pattern, "error", err.Error())
	}
	return status(f.Code), wire.Problem{Error: wire.ProblemError{Code: f.Code, Message: f.Message, Details: f.Details, RequestID: id}}
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, id string, err error) {
	code, p := a.problem(r, id, err)
	switch p.Error.Code {
	case fault.Unauthenticated, fault.InvalidAPIKey:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		if p.Error.Details["reason"] == "proof" { // RFC 9449, section 7.1
			w.Header().Set("WWW-Authenticate", `DPoP error="invalid_dpop_proof", algs="ES256"`)
		}
	case fault.Limited:
		if wait := p.Error.Details["retry_after"]; wait != "" {
			w.Header().Set("Retry-After", wait)
		}
	}
	body, err := json.Marshal(p)
	if err != nil {
		a.Log.Error("write a problem", "error", err.Error())
		body = []byte(`{"error":{"code":"INTERNAL_ERROR","message":"something failed on our side"}}`)
	}
	write(w, code, "application/json", body)
}
