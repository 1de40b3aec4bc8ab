package signer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/channel"
	"countersign/shared/eip55"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

func mustConnect(t testing.TB, g *rig, id string) *membertest.Line {
	t.Helper()
	l, code := membertest.Connect(t, g.call, g.people[id], g.enrol.File)
	if code != "" {
		t.Fatalf("channel of %s: %s", id, code)
	}
	return l
}

// mustAsk is the statement that approves the test's request.
func mustAsk(t testing.TB, l *membertest.Line) []byte {
	t.Helper()
	data, err := l.Statement(testReq, statement.Approve)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAPathThatIsWrittenAnotherWayIsNotFoundAtTheSigner(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	for _, path := range []string{"//v1/status", "/v1//status", "/v1/./status", "/v1/../v1/status", "/v1/status/", "/%2e/v1/status"} {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
			if code := g.call(method, path, nil, nil); code != fault.NotFound {
				t.Errorf("%s %s: %q", method, path, code)
			}
		}
	}
	if code := g.call("GET", "/v1/log?after=", nil, nil); code != fault.Invalid {
		t.Errorf("a parameter without a value: %q", code)
	}
}

func TestTwoMembersApproveOnTwoCurves(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	r := g.request(testReq)
	if r.State != "PENDING_APPROVAL" || !strings.HasPrefix(intenttest.Buy(r.Intent).Address, "0x") || r.Reasons[0] != "0 of 2 approvals; waiting for Alice, Bob or Carol" {
		t.Fatalf("request is %+v", r)
	}
	alice := mustConnect(t, g, "mem_alice")
	first, token, err := alice.Decide(testReq, statement.Approve)
	if err != nil || first.State != "PENDING_APPROVAL" || len(first.Approvals) != 1 || first.Needed != 2 {
		t.Fatalf("first approval: %+v %v", first, err)
	}
	again, err := alice.Submit(token)
	if err != nil || again.Entry.Seq != first.Entry.Seq || string(again.Entry.Hash) != string(first.Entry.Hash) {
		t.Fatalf("the same JWS again: %+v %v", again, err)
	}
	if _, err := alice.Statement(testReq, statement.Approve); err == nil || err.Code != fault.AlreadyApproved {
		t.Fatalf("a second approval of the same member: %v", err)
	}
	bob := mustConnect(t, g, "mem_bob")
	second, _, err := bob.Decide(testReq, statement.Approve)
	if err != nil || second.State != "APPROVED" || len(second.Approvals) != 2 {
		t.Fatalf("second approval: %+v %v", second, err)
	}
	if _, err := mustConnect(t, g, "mem_carol").Statement(testReq, statement.Approve); err == nil || err.Code != fault.RequestClosed {
		t.Fatalf("a third: %v", err)
	}
	var after wire.SignerRequest
	if code := g.call("GET", "/v1/requests/"+testReq, nil, &after); code != "" || after.State != "APPROVED" || after.Reasons[0] != "approved by Alice and Bob" {
		t.Fatalf("request is %+v (%s)", after, code)
	}
	var page wire.SignerLogPage
	if code := g.call("GET", "/v1/log?after=-1&limit=10", nil, &page); code != "" || page.Size != 5 || len(page.Entries) != 5 {
		t.Fatalf("log is %+v (%s)", page, code)
	}
	g.restart()
	var resumed wire.SignerRequest
	if code := g.call("GET", "/v1/requests/"+testReq, nil, &resumed); code != "" || resumed.State != "APPROVED" || len(resumed.Approvals) != 2 {
		t.Fatalf("after a restart: %+v (%s)", resumed, code)
	}
}

func TestARestartInTheMiddleGoesOn(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	before := g.request(testReq)
	first, token, err := mustConnect(t, g, "mem_alice").Decide(testReq, statement.Approve)
	if err != nil {
		t.Fatal(err)
	}
	g.restart()
	if again := g.request(testReq); !bytes.Equal(again.Intent, before.Intent) || len(again.Approvals) != 1 {
		t.Fatalf("the request became %+v", again)
	}
	alice := mustConnect(t, g, "mem_alice")
	again, err := alice.Submit(token)
	if err != nil || again.Entry.Seq != first.Entry.Seq || again.State != first.State {
		t.Fatalf("the same JWS in a new channel: %+v %v", again, err)
	}
	if r, _, err := mustConnect(t, g, "mem_carol").Decide(testReq, statement.Approve); err != nil || r.State != "APPROVED" {
		t.Fatalf("second approval: %+v %v", r, err)
	}
}

