package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"countersign/shared/query"
	"countersign/shared/quote"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

// examples are the JSON blocks of wire.md under each heading, in their order,
// with what the example of a list need not repeat.
var examples = map[string][]struct {
	into   any
	hidden []string
}{
	"Rules of every message":           {{new(Problem), nil}},
	"GET /_health":                     {{new(Health), nil}},
	"GET /v1/clock":                    {{new(Clock), nil}},
	"POST /v1/auth/introspect":         {{new(IntrospectInput), []string{"token_type_hint"}}, {new(Introspection), nil}},
	"POST /v1/auth/revoke":             {{new(RevokeInput), []string{"entityId", "token_type_hint"}}, {new(Revoked), nil}},
	"GET /v1/auth/usage":               {{new(Page[Use]), nil}},
	"GET /v1/rate_limits":              {{new(RateLimits), nil}},
	"GET /v1/entities":                 {{new(BothPage[EntityRecord]), nil}},
	"POST /v1/entities":                {{new(EntityInput), nil}, {new(EntityReply), nil}},
	"GET /v1/keys":                     {{new(Keys), nil}},
	"POST /v1/keys":                    {{new(KeyInput), nil}, {new(NewKey), []string{"key.last_used_at", "key.revoked_at", "key.replaces"}}},
	"POST /v1/keys/{id}/rotate":        {{new(RotateInput), nil}},
	"DELETE /v1/keys/{id}":             {{new(RevokedKey), []string{"made.expires_at", "made.last_used_at", "made.revoked_at", "made.replaces"}}},
	"POST /v1/sandbox":                 {{new(SandboxInput), nil}, {new(SandboxReply), nil}},
	"POST /v1/sandbox/reset":           {{new(SandboxReset), nil}},
	"POST /v1/sandbox/link":            {{new(BankLoginInput), nil}, {new(BankLogin), nil}},
	"POST /v1/sandbox/reset-login":     {{new(BankItemInput), nil}},
	"GET /v1/banks/create-link":        {{new(BankLink), nil}},
	"GET /v1/banks/accounts":           {{new(BankItems), nil}},
	"POST /v1/banks/accounts":          {{new(BankConnectInput), nil}},
	"POST /v1/banks/sync":              {{new(BankSync), nil}},
	"GET /v1/banks/sync-status":        {{new(BankSyncStatus), nil}},
	"GET /v1/entity":                   {{new(Entity), nil}},
	"GET /v1/members/{id}/certificate": {{new(Certificate), nil}},
	"GET /v1/invitations":              {{new(Invitations), []string{"invitations.url"}}},
	"POST /v1/invitations":             {{new(InvitationInput), nil}, {new(Invitation), []string{"registration"}}},
	"GET /v1/join/{code}":              {{new(Invited), nil}},
	"POST /v1/join/{code}":             {{new(RegistrationInput), nil}},
	"GET /v1/vault":                    {{new(Vault), []string{"accounts.rules"}}},
	"GET /v1/vault/{id}":               {{new(VaultObject), nil}},
	"GET /v1/log":                      {{new(LogPage), []string{"entries.said"}}},
	"GET /v1/log/checkpoint":           {{new(LogCheckpoint), nil}},
	"GET /v1/providers":                {{new(Providers), nil}},
	"GET /v1/providers/{id}/history":   {{new(History), nil}},
	"POST /v1/providers/{id}/notices":  {{new(Noticed), nil}},
	"GET /v1/quotes":                   {{new(Quotes), []string{"fixes.also"}}, {new(QuoteOpen), nil}, {new(quote.Settled), nil}},
	"GET /v1/events":                   {{new(Opened), nil}, {new(Change), nil}},
	"GET /v1/requests":                 {{new(Page[Request]), []string{"items"}}},
	"POST /v1/requests": {{new(RequestInput), []string{"intent"}}, {new(RequestInput), []string{"quote_id", "account_id", "purpose", "reference"}}, {new(Sending), []string{"replaced_by"}}, {new(Signature), []string{"reason"}}, {new(Request), []string{"lines", "impact", "sending", "signature"}},
		{new(Explanation), []string{"decision", "rules", "remaining", "windows", "impact", "trial", "value"}},
		{new(DryRunInput), []string{"quote_id", "account_id", "purpose", "reference"}}},
	"GET /v1/requests/{id}/statement":     {{new(StatementPreview), nil}},
	"GET /v1/requests/{id}/replace-cost":  {{new(ReplaceCost), nil}},
	"POST /v1/reporting-keys":             {{new(ReportingSecret), nil}},
	"GET /v1/orders":                      {{new(Page[Order]), []string{"items"}}},
	"POST /v1/orders":                     {{new(OrderInput), nil}},
	"GET /v1/orders/{id}":                 {{new(Order), []string{"again.dest"}}},
	"POST /v1/orders/{id}/tickets":        {{new(TicketInput), nil}},
	"GET /v1/accounts":                    {{new(Accounts), []string{"accounts"}}},
	"GET /v1/accounts/{id}":               {{new(Account), []string{"rules"}}},
	"GET /v1/accounts/{id}/balances":      {{new(AccountBalances), nil}},
	"GET /v1/accounts/{id}/statements":    {{new(AccountStatement), nil}},
	"GET /v1/accounts/{id}/transfer-cost": {{new(TransferCost), nil}},
	"GET /v1/reconciliation":              {{new(Reconciliation), nil}},
	"GET /v1/reports/accounts":            {{new(Page[ReportAccount]), nil}},
	"GET /v1/reports/balances":            {{new(Page[ReportBalance]), nil}},
	"GET /v1/reports/transfers":           {{new(Page[ReportTransfer]), nil}},
	"GET /v1/reports/approvals":           {{new(Page[ReportApproval]), nil}},
	"GET /v1/reports/fees":                {{new(Page[ReportFee]), nil}},
	"GET /v1/reports/providers":           {{new(Page[ReportProvider]), nil}},
	"GET /v1/transactions":                {{new(BothPage[Transaction]), nil}},
	"GET /v1/transactions/by-month":       {{new(TransactionsByMonth), nil}},
	"POST /v1/channels":                   {{new(RecordInput), nil}, {new(Channel), nil}},
	"POST /v1/channels/{id}/records":      {{new(RecordInput), nil}, {new(Record), nil}},
	"POST /v1/relays":                     {{new(RelayInput), nil}, {new(RelayTicket), nil}},
}

