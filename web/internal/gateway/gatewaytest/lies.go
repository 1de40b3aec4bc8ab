package gatewaytest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// Lie makes of the entries that a signer wrote those that it serves, as a signer whose keys
// are in hostile hands can: from the first that differs on, they are numbered, chained and
// signed again.
type Lie func(entries []signedlog.Entry) []signedlog.Entry

// Changed is a lie about the entries of a type from the number from on.
func Changed[Body any](t testing.TB, typ string, from int, change func(*Body)) Lie {
	return func(entries []signedlog.Entry) []signedlog.Entry {
		for i := from; i < len(entries); i++ {
			e := &entries[i]
			if e.Type != typ {
				continue
			}
			var b Body
			err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody)
			if err == nil {
				change(&b)
				e.Body, err = strictjson.Canonical(b)
			}
			if err != nil {
				t.Error(err)
			}
		}
		return entries
	}
}

// Readdress lies about the requests that come from now on: change makes another address of
// the one that they have, and of what is attested about it.
func (s *Signer) Readdress(change func(address *string, attested *statement.Address)) {
	s.t.Helper()
	s.Lie = Changed(s.t, signedlog.Request, len(s.Lines()), func(b *signedlog.RequestBody) {
		a := s.attested(*b)
		intenttest.Edit(&b.Intent, func(i *intent.Buy) { change(&i.Address, &a) })
		payload, err := statement.Encode(a)
		b.Attestation = s.sign(statement.TypAddress, payload, err)
	})
}

// Gives is a change for [Signer.Readdress]: to the address of a request of another signer's,
// or of an earlier one of its own. It can be attested: the key is public.
func (s *Signer) Gives(request string) func(address *string, attested *statement.Address) {
	s.t.Helper()
	var given statement.Address
	for _, e := range s.entries(s.Lines()) {
		var b signedlog.RequestBody
		if e.Type == signedlog.Request && strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody) == nil && b.Request == request {
			given = s.attested(b)
		}
	}
	return func(address *string, a *statement.Address) {
		*address, a.Address, a.PublicKey = given.Address, given.Address, given.PublicKey
	}
}

func (s *Signer) attested(b signedlog.RequestBody) (a statement.Address) {
	payload, err := jws.Payload(b.Attestation)
	if err == nil {
		a, err = statement.Decode[statement.Address](payload)
	}
	if err != nil {
		s.t.Error(err)
	}
	return a
}

// sign signs what is about to be served, with the signer's key.
func (s *Signer) sign(typ string, payload []byte, err error) string {
	if err != nil {
		s.t.Error(err)
	}
	token, err := jws.Sign(s.t.Context(), s.Key, typ, payload)
	if err != nil {
		s.t.Error(err)
	}
	return token
}

// entries are those of lines that the signer wrote, with whichever keys it had.
func (s *Signer) entries(lines []string) (all []signedlog.Entry) {
	for _, line := range lines {
		e, err := signedlog.Reread(line)
		if err != nil {
			s.t.Error(err)
		}
		all = append(all, e)
	}
	return all
}

// lines are those that are served, as the lie has them.
func (s *Signer) lines() (told []string) {
	lines := s.Lines()
	written, same := s.entries(lines), true
	for i, e := range s.Lie(slices.Clone(written)) {
		if same = same && i < len(lines) && reflect.DeepEqual(e, written[i]); same {
			told = append(told, lines[i])
			continue
		}
		if e.Seq = int64(i); i > 0 {
			e.Prev = signedlog.Hash([]byte(told[i-1]))
		}
		payload, err := signedlog.Encode(e)
		told = append(told, s.sign(statement.TypEntry, payload, err))
	}
	return told
}

// serveLie is GET /v1/log of the lines as the lie has them.
func (s *Signer) serveLie(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		s.t.Error(err)
	}
	lines := s.lines()
	p := wire.SignerLogPage{Entries: []wire.SignerLogEntry{}, Size: int64(len(lines)), Head: signedlog.Hash([]byte(lines[len(lines)-1]))}
	for i := after + 1; i < len(lines) && len(p.Entries) < 100; i++ {
		p.Entries = append(p.Entries, wire.SignerLogEntry{Seq: int64(i), JWS: lines[i]})
	}
	answer(w, p)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
