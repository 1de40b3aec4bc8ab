//go:build !js || verify

package intent

import "strings"

// toldKinds are the kinds that the page is told of in words: replace, message, and those that change
// the vault.
var toldKinds = []kind{
	{KindReplace, `{"kind":"replace","v":1`, decode[Replace], tellReplace},
	{KindMessage, `{"kind":"message","v":1`, decode[Message], tellMessage},
	{KindGroupPut, `{"kind":"group.put","v":1`, decode[GroupPut], tellChange},
	{KindGroupRemove, `{"kind":"group.remove","v":1`, decode[GroupRemove], tellChange},
	{KindWhitelistPut, `{"kind":"whitelist.put","v":1`, decode[WhitelistPut], tellChange},
	{KindAdminRulePut, `{"kind":"admin_rule.put","v":1`, decode[AdminRulePut], tellChange},
	{KindAccountCreate, `{"kind":"account.create","v":1`, decode[AccountCreate], tellChange},
	{KindAccountEdit, `{"kind":"account.edit","v":1`, decode[AccountEdit], tellChange},
	{KindMemberInvite, `{"kind":"member.invite","v":1`, decode[MemberInvite], tellChange},
	{KindMemberReplaceKeys, `{"kind":"member.replace_keys","v":1`, decode[MemberReplaceKeys], tellChange},
	{KindMemberSuspend, `{"kind":"member.suspend","v":1`, decode[MemberState], tellChange},
	{KindMemberResume, `{"kind":"member.resume","v":1`, decode[MemberState], tellChange},
	{KindVaultRotateKeys, `{"kind":"vault.rotate_keys","v":1`, decode[VaultRotateKeys], tellChange},
	{KindMemberRevoke, `{"kind":"member.revoke","v":1`, decode[MemberState], tellChange},
	{KindReportingKeyCreate, `{"kind":"reporting_key.create","v":1`, decode[ReportingKeyCreate], tellChange},
	{KindReportingKeyRevoke, `{"kind":"reporting_key.revoke","v":1`, decode[ReportingKeyRevoke], tellChange},
}

func tellChange(r Record) []string { return []string{r.Change} }

func tellReplace(r Record) []string {
	fee, coin, _ := strings.Cut(r.Price, " ")
	return []string{
		r.Change + " of " + Crypto{r.Amount, r.Asset}.text() + ", fee at most " + Crypto{fee, coin}.text(),
		"from " + r.Account,
		"to " + r.Address + " on " + Chain(r.Chain),
	}
}
