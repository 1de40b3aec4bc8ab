package vault

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

const depositKey seed = 30

var depositAddress, _ = AddressOn("eip155:31337", depositKey.PublicKey())

// mayBeSwept gives the account a standing rule.
func (w *writer) mayBeSwept(maxFee, perDay string) {
	w.t.Helper()
	err := w.s.Accounts.put(ruled, Version[AccountTerms]{Version: 2, Seq: 1, Value: AccountTerms{Name: "Treasury", Sweep: &intent.Sweep{MaxFee: maxFee, PerDay: perDay}}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// attest is the vault's word that the address of a key is a deposit address of an account.
func (w *writer) attest(account string, key seed) string {
	w.t.Helper()
	address, _ := AddressOn("eip155:31337", key.PublicKey())
	payload, err := statement.Encode(statement.Address{
		V: 1, Type: "address", Entity: "ent_sandbox", Account: account, Request: approved, Chain: "eip155:31337", Address: address,
		PublicKey: key.PublicKey().JWK(), IssuedAt: noon,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := jws.Sign(w.t.Context(), statementKey, statement.TypAddress, payload)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func (w *writer) sweeping(nonce int64, units string, f gas.Fees) signedlog.SweepingBody {
	return signedlog.SweepingBody{Account: ruled, Address: depositAddress, Attestation: w.attest(ruled, depositKey), Nonce: nonce, Amount: units, Fees: f}
}

// swept signs what is about to be swept with a key.
func (w *writer) swept(key seed, change func(*SweepAttempt)) signedlog.SweptBody {
	w.t.Helper()
	x := w.s.Sweeping(depositAddress)
	a := *x.Last()
	if change != nil {
		change(&a)
	}
	tx, err := w.s.SweepTx(ruled, a)
	if err != nil {
		w.t.Fatal(err)
	}
	digest, err := tx.Digest()
	if err != nil {
		w.t.Fatal(err)
	}
	signature, err := key.SignDigest(w.t.Context(), digest[:])
	if err != nil {
		w.t.Fatal(err)
	}
	address, _ := AddressOn("eip155:31337", key.PublicKey())
	raw, err := tx.Sign(signature, address)
	if err != nil {
		w.t.Fatal(err)
	}
	return signedlog.SweptBody{Address: depositAddress, Raw: base64.RawURLEncoding.EncodeToString(raw)}
}

// sweep writes both entries of a sweep.
func (w *writer) sweep(f gas.Fees) {
	w.t.Helper()
	w.mayBeSwept("0.0021", "0.005")
	w.append(signedlog.Sweeping, w.sweeping(0, "1000", f))
	w.append(signedlog.Swept, w.swept(depositKey, nil))
}

func TestASweepOnlyBringsADepositToTheAccountsOwnAddress(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	if err := w.try(signedlog.Sweeping, w.sweeping(0, "1000", fees("2", "1"))); err == nil || !strings.Contains(err.Error(), "no standing rule") {
		t.Errorf("without a standing rule: %v", err)
	}
	w.mayBeSwept("0.0021", "0.005")
	for name, change := range map[string]func(*signedlog.SweepingBody){
		"another nonce":                   func(b *signedlog.SweepingBody) { b.Nonce = 1 },
		"nothing":                         func(b *signedlog.SweepingBody) { b.Amount = "0" },
		"more than a chain can count":     func(b *signedlog.SweepingBody) { b.Amount = "1" + strings.Repeat("0", 78) },
		"a nonce below nothing":           func(b *signedlog.SweepingBody) { b.Nonce = -1 },
		"a number with a zero before it":  func(b *signedlog.SweepingBody) { b.Amount = "01" },
		"a fee above the rule":            func(b *signedlog.SweepingBody) { b.Fees = fees("101", "1") },
		"an address that nobody attested": func(b *signedlog.SweepingBody) { b.Attestation = "" },
		"the attestation of another":      func(b *signedlog.SweepingBody) { b.Attestation = w.attest(ruled, 31) },
		"that of another account":         func(b *signedlog.SweepingBody) { b.Attestation = w.attest("acc_other", depositKey) },
	} {
		b := w.sweeping(0, "1000", fees("2", "1"))
		change(&b)
		if err := w.try(signedlog.Sweeping, b); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	w.append(signedlog.Sweeping, w.sweeping(0, "1000", fees("2", "1")))
	for name, b := range map[string]signedlog.SweptBody{
		"by another key":   w.swept(bobKey, nil),
		"with other fees":  w.swept(depositKey, func(a *SweepAttempt) { a.Fees = fees("1", "1") }),
		"with other nonce": w.swept(depositKey, func(a *SweepAttempt) { a.Nonce = 1 }),
		"no transaction":   {Address: depositAddress, Raw: "AAAA"},
	} {
		if err := w.try(signedlog.Swept, b); err == nil {
			t.Errorf("a sweep %s was taken", name)
		}
	}
	if err := w.try(signedlog.Sweeping, w.sweeping(1, "1000", fees("2", "1"))); err == nil {
		t.Error("a second sweep was taken before the first was signed")
	}
	w.append(signedlog.Swept, w.swept(depositKey, nil))
	for name, b := range map[string]signedlog.SweepingBody{
		"more with the same fees": w.sweeping(0, "1001", fees("2", "1")), "the same again": w.sweeping(0, "1000", fees("2", "1")), "one after the next": w.sweeping(2, "1000", fees("2", "1")),
	} {
		if err := w.try(signedlog.Sweeping, b); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	w.append(signedlog.Sweeping, w.sweeping(0, "1000", fees("3", "2")))
	w.append(signedlog.Swept, w.swept(depositKey, nil))
	w.append(signedlog.Sweeping, w.sweeping(1, "5", fees("2", "1")))
}

func TestWhatSweepsMayCostInADayIsLimited(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.mayBeSwept("0.0021", "0.005")
	for nonce, units := range []string{"1", "2"} { // 0.0021 each
		w.append(signedlog.Sweeping, w.sweeping(int64(nonce), units, fees("100", "1")))
		w.append(signedlog.Swept, w.swept(depositKey, nil))
	}
	if err := w.try(signedlog.Sweeping, w.sweeping(2, "3", fees("100", "1"))); err == nil || !strings.Contains(err.Error(), "24 hours") {
		t.Errorf("got %v", err)
	}
	w.at += day
	w.append(signedlog.Sweeping, w.sweeping(2, "3", fees("100", "1")))
}

func TestASweepOfMoreThanThereIsMayBeSignedAgainForLess(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.mayBeSwept("0.0021", "0.1")
	sweep := func(nonce int64, units string, f gas.Fees) {
		t.Helper()
		w.append(signedlog.Sweeping, w.sweeping(nonce, units, f))
		w.append(signedlog.Swept, w.swept(depositKey, nil))
	}
	sweep(0, "1000000", fees("100", "100")) // no fee above it is allowed
	sweep(1, "5", fees("2", "1"))
	for range 2 * maxSweepAttempts {
		sweep(0, "1000", fees("2", "1")) // also when another one was begun after it
		sweep(0, "999", fees("1", "1"))
		sweep(1, "5", fees("2", "1"))
	}
	for nonce := range int64(3) {
		if _, err := w.s.NextSweep(ruled, depositAddress, nonce, "7", fees("3", "2"), w.at); err != nil {
			t.Errorf("nonce %d: %v", nonce, err)
		}
	}
	if n := len(w.s.accounts[ruled].swept); n > 3 {
		t.Errorf("fees are kept in %d parts", n)
	}
}

func TestOfASweepTheNewestAttemptsAreKept(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.mayBeSwept("0.0021", "0.1")
	for i := range 30 {
		w.append(signedlog.Sweeping, w.sweeping(0, strconv.Itoa(1000-i), fees("2", "1")))
		w.append(signedlog.Swept, w.swept(depositKey, nil))
	}
	if x := w.s.Sweeping(depositAddress); len(x.Attempts) != maxSweepAttempts || x.Last().Amount != "971" {
		t.Errorf("%+v", x)
	}
}
