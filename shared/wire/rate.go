package wire

import "time"

// RateLimits answers GET /v1/rate_limits.
type RateLimits struct {
	Tier       string      `json:"tier,omitempty"` // developer, professional or enterprise; absent: the gateway's own
	Limits     []RateLimit `json:"limits"`
	ServerTime time.Time   `json:"server_time"`
}

// RateLimit is what a caller may ask of one kind: all, write or read.
type RateLimit struct {
	Kind      string    `json:"kind"`
	Limit     int       `json:"limit"` // in a minute
	Remaining int       `json:"remaining"`
	Reset     time.Time `json:"reset"` // when all of it is there again
}
