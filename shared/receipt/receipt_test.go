package receipt

import (
	"bytes"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/fingerprint"
	"countersign/shared/gas"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/spec"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault/vaulttest"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/receipt.json"

// vector is one row of shared/spec/vectors/receipt.json.
type vector struct {
	Name    string `json:"name"`
	Root    string `json:"root"` // thumbprint of the statement key
	Receipt string `json:"receipt"`
	Part    string `json:"part,omitempty"` // that is refused
	Text    string `json:"text,omitempty"` // of a valid one
}

const thirdBuy = "req_tttttttttttttttttttttttttt"

var root = vaulttest.StatementKey.PublicKey().Thumbprint()

func encode(t testing.TB, f File) []byte {
	t.Helper()
	data, err := Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// ordered says what the order of the first purchase is.
func ordered(t testing.TB, s *vaulttest.Log) File {
	f := receiptOf(s, vaulttest.First)
	f.LedTo = &LedTo{
		Order: "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa", State: "completed", Provider: "northpay", Chain: "eip155:31337",
		Address: addressOf(t, s), Transactions: []string{"0x" + strings.Repeat("ab", 32)},
	}
	return f
}

func addressOf(t testing.TB, s *vaulttest.Log) string {
	r, err := Verify(encode(t, receiptOf(s, vaulttest.First)), root)
	if err != nil {
		t.Fatal(err)
	}
	to, _ := r.Request.Receives()
	return to.Address
}

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	s := vaulttest.Lived(t)
	add := func(name, part string, change func(*File)) {
		f := ordered(t, s)
		change(&f)
		v := vector{Name: name, Root: root, Receipt: string(encode(t, f)), Part: part}
		if part == "" {
			r, err := Verify([]byte(v.Receipt), root)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			v.Text = r.Text()
		}
		all = append(all, v)
	}
	line := func(seq int64) func(*File) { return func(f *File) { f.Lines = append(f.Lines, lineOf(s, seq)) } }
	add("a purchase that was approved and delivered", "", func(*File) {})
	add("without its order", "", func(f *File) { f.LedTo = nil })
	add("of a rule that governs because of what was spent before", "", func(f *File) { *f = receiptOf(s, vaulttest.Second) })
	add("that rests on changes of the vault", "", func(f *File) { *f = receiptOf(changed(t), vaulttest.First, made, removed, alone) })
	add("a transfer with its transaction, signed twice", "", func(f *File) { *f = receiptOf(sent(t), vaulttest.Third) })
	add("a transfer before it was signed", "", func(f *File) { *f = receiptOf(sent(t), vaulttest.Third); f.Lines = f.Lines[:5] })
	add("a cancellation with its transaction", "", func(f *File) { *f = receiptOf(cancelled(t), vaulttest.Second) })
	add("a transfer that was replaced", "", func(f *File) { *f = receiptOf(cancelled(t), vaulttest.Third) })
	add("a message with its signature", "", func(f *File) { *f = receiptOf(spoken(t), vaulttest.Third) })
	add("a message before it was signed", "", func(f *File) { *f = receiptOf(spoken(t), vaulttest.Third); f.Lines = f.Lines[:5] })
	add("a message without the entry that says what was to be signed", "entry 6", func(f *File) {
		*f = receiptOf(spoken(t), vaulttest.Third)
		f.Lines = append(f.Lines[:5], f.Lines[6:]...)
	})
	add("a transfer without the entry that says what was to be signed", "entry 6", func(f *File) {
		*f = receiptOf(sent(t), vaulttest.Third)
		f.Lines = append(f.Lines[:5], f.Lines[6:]...)
	})
	add("without the change that it was decided by", "entry 12", func(f *File) { *f = receiptOf(changed(t), removed, made) })
	add("without the genesis", "entry 1", func(f *File) { f.Lines = f.Lines[1:] })
	add("without an approval", "entry 6", func(f *File) { f.Lines = append(f.Lines[:3], f.Lines[4:]...) })
	add("without the outcome", "request", func(f *File) { f.Lines = f.Lines[:5] })
	add("without the request", "entry 2", func(f *File) { f.Lines = append(f.Lines[:1], f.Lines[2:]...) })
	add("with the entries of another request", "entry 4", func(f *File) { f.Request, f.Lines = vaulttest.First, receiptOf(s, vaulttest.Second).Lines })
	add("named after another request", "entry 1", func(f *File) { f.Request = vaulttest.Second })
	add("with an entry behind the outcome", "entry 7", line(7))
	add("with an entry twice", "entry 6", line(6))
	add("with two entries exchanged", "entry 3", func(f *File) { f.Lines[2], f.Lines[3] = f.Lines[3], f.Lines[2] })
	add("with the path of another entry", "entry 2", func(f *File) { f.Lines[2].Path = f.Lines[3].Path })
	add("with the note of an earlier log", "entry 0", func(f *File) { f.Note = receiptOf(vaulttest.New(t), vaulttest.First).Note })
	add("with a note that others signed", "note", func(f *File) {
		f.Note += "— witness.example AAAAAAAA\n"
	})
	add("with an order that is delivered elsewhere", "led_to", func(f *File) { f.LedTo.Address = "0x8617E340B3D01FA5F11F306F4090FD50E238070D" })
	const rotation = "req_rrrrrrrrrrrrrrrrrrrrrrrrrr"
	rotated := vaulttest.Lived(t)
	old := rotated.Note()
	rotated.Rotate(rotation)
	rotated.Ask(thirdBuy, 9)
	rotated.Decide(thirdBuy, vaulttest.BobKey, statement.Approve)
	rotated.Close(thirdBuy)
	add("of before the vault got new keys, which signed the note", "", func(f *File) { *f = receiptOf(rotated, vaulttest.First, rotation) })
	add("of the rotation of the vault's keys", "", func(f *File) { *f = receiptOf(rotated, rotation) })
	add("of after it", "", func(f *File) { *f = receiptOf(rotated, thirdBuy, rotation) })
	add("of before it, without the new keys that signed the note", "note", func(f *File) { *f = receiptOf(rotated, vaulttest.First) })
	add("of after it, without what led to the new keys", "note", func(f *File) { *f = receiptOf(rotated, thirdBuy) })
	add("of before it, with what led to the new keys, and more", "entry 15", func(f *File) {
		*f = receiptOf(rotated, vaulttest.First, rotation)
		f.Lines = append(f.Lines, lineOf(rotated, 15))
	})
	add("of before it, with the rotation but for an approval", "entry 12", func(f *File) {
		*f = receiptOf(rotated, vaulttest.First, rotation)
		f.Lines = slices.DeleteFunc(f.Lines, func(l Line) bool { return l.Seq == 11 })
	})
	add("of the rotation, with a note of before it", "note", func(f *File) {
		*f = receiptOf(rotated, rotation)
		f.Note = old
	})
	add("of a later version", "file", func(f *File) { f.V = 2 })
	return all
}

// spoken is a log with a message that was signed.
func spoken(t testing.TB) *vaulttest.Log {
	t.Helper()
	s := vaulttest.New(t)
	s.Say(vaulttest.Third, "Sign in to example.com")
	s.SignMessage(vaulttest.Third)
	return s
}

// cancelled is a log with a transfer that was cancelled when it was stuck.
func cancelled(t testing.TB) *vaulttest.Log {
	t.Helper()
	s := vaulttest.New(t)
	s.Send(vaulttest.Third)
	s.Sign(vaulttest.Third, gas.Fees{Gas: 21000, FeeCap: "2000000000", Tip: "1000000000"})
	s.Replace(vaulttest.Second, vaulttest.Third, intent.Cancel)
	s.Sign(vaulttest.Second, gas.Fees{Gas: 21000, FeeCap: "150000000000", Tip: "2000000000"})
	return s
}

func TestVectorsHold(t *testing.T) {
	t.Parallel()
	want := vectors(t)
	all := spec.Vectors(t, vectorFile, *update, want)
	for i, v := range want {
		if i >= len(all) || all[i] != v {
			t.Fatalf("%s: the file has another vector: run with -update", v.Name)
		}
		r, err := Verify([]byte(v.Receipt), v.Root)
		if v.Part == "" {
			if err != nil || r.Text() != v.Text {
				t.Errorf("%s: %v\n%s", v.Name, err, r.Text())
			}
			continue
		}
		if f, ok := fault.As(err); !ok || f.Details["part"] != v.Part {
			t.Errorf("%s: %v, want %s", v.Name, err, v.Part)
		}
	}
}

func TestAReceiptOfAnotherVaultIsRefused(t *testing.T) {
	t.Parallel()
	data := encode(t, receiptOf(vaulttest.Lived(t), vaulttest.First))
	_, err := Verify(data, vaulttest.Key(5).PublicKey().Thumbprint())
	if f, ok := fault.As(err); !ok || f.Code != fault.SignatureInvalid || f.Details["part"] != "entry 0" {
		t.Error(err)
	}
	if _, err := Verify(data, "topmost istanbul"); fault.CodeOf(err) != fault.Invalid {
		t.Error(err)
	}
	f, err := fingerprint.Of(root)
	if err != nil {
		t.Fatal(err)
	}
	words := f.Words()
	if _, err := Verify(data, strings.Join(words, " ")); err != nil {
		t.Errorf("with the root key in words: %v", err)
	}
	words[15] = map[bool]string{true: "midsummer", false: "vagabond"}[words[15] == "vagabond"]
	if _, err := Verify(data, strings.Join(words, " ")); fault.CodeOf(err) != fault.SignatureInvalid {
		t.Errorf("with another word: %v", err)
	}
}

// TestAnyByteThatIsChangedIsRefusedAndNamed changes every seventh byte of a receipt, and asks for
// the part that it is in. What the gateway says of the order is not the vault's.
func TestAnyByteThatIsChangedIsRefusedAndNamed(t *testing.T) {
	t.Parallel()
	f := receiptOf(vaulttest.Lived(t), vaulttest.First)
	good := encode(t, f)
	for i := 0; i < len(good); i += 7 { // which takes 86 s for every byte and two bits of it
		data := bytes.Clone(good)
		data[i] ^= []byte{1, 4}[i%2]
		_, err := Verify(data, root)
		got, ok := fault.As(err)
		if !ok {
			t.Fatalf("byte %d, %q for %q, was taken", i, data[i], good[i])
		}
		if part := got.Details["part"]; !allowed(f, good, data, i, part) {
			t.Fatalf("byte %d, %q for %q, is said to be of %q: %v", i, data[i], good[i], part, err)
		}
	}
}

// allowed reports whether a refusal names the part of a byte: "file" when it no longer
// decodes as a receipt.
func allowed(f File, good, data []byte, i int, part string) bool {
	if part == "file" {
		_, err := Decode(data)
		return err != nil
	}
	note, lines := bytes.Index(good, []byte(`,"note":"`)), bytes.Index(good, []byte(`,"lines":[`))
	switch {
	case i < note: // the request's name, of which the first entry is not
		return part == "entry 1"
	case i < lines:
		return part == "note"
	}
	for n, l := range f.Lines {
		from := bytes.Index(good, fmt.Appendf(nil, `{"seq":%d,"jws":"%s"`, l.Seq, l.JWS))
		if n+1 < len(f.Lines) && i >= bytes.Index(good, fmt.Appendf(nil, `{"seq":%d,"jws":"%s"`, f.Lines[n+1].Seq, f.Lines[n+1].JWS)) {
			continue
		}
		if seq := strings.TrimPrefix(part, "entry "); i <= from+len(`{"seq":1`) && seq != fmt.Sprint(l.Seq) {
			return strings.HasPrefix(part, "entry ") // of the number that it has now
		}
		return part == fmt.Sprint("entry ", l.Seq)
	}
	return false
}

func TestAReceiptOfARejectionSaysWhoRejected(t *testing.T) {
	t.Parallel()
	s := vaulttest.New(t)
	s.Ask(vaulttest.First, vaulttest.AddressKey)
	s.Decide(vaulttest.First, vaulttest.AliceKey, statement.Initiate)
	s.Decide(vaulttest.First, vaulttest.BobKey, statement.Reject)
	s.Close(vaulttest.First)
	r, err := Verify(encode(t, receiptOf(s, vaulttest.First)), root)
	if err != nil || !strings.Contains(r.Text(), "Rejected by") || !strings.Contains(r.Text(), "rejected, ") {
		t.Errorf("%v\n%s", err, r.Text())
	}
	f := ordered(t, vaulttest.Lived(t)) // an order of what was rejected
	g := receiptOf(s, vaulttest.First)
	g.LedTo = f.LedTo
	if _, err := Verify(encode(t, g), root); err == nil {
		t.Error("an order of a rejected purchase was taken")
	}
}

// TestTheSignersOwnSignatureDoesNotMakeAnApproval: a log in which the outcome does not
// follow from the members' signatures gives no receipt.
func TestTheSignersOwnSignatureDoesNotMakeAnApproval(t *testing.T) {
	t.Parallel()
	s := vaulttest.New(t)
	s.Ask(vaulttest.First, vaulttest.AddressKey)
	s.Decide(vaulttest.First, vaulttest.AliceKey, statement.Initiate)
	s.Decide(vaulttest.First, vaulttest.AliceKey, statement.Approve)
	s.Lie(vaulttest.First, signedlog.Outcome, signedlog.OutcomeBody{Request: vaulttest.First, State: "APPROVED", Reasons: []string{"trust me"}, UseBy: vaulttest.Noon + 86400})
	_, err := Verify(encode(t, receiptOf(s, vaulttest.First)), root)
	if f, ok := fault.As(err); !ok || f.Details["part"] != "entry 4" {
		t.Error(err)
	}
}

// sent is a vault in which a transfer was approved, and signed twice.
func sent(t testing.TB) *vaulttest.Log {
	t.Helper()
	l := vaulttest.New(t)
	l.Send(vaulttest.Third)
	l.Sign(vaulttest.Third, gas.Fees{Gas: 21000, FeeCap: "2000000000", Tip: "1000000000"})
	l.Sign(vaulttest.Third, gas.Fees{Gas: 21000, FeeCap: "3000000000", Tip: "2000000000"})
	return l
}

func TestAReceiptOfATransferHasTheHashOfItsTransaction(t *testing.T) {
	t.Parallel()
	r, err := Verify(encode(t, receiptOf(sent(t), vaulttest.Third)), root)
	if err != nil || len(r.Attempts) != 2 {
		t.Fatalf("%v: %+v", err, r.Attempts)
	}
	for _, a := range r.Attempts {
		tx, _, err := a.Signed()
		if err != nil || !strings.Contains(r.Text(), tx.Hash) {
			t.Errorf("%v\n%s", err, r.Text())
		}
	}
}

// changed is a vault in which a group was made, and then one administrator was enough, while
// a purchase and the removal of the group waited.
func changed(t testing.TB) *vaulttest.Log {
	t.Helper()
	l := vaulttest.New(t)
	l.Change(made, intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_board", Name: "Board", Members: []intent.Named{{Member: "mem_alice"}}})
	l.Ask(vaulttest.First, vaulttest.AddressKey)
	l.Want(removed, intent.GroupRemove{Kind: intent.KindGroupRemove, V: 1, Group: "grp_board", FromVersion: 1})
	l.Decide(vaulttest.First, vaulttest.AliceKey, statement.Initiate)
	l.Change(alone, intent.AdminRulePut{Kind: intent.KindAdminRulePut, V: 1, FromVersion: 1, Quorum: 1})
	l.Govern(removed)
	l.Decide(removed, vaulttest.AliceKey, statement.Approve)
	l.Close(removed)
	l.Decide(vaulttest.First, vaulttest.AliceKey, statement.Approve)
	l.Decide(vaulttest.First, vaulttest.BobKey, statement.Approve)
	l.Close(vaulttest.First)
	return l
}

const made, alone, removed = "req_gggggggggggggggggggggggggg", "req_hhhhhhhhhhhhhhhhhhhhhhhhhh", "req_iiiiiiiiiiiiiiiiiiiiiiiiii"

func TestAReceiptRestsOnTheChangesOfTheVaultBeforeIt(t *testing.T) {
	t.Parallel()
	l := changed(t)
	r, err := Verify(encode(t, receiptOf(l, vaulttest.First, made, removed, alone)), root)
	if err != nil || len(r.Changes) != 3 || !strings.Contains(r.Text(), "Before it     ") {
		t.Fatalf("%v\n%s", err, r.Text())
	}
	// One administrator was enough for the removal, and only after that was decided by two.
	r, err = Verify(encode(t, receiptOf(l, removed, made, alone)), root)
	if err != nil || len(r.Request.Accepted) != 1 || r.Request.GovernedBy.Version != 2 {
		t.Fatalf("%v: %+v", err, r.Request)
	}
	for name, f := range map[string]File{
		"without the change that one is enough": receiptOf(l, removed, made),
		"without the group that is removed":     receiptOf(l, removed, alone),
		"with a purchase as a change":           receiptOf(l, removed, made, alone, vaulttest.First),
	} {
		if _, err := Verify(encode(t, f), root); fault.CodeOf(err) != fault.SignatureInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	open := receiptOf(l, vaulttest.First, made, alone)
	for _, seq := range l.About[removed][:1] {
		open.Lines = append(open.Lines, lineOf(l, seq))
	}
	slices.SortFunc(open.Lines, func(a, b Line) int { return int(a.Seq - b.Seq) })
	if _, err := Verify(encode(t, open), root); fault.CodeOf(err) != fault.SignatureInvalid {
		t.Errorf("with a change that is not closed: %v", err)
	}
}

func TestThePageHasTheExampleAndTheLimits(t *testing.T) {
	t.Parallel()
	example := spec.Examples(t, "receipt.md", "Form", "json")[0]
	var f File
	if err := strictjson.Unmarshal([]byte(example), &f, MaxSize); err != nil {
		t.Fatal(err)
	}
	spec.Shows(t, "a receipt", example, f)
	spec.Limit(t, "receipt.md", "receipt", spec.Number(MaxSize))
	spec.Limit(t, "receipt.md", "lines", spec.Number(MaxLines))
	spec.Limit(t, "receipt.md", "transactions of an order", fmt.Sprint(MaxTransactions))
}

// FuzzReceipt: what is read is what was written, and nothing but the receipt itself
// verifies.
func FuzzReceipt(f *testing.F) {
	good := encode(f, receiptOf(vaulttest.Lived(f), vaulttest.First))
	f.Add(good)
	f.Add(encode(f, ordered(f, vaulttest.Lived(f))))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Decode(data)
		if err != nil {
			return
		}
		if again := encode(t, file); !bytes.Equal(again, data) {
			t.Fatalf("%s is written as %s", data, again)
		}
		if r, err := Verify(data, root); err == nil && r.LedTo == nil && r.Request.Request == vaulttest.First && !bytes.Equal(data, good) {
			t.Fatalf("another receipt verifies: %s", data)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	data := encode(b, receiptOf(vaulttest.Lived(b), vaulttest.First))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Verify(data, root); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAReceiptOfARequestThatOtherRulesGovernSince: what was spent before decided which of
// the new rules governs, and is in another request, which the receipt does not have.
func TestAReceiptOfARequestThatOtherRulesGovernSince(t *testing.T) {
	t.Parallel()
	l := vaulttest.New(t)
	l.Ask(vaulttest.First, vaulttest.AddressKey)
	l.Ask(vaulttest.Second, 7) // governed by the rule for much, because of the first
	rules := l.State.Genesis.Accounts[0].Rules
	rules.Version = 2
	rules.Rules = slices.Clone(rules.Rules)
	rules.Rules[1].Name = "very much"
	l.Change(made, intent.AccountEdit{Kind: intent.KindAccountEdit, V: 1, Account: vaulttest.Account, FromVersion: 1, Name: "Treasury", Rules: rules})
	for _, id := range []string{vaulttest.First, vaulttest.Second} {
		l.Govern(id)
	}
	l.Decide(vaulttest.Second, vaulttest.BobKey, statement.Approve)
	l.Close(vaulttest.Second)
	r, err := Verify(encode(t, receiptOf(l, vaulttest.Second, made)), root)
	if err != nil || r.Request.GovernedBy.Version != 2 || r.Request.GovernedBy.Rule != "very much" {
		t.Fatalf("%v: %+v", err, r.Request)
	}
}

// TestAReceiptOfAPurchaseIntoAnAccountThatWasCreated rests on the request that created the
// account, whose key another request had before.
func TestAReceiptOfAPurchaseIntoAnAccountThatWasCreated(t *testing.T) {
	t.Parallel()
	const before = "req_ffffffffffffffffffffffffff"
	trading := intent.AccountCreate{
		Kind: intent.KindAccountCreate, V: 1, Account: "acc_trading", Name: "Trading", Chain: "eip155:31337", Tier: intent.Trading, Parent: vaulttest.Account,
		Rules: governance.Set{Rules: []governance.Rule{{Name: "all", Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_bob"}}}}}},
	}
	l := vaulttest.New(t)
	l.Reject(before, trading, 20)
	l.Create(made, trading, 20)
	l.AskInto("acc_trading", "Trading", vaulttest.First, vaulttest.AddressKey)
	l.Decide(vaulttest.First, vaulttest.BobKey, statement.Approve)
	l.Close(vaulttest.First)
	r, err := Verify(encode(t, receiptOf(l, vaulttest.First, made)), root)
	if err != nil || len(r.Changes) != 1 || r.Request.GovernedBy.RuleSet != "acc_trading" {
		t.Fatalf("%v: %+v", err, r)
	}
	if _, err := Verify(encode(t, receiptOf(l, vaulttest.First)), root); fault.CodeOf(err) != fault.SignatureInvalid {
		t.Errorf("without the request that created the account: %v", err)
	}
	if r, err := Verify(encode(t, receiptOf(l, made)), root); err != nil || r.Request.Wants.(intent.AccountCreate).Name != "Trading" {
		t.Errorf("of the creation itself: %v", err)
	}
}