func TestARejectionEndsTheRequest(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	r, _, err := mustConnect(t, g, "mem_bob").Decide(testReq, statement.Reject)
	if err != nil || r.State != "REJECTED" {
		t.Fatalf("rejection: %+v %v", r, err)
	}
	if _, err := mustConnect(t, g, "mem_alice").Statement(testReq, statement.Approve); err == nil || err.Code != fault.RequestClosed || err.Details["state"] != "REJECTED" {
		t.Fatalf("after it: %v", err)
	}
}

func TestARequestExpires(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	mustAsk(t, mustConnect(t, g, "mem_alice"))
	g.clock.add(2 * time.Hour)
	if err := g.service.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var r wire.SignerRequest
	if code := g.call("GET", "/v1/requests/"+testReq, nil, &r); code != "" || r.State != "EXPIRED" {
		t.Fatalf("request is %+v (%s)", r, code)
	}
	g.clock.add(-2 * time.Hour) // the log's clock never goes back
	if _, err := mustConnect(t, g, "mem_bob").Statement(testReq, statement.Approve); err == nil || err.Code != fault.RequestClosed {
		t.Fatalf("after it: %v", err)
	}
}

// TestSubmissionsAreRefused walks what a bridge, a page or a gateway gone bad may
// submit. Nothing of it may reach the log.
func TestSubmissionsAreRefused(t *testing.T) {
	t.Parallel()
	const other = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb"
	edit := func(f func(*statement.Approval)) func(*rig, *membertest.Line, []byte) string {
		return func(g *rig, l *membertest.Line, data []byte) string {
			a, err := statement.Decode[statement.Approval](data)
			if err != nil {
				t.Fatal(err)
			}
			f(&a)
			changed, err := statement.Encode(a)
			if err != nil {
				t.Fatal(err)
			}
			return l.Sign(changed)
		}
	}
	hash := b64(make([]byte, 32))
	for name, row := range map[string]struct {
		token func(*rig, *membertest.Line, []byte) string
		code  fault.Code
		field string
	}{
		"another entity":   {edit(func(a *statement.Approval) { a.Entity = "ent_other" }), fault.StatementInvalid, "entity"},
		"another member":   {edit(func(a *statement.Approval) { a.Member = "mem_carol" }), fault.StatementInvalid, "member"},
		"another key":      {edit(func(a *statement.Approval) { a.Key = hash }), fault.StatementInvalid, "key"},
		"another channel":  {edit(func(a *statement.Approval) { a.Channel = hash }), fault.StatementInvalid, "channel"},
		"a nonce made up":  {edit(func(a *statement.Approval) { a.Nonce = strings.Repeat("ab", 32) }), fault.StatementInvalid, "nonce"},
		"another request":  {edit(func(a *statement.Approval) { a.Request = other }), fault.StatementInvalid, "request"},
		"another step":     {edit(func(a *statement.Approval) { a.Step = 2 }), fault.StatementInvalid, "step"},
		"another decision": {edit(func(a *statement.Approval) { a.Decision = statement.Reject }), fault.StatementInvalid, "decision"},
		"another amount":   {edit(func(a *statement.Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Fiat.Amount = "1" }) }), fault.StatementInvalid, "statement"},
		"another address": {edit(func(a *statement.Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Address = "0x" + strings.Repeat("1", 40) })
		}), fault.StatementInvalid, "statement"},
		"a longer life":     {edit(func(a *statement.Approval) { a.NotBefore, a.Expires = a.NotBefore+60, a.Expires+60 }), fault.StatementInvalid, "statement"},
		"an older log":      {edit(func(a *statement.Approval) { a.Log.Size = 1 }), fault.StatementInvalid, "statement"},
		"a request made up": {edit(func(a *statement.Approval) { a.Request, a.Nonce = "req_zzzz", strings.Repeat("ab", 32) }), fault.StatementInvalid, "request"},
		"another name":      {edit(func(a *statement.Approval) { a.EntityName = "Sandbox GmbH" }), fault.StatementInvalid, "statement"},
		"not a JWS":         {func(*rig, *membertest.Line, []byte) string { return "abc" }, fault.SignatureInvalid, ""},
		"no signature": {func(_ *rig, l *membertest.Line, d []byte) string {
			s := l.Sign(d)
			return s[:strings.LastIndex(s, ".")+1]
		}, fault.SignatureInvalid, ""},
		"a changed payload": {func(_ *rig, l *membertest.Line, d []byte) string {
			return swapPayload(l.Sign(d), d, "\"250\"", "\"251\"")
		}, fault.SignatureInvalid, ""},
		"white space": {func(_ *rig, l *membertest.Line, d []byte) string { return l.Sign(append([]byte(" "), d...)) }, fault.StatementInvalid, ""},
		"an unknown field": {func(_ *rig, l *membertest.Line, d []byte) string {
			return l.Sign([]byte(strings.Replace(string(d), "{", `{"x":1,`, 1)))
		}, fault.StatementInvalid, "x"},
		"signed by another key": {func(g *rig, l *membertest.Line, d []byte) string {
			return signAs(t, g.people["mem_carol"].Approval, statement.TypApproval, d)
		}, fault.SignatureInvalid, ""},
		"signed by channel key": {func(_ *rig, l *membertest.Line, d []byte) string {
			return signAs(t, l.Who.Channel, statement.TypApproval, d)
		}, fault.SignatureInvalid, ""},
		"for another purpose": {func(_ *rig, l *membertest.Line, d []byte) string {
			return signAs(t, l.Who.Approval, statement.TypMember, d)
		}, fault.SignatureInvalid, ""},
		"high-S": {func(_ *rig, l *membertest.Line, d []byte) string { return highS(t, l.Sign(d)) }, fault.SignatureInvalid, ""},
		"P-256 under secp256k1": {func(_ *rig, l *membertest.Line, d []byte) string {
			return crossCurve(t, l.Sign(d), membertest.NewKey(t, jws.P256))
		}, fault.SignatureInvalid, ""},
		"P-256 with its header": {func(_ *rig, _ *membertest.Line, d []byte) string {
			return signAs(t, membertest.NewKey(t, jws.P256), statement.TypApproval, d)
		}, fault.SignatureInvalid, ""},
		"expired": {func(g *rig, l *membertest.Line, d []byte) string { g.clock.add(10 * time.Minute); return l.Sign(d) }, fault.StatementInvalid, "exp"},
		"after quorum": {func(g *rig, l *membertest.Line, d []byte) string {
			approveAs(t, g, "mem_bob", "mem_carol")
			return l.Sign(d)
		}, fault.RequestClosed, ""},
		"after rejection":        {func(g *rig, l *membertest.Line, d []byte) string { rejectAs(t, g, "mem_bob"); return l.Sign(d) }, fault.RequestClosed, ""},
		"the second of a member": {func(g *rig, l *membertest.Line, d []byte) string { approveAs(t, g, "mem_alice"); return l.Sign(d) }, fault.AlreadyApproved, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, twoOfThree())
			g.request(testReq)
			g.request(other)
			l := mustConnect(t, g, "mem_alice")
			data := mustAsk(t, l)
			token := row.token(g, l, data)
			size := g.service.Status().Log.Size
			_, ferr := l.Submit(token)
			if ferr == nil || ferr.Code != row.code || ferr.Details["field"] != row.field {
				t.Errorf("got %v, details %v; want %s %q", ferr, details(ferr), row.code, row.field)
			}
			if now := g.service.Status().Log.Size; now != size {
				t.Errorf("the log grew from %d to %d", size, now)
			}
		})
	}
}

