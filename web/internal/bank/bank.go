// Package bank is the sandbox's pretend bank: one institution with one customer, two
// accounts for each connection, and movements that follow from the connection's id and
// the day alone, so that they are the same each time they are asked for. It holds
// nothing, and there is no token that opens it. web/internal/gateway is its user.
package bank

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"

	"countersign/shared/amount"
)

// The pretend institution, and who is its customer.
const (
	Institution = "First Pretend Bank"
	GoodUser    = "user_good"
	GoodPass    = "pass_good"
)

// History is how far back the movements of a new connection go.
const History = 30 * 24 * time.Hour

// Account is one account of a connection.
type Account struct {
	Name    string
	Mask    string // the last digits of its number
	Type    string
	Subtype string
	Opening string // what was on it when its history begins, in the main unit
}

// Accounts are those of every connection.
func Accounts() []Account {
	return []Account{
		{"Sandbox Checking", "0000", "depository", "checking", "10000.00"},
		{"Sandbox Saving", "1111", "depository", "savings", "25000.00"},
	}
}

// Login reports whether a person signs in.
func Login(user, password string) bool { return user == GoodUser && password == GoodPass }

// Movement is what came to an account, or left it.
type Movement struct {
	At     time.Time
	In     bool
	Amount string // in the main unit, two places
	Text   string
	Other  string // the ledger account on the other side
}

// payees are whom the checking account pays.
var payees = []struct{ text, other string }{
	{"Office rent", "expense:rent"}, {"Cloud hosting", "expense:software"}, {"Train tickets", "expense:travel"},
	{"Paper and ink", "expense:supplies"}, {"Accountant", "expense:services"}, {"Team lunch", "expense:meals"},
}

// Chart is the ledger's structure: its accounts, their names and categories, those of a
// bank apart.
func Chart() [][3]string {
	chart := [][3]string{{"equity:opening", "Opening balances", "EQUITY"}, {"revenue:sales", "Sales", "REVENUE"}, {"revenue:interest", "Interest", "REVENUE"}}
	for _, p := range payees {
		chart = append(chart, [3]string{p.other, p.text, "EXPENSE"})
	}
	return chart
}

// Movements are those of the nth account of a connection that began at a time, on the
// days from its beginning until a time, the oldest first. The first is what was on it.
func Movements(connection string, n int, began, until time.Time) []Movement {
	day := began.Add(-History).UTC().Truncate(24 * time.Hour)
	all := []Movement{{At: day, In: true, Amount: Accounts()[n].Opening, Text: "Opening balance", Other: "equity:opening"}}
	for ; !day.After(until); day = day.Add(24 * time.Hour) {
		at := day.Add(12 * time.Hour)
		if at.After(until) {
			break
		}
		r := dice(connection, n, day)
		switch {
		case n == 1 && day.Day() == 1:
			all = append(all, Movement{at, true, "31.25", "Interest", "revenue:interest"})
		case n == 1:
		case day.Day() == 1 || day.Day() == 15:
			all = append(all, Movement{at, true, cents(250_000 + r%50_000), "Invoice paid by a customer", "revenue:sales"})
		case day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && r%3 == 0:
			p := payees[r/3%uint64(len(payees))]
			all = append(all, Movement{at, false, cents(500 + r%20_000), p.text, p.other})
		}
	}
	return all
}

// Balance is what is on an account after movements.
func Balance(all []Movement) string {
	var sum amount.Amount
	for _, m := range all {
		a := amount.Must(m.Amount)
		if !m.In {
			a = a.Neg()
		}
		sum = sum.Add(a)
	}
	return sum.String()
}

// dice is a number that follows from a connection, an account and a day.
func dice(connection string, n int, day time.Time) uint64 {
	sum := sha256.Sum256([]byte(connection + "\x00" + string(rune('0'+n)) + "\x00" + day.Format(time.DateOnly)))
	return binary.BigEndian.Uint64(sum[:])
}

func cents(n uint64) string {
	a, err := amount.FromUnits(strconv.FormatUint(n, 10), 2)
	if err != nil {
		panic(err) // it is a number
	}
	return a.String()
}
