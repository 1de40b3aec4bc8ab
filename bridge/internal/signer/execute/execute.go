// Package execute does what a request wants, once it is approved: one executor for
// each kind of intent. The signer calls it when the outcome is in its log. Spec:
// shared/spec/signer-link.md, "What is done".
package execute

import (
	"context"

	"countersign/shared/fault"
	"countersign/shared/intent"
)

// executors has an executor for each kind of intent.
var executors = map[string]func(context.Context, intent.Intent) error{
	intent.KindBuy:      handOff,
	intent.KindTransfer: whenAsked,
	intent.KindReplace:  whenAsked,
	intent.KindMessage:  whenAsked,

	intent.KindGroupPut:           inEffect,
	intent.KindGroupRemove:        inEffect,
	intent.KindWhitelistPut:       inEffect,
	intent.KindAdminRulePut:       inEffect,
	intent.KindAccountCreate:      inEffect,
	intent.KindAccountEdit:        inEffect,
	intent.KindMemberInvite:       inEffect,
	intent.KindMemberReplaceKeys:  inEffect,
	intent.KindMemberSuspend:      inEffect,
	intent.KindMemberResume:       inEffect,
	intent.KindMemberRevoke:       inEffect,
	intent.KindReportingKeyCreate: inEffect,
	intent.KindReportingKeyRevoke: inEffect,
	intent.KindVaultRotateKeys:    inEffect,
}

// Do does what an approved intent wants. It fails with NOT_SUPPORTED for a kind that
// can be approved, and not be done yet.
func Do(ctx context.Context, i intent.Intent) error {
	do := executors[i.Facts().Kind]
	if do == nil {
		do = notYet
	}
	return do(ctx, i)
}

// handOff has nothing to do: the vault's address is attested, and the gateway leads the
// payer to the provider.
func handOff(context.Context, intent.Intent) error { return nil }

// inEffect has nothing to do: what changes the vault changed it with the outcome's entry.
func inEffect(context.Context, intent.Intent) error { return nil }

// whenAsked has nothing to do yet: the gateway asks for the signature, of a transaction when
// it knows what the chain takes.
func whenAsked(context.Context, intent.Intent) error { return nil }

func notYet(_ context.Context, i intent.Intent) error {
	return fault.New(fault.NotSupported, "this version of the signer does not carry out a "+i.Noun())
}
