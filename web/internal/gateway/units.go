package gateway

import (
	"countersign/shared/asset"
	"countersign/shared/fault"
)

// buyable refuses an asset that cannot be bought into an account on the chain:
// INVALID_REQUEST, with the field that holds the asset in details.
func (g *Gateway) buyable(chain, id, field string) error {
	if _, why := asset.Buyable(chain, id); why != "" {
		return fault.New(fault.Invalid, why).With("field", field).With("chain", chain).With("asset", id)
	}
	return nil
}
