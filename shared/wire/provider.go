package wire

import (
	"time"

	"countersign/shared/quote"
)

// Providers answers GET /v1/providers.
type Providers struct {
	Providers  []quote.Provider `json:"providers"`
	ServerTime time.Time        `json:"server_time"`
}
