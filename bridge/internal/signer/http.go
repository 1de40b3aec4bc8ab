package signer

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"countersign/shared/fault"
	"countersign/shared/query"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// Limits of the signer link.
const (
	maxBody     = 64 << 10 // bytes of any request body
	maxHead     = 8 << 10  // bytes of any request head
	headSlop    = 4 << 10  // what net/http reads beyond MaxHeaderBytes
	defaultPage = 100      // entries of the log in an answer that did not ask for a number
)

// Handler serves the signer link: the whole table.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", s.strict(s.getStatus))
	mux.HandleFunc("GET /v1/log", s.strict(s.getLog, "after", "limit"))
	mux.HandleFunc("GET /v1/log/checkpoint", s.strict(s.getNote))
	mux.HandleFunc("GET /v1/members/{id}/certificate", s.strict(s.getCertificate))
	mux.HandleFunc("POST /v1/requests", s.strict(s.postRequest))
	mux.HandleFunc("GET /v1/requests/{id}", s.strict(s.getRequest))
	mux.HandleFunc("GET /v1/requests/{id}/impact", s.strict(s.getImpact))
	mux.HandleFunc("POST /v1/requests/{id}/transactions", s.strict(s.postTransaction))
	mux.HandleFunc("POST /v1/requests/{id}/signature", s.strict(s.postSignature))
	mux.HandleFunc("POST /v1/sweeps", s.strict(s.postSweep))
	mux.HandleFunc("GET /v1/reviews", s.strict(s.getReviews))
	mux.HandleFunc("POST /v1/verdicts", s.strict(s.postVerdict))
	mux.HandleFunc("GET /v1/rates", s.strict(s.getRates))
	mux.HandleFunc("POST /v1/rates", s.strict(s.postRate))
	mux.HandleFunc("POST /v1/channels", s.strict(s.postChannel))
	mux.HandleFunc("POST /v1/channels/{id}/records", s.strict(s.postRecord))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, fault.New(fault.NotFound, "the signer link has no such path or method"))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := query.Path(r.URL); err != nil { // the mux would redirect
			s.fail(w, r, err)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Service) getStatus(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, s.Status())
}

func (s *Service) getLog(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query() // strict has read it
	after, err := number(q, "after", -1, -1)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	limit, err := number(q, "limit", defaultPage, 1)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page, err := s.LogPage(after, int(min(limit, maxLogPage)))
	s.reply(w, r, page, err)
}

func (s *Service) getNote(w http.ResponseWriter, r *http.Request) {
	note, err := s.Note(r.Context())
	s.reply(w, r, note, err)
}

func (s *Service) getCertificate(w http.ResponseWriter, r *http.Request) {
	c, err := s.Certificate(r.Context(), r.PathValue("id"))
	s.reply(w, r, c, err)
}

// number reads a parameter that is at least least; absent when it is not there.
func number(q url.Values, name string, absent, least int64) (int64, error) {
	if !q.Has(name) {
		return absent, nil
	}
	n, err := strconv.ParseInt(q.Get(name), 10, 64)
	if err != nil || n < least || strconv.FormatInt(n, 10) != q.Get(name) {
		return 0, fault.New(fault.Invalid, fmt.Sprintf("%s must be a number from %d", name, least)).With("field", name)
	}
	return n, nil
}

// strict refuses a query that is not well-formed, or has a parameter that the
// route does not know.
func (s *Service) strict(serve http.HandlerFunc, names ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := query.Read(r.URL.RawQuery)
		if err == nil {
			err = query.Only(q, names...)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		serve(w, r)
	}
}

func (s *Service) postRequest(w http.ResponseWriter, r *http.Request) {
	var in wire.SignerRequestInput
	if err := read(w, r, &in); err != nil {
		s.fail(w, r, err)
		return
	}
	dry, err := wire.DryRun(r.Header)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if dry {
		v, err := s.DryRun(r.Context(), in)
		s.reply(w, r, v, err)
		return
	}
	if in.Try != nil {
		s.fail(w, r, fault.New(fault.Invalid, "try is answered with Dry-Run: true alone").With("field", "try"))
		return
	}
	v, err := s.Request(r.Context(), in)
	s.reply(w, r, v, err)
}

func (s *Service) getRequest(w http.ResponseWriter, r *http.Request) {
	v, err := s.Get(r.Context(), r.PathValue("id"))
	s.reply(w, r, v, err)
}

func (s *Service) getImpact(w http.ResponseWriter, r *http.Request) {
	v, err := s.Impact(r.Context(), r.PathValue("id"))
	s.reply(w, r, v, err)
}

func (s *Service) postTransaction(w http.ResponseWriter, r *http.Request) {
	var in wire.SignerTransactionInput
	if err := read(w, r, &in); err != nil {
		s.fail(w, r, err)
		return
	}
	v, err := s.Transaction(r.Context(), r.PathValue("id"), in.Fees)
	s.reply(w, r, v, err)
}

