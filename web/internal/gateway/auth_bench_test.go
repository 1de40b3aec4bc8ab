package gateway_test

import (
	"testing"

	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	. "countersign/web/internal/gateway/gatewaytest"
)

// What each question with a token pays before it is asked.
func BenchmarkAuthenticate(b *testing.B) {
	w := New(b)
	reply, err := w.Gateway.Token(b.Context(), wire.TokenRequest{APIKey: APIKey, ID: Entity, UserType: wire.UserEntity}, gateway.Visit{Client: "192.0.2.1"})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := w.Gateway.Authenticate(b.Context(), reply.AccessToken, gateway.Proof{}); err != nil {
			b.Fatal(err)
		}
	}
}
