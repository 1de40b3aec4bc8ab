//go:build !js

package app

import "countersign/shared/intent"

func init() {
	messages = append(messages, intent.Message{
		Kind: intent.KindMessage, V: 1, Account: "acc_treasury", AccountName: "Treasury", Chain: "eip155:31337", Address: address1, Text: "Sign in to example.com\nNonce: 4711", Purpose: "To sign in",
	})
}