func details(e *fault.Error) map[string]string {
	if e == nil {
		return nil
	}
	return e.Details
}

func approveAs(t testing.TB, g *rig, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, _, err := mustConnect(t, g, id).Decide(testReq, statement.Approve); err != nil {
			t.Fatal(err)
		}
	}
}

func rejectAs(t testing.TB, g *rig, id string) {
	t.Helper()
	if _, _, err := mustConnect(t, g, id).Decide(testReq, statement.Reject); err != nil {
		t.Fatal(err)
	}
}

func signAs(t testing.TB, k *membertest.Key, typ string, data []byte) string {
	t.Helper()
	token, err := jws.Sign(t.Context(), k, typ, data)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func swapPayload(token string, data []byte, from, to string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + b64([]byte(strings.Replace(string(data), from, to, 1))) + "." + parts[2]
}

// highS replaces s by n-s, which verifies wherever low-S is not demanded.
func highS(t testing.TB, token string) string {
	parts := strings.Split(token, ".")
	sig := unb64(t, parts[2])
	var s secp256k1.ModNScalar
	s.SetByteSlice(sig[32:])
	s.Negate()
	b := s.Bytes()
	return parts[0] + "." + parts[1] + "." + b64(append(sig[:32], b[:]...))
}

// crossCurve keeps the header of a secp256k1 key and signs with a P-256 key.
func crossCurve(t testing.TB, token string, k *membertest.Key) string {
	parts := strings.Split(token, ".")
	data := unb64(t, parts[1])
	forged := strings.Split(signAs(t, k, statement.TypApproval, data), ".")
	return parts[0] + "." + parts[1] + "." + forged[2]
}

func TestANonceServesOnce(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	l := mustConnect(t, g, "mem_alice")
	first := mustAsk(t, l)
	if _, ferr := l.Statement(testReq, statement.Approve); ferr != nil {
		t.Fatal(ferr)
	}
	if _, ferr := l.Submit(l.Sign(first)); ferr == nil || ferr.Details["field"] != "nonce" {
		t.Fatalf("a statement that a newer one replaced: %v", ferr)
	}
	elsewhere := mustConnect(t, g, "mem_alice")
	if _, ferr := elsewhere.Submit(elsewhere.Sign(first)); ferr == nil || ferr.Details["field"] != "channel" {
		t.Fatalf("a statement of another channel: %v", ferr)
	}
}

func TestCertificatesAreRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	stranger := &membertest.Member{ID: "mem_mallory", Name: "Mallory", Approval: membertest.NewKey(t, jws.Secp256k1), Channel: membertest.NewKey(t, jws.Secp256k1)}
	alice := g.people["mem_alice"]
	forge := func(k *membertest.Key, f func(*statement.Member)) string {
		payload, err := jws.Payload(alice.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		c, err := statement.Decode[statement.Member](payload)
		if err != nil {
			t.Fatal(err)
		}
		f(&c)
		data, err := statement.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		return signAs(t, k, statement.TypMember, data)
	}
	vault := g.vault.Keys[labelStatement]
	for name, row := range map[string]struct {
		who         *membertest.Member
		certificate string
	}{
		"none":                      {alice, ""},
		"of another member":         {alice, g.people["mem_carol"].Certificate},
		"with another channel key":  {stranger, alice.Certificate},
		"signed by somebody else":   {stranger, forge(stranger.Approval, func(c *statement.Member) { c.Channel = stranger.Channel.PublicKey().JWK() })},
		"for another entity":        {alice, forge(vault, func(c *statement.Member) { c.Entity = "ent_other" })},
		"expired":                   {alice, forge(vault, func(c *statement.Member) { c.IssuedAt, c.Expires = c.IssuedAt-1000, c.IssuedAt-500 })},
		"of a key that was changed": {stranger, forge(vault, func(c *statement.Member) { c.Channel = stranger.Channel.PublicKey().JWK() })},
		"of nobody":                 {stranger, forge(vault, func(c *statement.Member) { c.Member = "mem_mallory"; c.Channel = stranger.Channel.PublicKey().JWK() })},
	} {
		if _, code := membertest.ConnectAs(t, g.call, row.who, row.certificate, g.enrol.File); code != fault.CertificateBad {
			t.Errorf("a certificate %s: %q", name, code)
		}
	}
}

func TestRecordsAreRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	l := mustConnect(t, g, "mem_alice")
	data, err := channel.Encode(&channel.StatementGet{Request: testReq, Decision: statement.Approve})
	if err != nil {
		t.Fatal(err)
	}
	record, err := l.Session.Seal(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, code := l.Send(record); code != "" {
		t.Fatal(code)
	}
	if _, code := l.Send(record); code != fault.RecordReplayed {
		t.Errorf("a record twice: %q", code)
	}
	record[len(record)-1] ^= 1
	if _, code := l.Send(record); code != fault.RecordInvalid && code != fault.RecordReplayed {
		t.Errorf("a changed record: %q", code)
	}
	if code := g.call("POST", "/v1/channels/chn_nothing/records", wire.SignerRecord{Record: "AQAB"}, nil); code != fault.ChannelClosed {
		t.Errorf("a channel that does not exist: %q", code)
	}
	if code := g.call("POST", "/v1/channels", wire.SignerRecord{Record: "AQAB"}, nil); code != fault.RecordInvalid {
		t.Errorf("an act 1 that is none: %q", code)
	}
}

func TestAMemberHoldsAFewChannelsOnly(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	first := mustConnect(t, g, "mem_alice")
	g.clock.add(time.Second)
	for range perMember {
		mustConnect(t, g, "mem_alice")
	}
	if _, err := first.Statement(testReq, statement.Approve); err == nil || err.Code != fault.ChannelClosed {
		t.Fatalf("the oldest channel: %v", err)
	}
}

func TestRequestsAreRefused(t *testing.T) {
	t.Parallel()
	edit := func(f func(*intent.Buy)) func(*wire.SignerRequestInput) {
		return func(in *wire.SignerRequestInput) { intenttest.Edit(&in.Intent, f) }
	}
	g := newRig(t, twoOfThree())
	g.request(testReq)
	for name, row := range map[string]struct {
		edit func(*wire.SignerRequestInput)
		code fault.Code
	}{
		"same id, other amount": {func(in *wire.SignerRequestInput) {
			in.Request = testReq
			edit(func(b *intent.Buy) { b.Fiat.Amount = "251" })(in)
		}, fault.Conflict},
		"an id of another kind":       {func(in *wire.SignerRequestInput) { in.Request = "ord_aaaa" }, fault.Invalid},
		"an unknown account":          {edit(func(b *intent.Buy) { b.Account = "acc_other" }), fault.NotFound},
		"no rule":                     {edit(func(b *intent.Buy) { b.Fiat.Amount = "10000.01" }), fault.Denied},
		"an exponent":                 {edit(func(b *intent.Buy) { b.Fiat.Amount = "1e3" }), fault.Invalid},
		"a minus":                     {edit(func(b *intent.Buy) { b.Fiat.Amount = "-1" }), fault.Invalid},
		"leading zeros":               {edit(func(b *intent.Buy) { b.Fiat.Amount = "0250" }), fault.Invalid},
		"a minimum above":             {edit(func(b *intent.Buy) { b.Minimum = "1" }), fault.Invalid},
		"a minimum of nothing":        {edit(func(b *intent.Buy) { b.Minimum = "0.0001" }), fault.Invalid},
		"a line break":                {edit(func(b *intent.Buy) { b.ProviderName = "North\nPay" }), fault.Invalid},
		"a bidi override":             {edit(func(b *intent.Buy) { b.ProviderName = "North\u202ePay" }), fault.Invalid},
		"an asset of another chain":   {edit(func(b *intent.Buy) { b.Crypto.Asset = "bitcoin" }), fault.Invalid},
		"a token of another chain":    {edit(func(b *intent.Buy) { b.Crypto.Asset = "ethereum/erc20/usd__coin" }), fault.Invalid},
		"an unknown asset":            {edit(func(b *intent.Buy) { b.Crypto.Asset = "doubloons" }), fault.Invalid},
		"an unknown currency":         {edit(func(b *intent.Buy) { b.Fiat.Currency = "XXX" }), fault.Invalid},
		"money finer than its minors": {edit(func(b *intent.Buy) { b.Fiat.Amount = "250.001" }), fault.Invalid},
		"too short a life":            {func(in *wire.SignerRequestInput) { in.ExpiresAt = g.clock.now().Add(time.Second) }, fault.Invalid},
	} {
		in := g.input("req_cccccccccccccccccccccccccc")
		row.edit(&in)
		keys, size := len(g.vault.Keys), g.service.Status().Log.Size
		if code := g.call("POST", "/v1/requests", in, nil); code != row.code {
			t.Errorf("%s: %q, want %s", name, code, row.code)
		}
		if len(g.vault.Keys) != keys || g.service.Status().Log.Size != size {
			t.Errorf("%s: a key or an entry was made", name)
		}
	}
}

func TestBodiesAreRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	good, err := json.Marshal(g.input(testReq))
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"unknown field":   strings.Replace(string(good), "{", `{"x":1,`, 1),
		"duplicate field": strings.Replace(string(good), "{", `{"request":"req_dddd",`, 1),
		"other case":      strings.Replace(string(good), `"request"`, `"Request"`, 1),
		"trailing data":   string(good) + "{}",
		"wrong type":      strings.Replace(string(good), `"250"`, `250`, 1),
		"not JSON":        "request=1",
		"empty":           "",
	} {
		if code := g.raw("POST", "/v1/requests", []byte(body), nil); code != fault.Invalid {
			t.Errorf("%s: %q", name, code)
		}
	}
	if code := g.raw("POST", "/v1/requests", []byte(`{"request":"`+strings.Repeat("a", maxBody)+`"}`), nil); code != fault.TooLarge {
		t.Errorf("over-long: %q", code)
	}
	for _, q := range []string{"after=x", "after=-2", "limit=0", "limit=1e3", "after=%%%", "limit=1;x=2", "limit=1&limit=2", "cursor=a", "after=01", "limit=%2B1"} {
		if code := g.call("GET", "/v1/log?"+q, nil, nil); code != fault.Invalid {
			t.Errorf("%s: %q", q, code)
		}
	}
}