// shownInGovernance are the fields of steps of which most have none: governance.md shows
// them.
var shownInGovernance = []string{"steps.any", "steps.reviewer", "steps.verdict", "steps.delay", "steps.until", "steps.stop"}

func TestThePagesExamplesAreReadAndShowEveryField(t *testing.T) {
	t.Parallel()
	seen := 0
	for heading, list := range examples {
		blocks := spec.Examples(t, "wire.md", heading, "json")
		if len(blocks) != len(list) {
			t.Errorf("%s has %d examples, want %d", heading, len(blocks), len(list))
			continue
		}
		seen += len(blocks)
		for i, e := range list {
			where := fmt.Sprintf("%s, example %d", heading, i+1)
			if err := strictjson.Unmarshal([]byte(blocks[i]), e.into, 1<<20); err != nil {
				t.Errorf("%s: %v", where, err)
				continue
			}
			if in, ok := e.into.(Input); ok {
				if err := in.Validate(); err != nil {
					t.Errorf("%s: %v", where, err)
				}
			}
			spec.Shows(t, where, blocks[i], e.into, slices.Concat(e.hidden, shownInGovernance)...)
		}
	}
	if all := strings.Count(spec.Page(t, "wire.md"), "```json"); all != seen {
		t.Errorf("the page has %d examples, %d are read", all, seen)
	}
}

func TestThePageHasTheLimitsOfMessages(t *testing.T) {
	t.Parallel()
	limit := func(name string, numbers ...string) { t.Helper(); spec.Limit(t, "wire.md", name, numbers...) }
	limit("body", spec.Number(MaxBody), spec.Number(MaxRecordBody))
	limit("record", spec.Number(MaxRecord))
	limit("head of a request, and its query", fmt.Sprintf("%d KiB", MaxHead>>10), spec.Number(query.Max))
	limit("items of a list", fmt.Sprint(MaxLimit), fmt.Sprint(DefaultLimit))
	limit("entries of `GET /v1/log`", fmt.Sprint(MaxLogEntries), fmt.Sprint(DefaultLog), spec.Number(MaxLogBytes))
	limit("API key", fmt.Sprint(MaxAPIKey))
}