func (s *Service) postSignature(w http.ResponseWriter, r *http.Request) {
	var in wire.SignerSignatureInput
	if err := read(w, r, &in); err != nil {
		s.fail(w, r, err)
		return
	}
	v, err := s.SignMessage(r.Context(), r.PathValue("id"))
	s.reply(w, r, v, err)
}

func (s *Service) postSweep(w http.ResponseWriter, r *http.Request) {
	var in wire.SignerSweepInput
	if err := read(w, r, &in); err != nil {
		s.fail(w, r, err)
		return
	}
	v, err := s.SweepDeposit(r.Context(), in)
	s.reply(w, r, v, err)
}

func (s *Service) getReviews(w http.ResponseWriter, r *http.Request) {
	v, err := s.Reviews(r.Context())
	s.reply(w, r, v, err)
}

func (s *Service) postVerdict(w http.ResponseWriter, r *http.Request) {
	var in wire.SignerVerdict
	if err := read(w, r, &in); err != nil {
		s.fail(w, r, err)
		return
	}
	v, err := s.Verdict(r.Context(), in.JWS)
	s.reply(w, r, v, err)
}

func (s *Service) getRates(w http.ResponseWriter, r *http.Request) {
	v, err := s.Rates(r.Context())
	s.reply(w, r, v, err)
}

func (s *Service) postRate(w http.ResponseWriter, r *http.Request) {
	var in wire.SignerRateInput
	if err := read(w, r, &in); err != nil {
		s.fail(w, r, err)
		return
	}
	v, err := s.Rate(r.Context(), in.JWS)
	s.reply(w, r, v, err)
}

func (s *Service) postChannel(w http.ResponseWriter, r *http.Request) {
	record, err := readRecord(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	v, err := s.OpenChannel(r.Context(), record)
	s.reply(w, r, v, err)
}

func (s *Service) postRecord(w http.ResponseWriter, r *http.Request) {
	record, err := readRecord(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer, err := s.Record(r.Context(), r.PathValue("id"), record)
	s.reply(w, r, wire.SignerReply{Record: base64.RawURLEncoding.EncodeToString(answer), LogSize: s.log.Mark().Size}, err)
}

func read(w http.ResponseWriter, r *http.Request, v any) error {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return fault.Wrap(err, fault.TooLarge, fmt.Sprintf("the body is larger than %d bytes, or was cut off", maxBody))
	}
	return strictjson.Unmarshal(data, v, maxBody)
}

func readRecord(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var in wire.SignerRecord
	if err := read(w, r, &in); err != nil {
		return nil, err
	}
	record, err := base64.RawURLEncoding.Strict().DecodeString(in.Record)
	if err != nil || len(record) == 0 {
		return nil, fault.New(fault.Invalid, "the record is not base64url without padding").With("field", "record")
	}
	return record, nil
}

func (s *Service) reply(w http.ResponseWriter, r *http.Request, v any, err error) {
	if err != nil {
		s.fail(w, r, err)
		return
	}
	write(w, http.StatusOK, v)
}

func write(w http.ResponseWriter, status int, v any) {
	data, err := strictjson.Canonical(v)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // who asked may have gone
}

// fail answers {"error":{code,message,details}}. An error without a code is the
// signer's own; its cause goes to the log only.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	body := fault.BodyOf(err, "something went wrong in the signer; its log says what")
	status := statusOf(body.Code)
	if status >= 500 && r.Context().Err() != context.Canceled {
		s.deps.Log.Error("a call failed", "method", r.Method, "path", r.URL.Path, "cause", err)
	}
	write(w, status, map[string]fault.Body{"error": body})
}

// statusOf is the HTTP status of a code on the signer link.
func statusOf(c fault.Code) int {
	switch c {
	case fault.Invalid, fault.StatementInvalid, fault.IntentUnsupported, fault.SignatureInvalid, fault.CertificateBad, fault.RecordInvalid, fault.KeyUnsuited, fault.Version:
		return http.StatusBadRequest
	case fault.Forbidden, fault.Denied:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict, fault.RecordReplayed, fault.RequestClosed, fault.AlreadyApproved:
		return http.StatusConflict
	case fault.ChannelClosed:
		return http.StatusGone
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Limited, fault.Busy:
		return http.StatusTooManyRequests
	case fault.Unavailable, fault.LogCorrupt, fault.DeviceMissing, fault.DeviceRemoved, fault.DeviceFailed, fault.ModuleFailed, fault.KeyMissing,
		fault.PINRequired, fault.PINIncorrect, fault.PINLocked, fault.EntityUnknown:
		return http.StatusServiceUnavailable
	case fault.NotSupported:
		return http.StatusNotImplemented
	case fault.Timeout, fault.Cancelled:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}
