package wire

import "time"

// States of a deposit.
const (
	DepositPending  = "pending"  // seen, without the confirmations that its chain needs
	DepositFinal    = "final"    // booked
	DepositReversed = "reversed" // its block left the chain
)

// Deposit is what a chain moved to an address of the vault, asked for or not.
type Deposit struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Asset   string `json:"asset"` // that the chain moved
	Amount  string `json:"amount"`
	Chain   string `json:"chain"`
	Address string `json:"address"`
	// TxHash is absent where the balance of the address alone shows the deposit:
	// contracts pay out without a transaction of their own.
	TxHash        string    `json:"tx_hash,omitempty"`
	Block         int64     `json:"block"`
	BlockHash     string    `json:"block_hash,omitempty"`
	At            time.Time `json:"at"` // of the block
	Confirmations int64     `json:"confirmations"`
	Needed        int64     `json:"needed"`
	Request       string    `json:"request,omitempty"` // that the address was made for
	Order         string    `json:"order,omitempty"`   // that it is delivered for; absent: not asked for
}
