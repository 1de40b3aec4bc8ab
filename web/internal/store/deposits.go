package store

import "time"

// Address is one of the vault's on a chain. It is watched for good, whatever
// became of the request that it was made for.
type Address struct {
	Pos     int64 // counts addresses in the order in which they came
	Chain   string
	Address string // lower case
	Entity  string
	Account string
	Request string // the latest that has it; empty: the account's own
	Balance string // of the chain's own coin after block Swept, in the smallest unit
	Swept   int64  // -1: never looked at
	Sent    int64  // transactions that it had sent, as far as was looked when its balance and the books last came to agree
}

// States of a deposit.
const (
	DepositPending  = "pending"  // seen, without the confirmations that its chain needs
	DepositFinal    = "final"    // booked
	DepositReversed = "reversed" // its block left the chain
)

// Deposit is what a chain moved to an address of the vault, or out of it, in one block. The
// same transaction in another block, after a reorganisation, is another deposit.
type Deposit struct {
	ID        string // dep_…
	Chain     string
	Asset     string // LedgerId: what the chain moved
	Tx        string // empty: seen by the balance, no transaction says so
	Index     int64  // of the log; -1 without one; -2: Out, without one; -3: the fee of a transaction
	Out       bool   // the address sent it
	Opening   bool   // it was there when the address was first looked at
	Address   string // lower case
	Amount    string // decimal, in the main unit
	Block     int64
	BlockHash string
	At        time.Time // of the block
	Seen      time.Time // by the gateway
	State     string
	Entity    string
	Account   string
	Request   string // that the address was made for; empty: the account's own
	Order     string // that it is delivered for; empty: not asked for
	Entry     string // of the ledger that books it; empty: none does
	Match     string // entry that made it its order's, when it came before; empty: none did
}

// Deposits and the addresses that they come to.
type Deposits interface {
	PutAddress(Address) error // adds, or replaces balance and block
	// HandAddress gives an address to a later request. A signer uses one again whose
	// request ended before it was approved.
	HandAddress(chain, address, request string) error
	Address(chain, address string) (Address, error)
	Addresses(chain string, after int64, limit int) ([]Address, error) // those that came after a position, oldest first
	// Unswept are addresses whose balance is of before a block: first those that
	// an open order waits for and accounts' own, then the longest unseen.
	Unswept(chain string, block int64, limit int) ([]Address, error)
	SweptAfter(chain string, block int64) ([]Address, error)

	PutDeposit(Deposit) error // adds, or replaces by id; ErrExists for another one of the same event
	// DepositOf finds the deposit of the same event as d: chain, asset, tx, index,
	// address and block hash.
	DepositOf(d Deposit) (Deposit, error)
	DepositsAt(chain, address string) ([]Deposit, error)        // oldest first
	DepositsAfter(chain string, block int64) ([]Deposit, error) // not reversed, in later blocks; oldest first
	// Moved are what came and what was sent, without fees, the newest first, those after the one with id after.
	Moved(entity string, f MovementFilter, after string, limit int) ([]Deposit, error)
	EachDeposit(chain string, each func(Deposit) error) error               // oldest first, reversed ones too
	Pending(chain string) ([]Deposit, error)                                // oldest first
	Deposits(entity, account string, limit int) ([]Deposit, error)          // that arrived, newest first
	PutBlock(chain string, number int64, hash string) error                 // adds or replaces
	BlockHash(chain string, number int64) (string, error)                   //
	BlocksBefore(chain string, number int64, limit int) ([]BlockRef, error) // newest first, number included
	DropBlocks(chain string, from, to int64) error                          // both included
}

// BlockRef is a block that was read.
type BlockRef struct {
	Number int64
	Hash   string
}
