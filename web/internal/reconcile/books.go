package reconcile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// sums are amounts by asset.
type sums map[string]amount.Amount

// vault is an entity's.
type vault struct {
	entity   string
	accounts map[string]bool
	moved    map[string]sums          // by account: what is final, and booked
	sendings map[string]store.Sending // by request, or the name of a sweep
}

// onChain is what the books say of a chain.
type onChain struct {
	block chain.Block              // up to which it was read
	has   map[string]sums          // by address: what arrived less what was sent, up to block
	sent  map[string][]movement    // by hash of the transaction
	rows  map[string]store.Address // by address: those to be compared
	all   []string                 // of rows, in their order
	fresh int64                    // that were not looked at yet
}

// movement is what a transaction took from an address.
type movement struct {
	asset  string
	amount amount.Amount
	fee    bool
}

func newOnChain() *onChain {
	return &onChain{has: map[string]sums{}, sent: map[string][]movement{}, rows: map[string]store.Address{}}
}

// of is what the books say of a chain, which is also remembered of one that no node is for.
func (r *run) of(id string) *onChain {
	if r.chains[id] == nil {
		r.chains[id] = newOnChain()
	}
	return r.chains[id]
}

// vault reads what an entity's vault has, and the addresses of its accounts.
func (r *run) vault(tx store.Tx, entity string) (*vault, error) {
	v := &vault{entity: entity, accounts: map[string]bool{}, moved: map[string]sums{}, sendings: map[string]store.Sending{}}
	by, err := projection.Governs(tx, entity)
	if errors.Is(err, store.ErrNotFound) { // nothing of its log was read
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	own := func(all []statement.GenesisAccount) {
		for _, a := range all {
			v.accounts[a.Account] = true
			r.of(a.Chain)
			r.attest(a.Chain, a.Address, owner{entity, a.Account, true})
		}
	}
	now := by.Current().Accounts
	own(now)
	own(by.Genesis.Accounts)
	for _, rotation := range by.Rotations {
		for _, a := range rotation.Accounts {
			for _, is := range now {
				if is.Account == a.Account {
					r.attest(is.Chain, a.Address, owner{entity, a.Account, true})
				}
			}
		}
	}
	err = tx.EachSending(entity, func(s store.Sending) error {
		v.sendings[s.Request] = s
		return nil
	})
	return v, err
}

func (r *run) attest(chain, address string, o owner) {
	at := place{chain, strings.ToLower(address)}
	if r.attested[at].must {
		return
	}
	r.attested[at] = o
}

// movements reads what moved on a chain.
func (r *run) movements(tx store.Tx, id string, vaults []*vault) error {
	on := r.chains[id]
	text, err := tx.Cursor(id)
	if err != nil {
		return err
	}
	if text != "" {
		if on.block, err = chain.ParseCursor(text); err != nil {
			return err
		}
	}
	of := map[string]*vault{}
	for _, v := range vaults {
		of[v.entity] = v
	}
	n := int64(0)
	return tx.EachDeposit(id, func(d store.Deposit) error {
		n++
		r.every("movements on "+id, n)
		v := of[d.Entity]
		if v == nil || d.State == store.DepositReversed {
			return nil
		}
		a, err := amount.Parse(d.Amount)
		if err != nil {
			return fmt.Errorf("read movement %s: %w", d.ID, err)
		}
		if d.Out && d.Tx != "" {
			hash := strings.ToLower(d.Tx)
			on.sent[hash] = append(on.sent[hash], movement{d.Asset, a, d.Index == chain.IndexFee})
		}
		if d.Out {
			a = a.Neg()
		}
		if d.Block <= on.block.Number {
			add(on.has, d.Address, d.Asset, a)
		}
		if d.State != store.DepositFinal {
			return nil
		}
		if d.Entry == "" {
			r.differs(wire.Difference{Kind: wire.DiffersBooks, Entity: d.Entity, Account: d.Account, Asset: d.Asset, Address: d.Address, Books: "0", Other: a.Trim().String(), Hash: d.Tx,
				Text: "what moved is final, and no entry books it"})
			return nil
		}
		add(v.moved, d.Account, d.Asset, a)
		return nil
	})
}

func add(to map[string]sums, key, asset string, a amount.Amount) {
	if to[key] == nil {
		to[key] = sums{}
	}
	to[key][asset] = to[key][asset].Add(a)
}

// ledger adds up what is booked: by asset, which is nothing, and by account, which is what moved.
func (r *run) ledger(tx store.Tx, v *vault) error {
	all, accounts := sums{}, map[string]sums{}
	err := tx.Postings(v.entity, nil, time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), func(_ time.Time, p store.Posting) error {
		r.out.Postings++
		r.every("postings", r.out.Postings)
		a, err := amount.Parse(p.Amount)
		if err != nil {
			return fmt.Errorf("read a posting on %s: %w", p.Ledger, err)
		}
		if p.Side == "credit" {
			a = a.Neg()
		}
		all[p.Asset] = all[p.Asset].Add(a)
		if account, ok := strings.CutPrefix(p.Ledger, "vault:"); ok {
			add(accounts, account, p.Asset, a)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, of := range slices.Sorted(maps.Keys(all)) {
		if !all[of].IsZero() {
			r.differs(wire.Difference{Kind: wire.DiffersBooks, Entity: v.entity, Asset: of, Books: all[of].Trim().String(), Other: "0", Text: "debits and credits differ"})
		}
	}
	names := map[string]bool{}
	for _, m := range []map[string]sums{accounts, v.moved} {
		for account := range m {
			names[account] = true
		}
	}
	for _, account := range slices.Sorted(maps.Keys(names)) {
		if err := r.account(tx, v, account, accounts[account], v.moved[account]); err != nil {
			return err
		}
	}
	return nil
}

// account compares what is booked of an account with what moved, and names the movements on
// which they differ. What entries of earlier versions booked without naming a movement counts as
// they say.
func (r *run) account(tx store.Tx, v *vault, account string, booked, moved sums) error {
	if same(booked, moved) {
		return nil
	}
	entries, rows := map[string]sums{}, map[string]store.Deposit{} // by the movement's id
	rest := maps.Clone(booked)
	err := tx.Movements(v.entity, account, time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), func(m store.Movement) error {
		for _, p := range m.Entry.Postings {
			if p.Ledger != "vault:"+account {
				continue
			}
			a, err := amount.Parse(p.Amount)
			if err != nil {
				return err
			}
			if p.Side == "credit" {
				a = a.Neg()
			}
			rest[p.Asset] = rest[p.Asset].Sub(a)
			if m.Entry.Deposit != "" {
				add(entries, m.Entry.Deposit, p.Asset, a)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(r.chains)) {
		if err := tx.EachDeposit(id, func(d store.Deposit) error {
			if d.Entity == v.entity && d.Account == account {
				rows[d.ID] = d
			}
			return nil
		}); err != nil {
			return err
		}
	}
	ids := map[string]bool{}
	for id := range entries {
		ids[id] = true
	}
	for id := range rows {
		ids[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if err := r.movement(v, account, rows[id], entries[id]); err != nil {
			return err
		}
	}
	for _, of := range assets(rest) { // postings of entries that are not there, or that say something else
		if !rest[of].IsZero() {
			r.differs(wire.Difference{Kind: wire.DiffersBooks, Entity: v.entity, Account: account, Asset: of, Books: booked[of].Trim().String(), Other: booked[of].Sub(rest[of]).Trim().String(),
				Text: "the ledger has " + figure(booked[of], of) + ", and its entries say " + figure(booked[of].Sub(rest[of]), of)})
		}
	}
	return nil
}

// movement compares one movement with the entries that name it. One that was taken back, or is
// not final yet, is booked with nothing in the end.
func (r *run) movement(v *vault, account string, d store.Deposit, booked sums) error {
	moved := sums{}
	if d.State == store.DepositFinal && d.Entry != "" { // one without was told of before
		a, err := amount.Parse(d.Amount)
		if err != nil {
			return err
		}
		if d.Out {
			a = a.Neg()
		}
		moved[d.Asset] = a
	} else if d.State == store.DepositFinal {
		return nil
	}
	for _, of := range assets(booked, moved) {
		if booked[of].Cmp(moved[of]) != 0 {
			r.differs(wire.Difference{Kind: wire.DiffersBooks, Entity: v.entity, Account: account, Asset: of, Address: d.Address, Books: booked[of].Trim().String(), Other: moved[of].Trim().String(), Hash: d.Tx,
				Text: "entries book " + figure(booked[of], of) + " of a movement of " + figure(moved[of], of)})
		}
	}
	return nil
}

func same(a, b sums) bool {
	return !slices.ContainsFunc(assets(a, b), func(of string) bool { return a[of].Cmp(b[of]) != 0 })
}

func assets(all ...sums) []string {
	names := map[string]bool{}
	for _, m := range all {
		for of := range m {
			names[of] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// figure is an amount with its ticker.
func figure(a amount.Amount, id string) string {
	of, _ := asset.ByID(id)
	return a.Trim().String() + " " + of.Ticker
}