func TestAChangedLogStopsTheSigner(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func([]string) []string
		entry  string
	}{
		"changed":    {func(l []string) []string { l[1] = l[1][:200] + "A" + l[1][201:]; return l }, "1"},
		"removed":    {func(l []string) []string { return append(l[:1], l[2:]...) }, "1"},
		"re-ordered": {func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }, "1"},
		"truncated":  {func(l []string) []string { return l[:len(l)-1] }, "4"},
		"doubled":    {func(l []string) []string { return append(l, l[len(l)-1]) }, "5"},
		"emptied":    {func([]string) []string { return nil }, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, twoOfThree())
			g.request(testReq)
			approveAs(t, g, "mem_alice", "mem_bob")
			if err := g.file.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(g.dir, logfile.Name(0))
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines := row.change(strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"))
			text := strings.Join(lines, "\n")
			if text != "" {
				text += "\n"
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			err = g.tryStart()
			f, _ := fault.As(err)
			if f == nil || f.Code != fault.LogCorrupt || f.Details["entry"] != row.entry || !strings.Contains(f.Message, "entry "+row.entry) {
				t.Errorf("the signer said %v", err)
			}
		})
	}
}

func TestAnAddressIsTheKeysOwn(t *testing.T) {
	t.Parallel()
	one, err := jws.FromSEC1(jws.Secp256k1, unb64(t, base64.RawURLEncoding.EncodeToString(secp256k1.NewPrivateKey(new(secp256k1.ModNScalar).SetInt(1)).PubKey().SerializeCompressed())))
	if err != nil {
		t.Fatal(err)
	}
	if got := eip55.Of(one.Uncompressed()[1:]); got != "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf" {
		t.Errorf("the address of private key 1 is %s", got)
	}
}

func TestEveryCodeHasAStatus(t *testing.T) {
	t.Parallel()
	for _, c := range fault.Codes() {
		if s := statusOf(c); s < 400 || s > 599 {
			t.Errorf("%s is %d", c, s)
		}
	}
}
