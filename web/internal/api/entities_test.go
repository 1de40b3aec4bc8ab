package api

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

func TestADeveloperHasEntitiesOfItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.token = r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox")
	body := `{"legalName":"Branch GmbH","externalId":"branch-1","entityType":"LLC"}`
	first := r.do("POST", "/v1/entities", body, "Idempotency-Key", "branch-one")
	made := get[wire.EntityReply](t, first).Entity
	again := get[wire.EntityReply](t, r.do("POST", "/v1/entities", body, "Idempotency-Key", "branch-one")).Entity
	if again.ID != made.ID || made.Status != wire.EntityActive || made.Developer != "dev_sandbox" || made.Enrolled {
		t.Errorf("%+v, then %+v", made, again)
	}
	if a := r.do("POST", "/v1/entities", body); a.code(t) != fault.Conflict {
		t.Errorf("a second entity with the external id: %d %s", a.status, a.body)
	}
	entity := r.signIn(gatewaytest.APIKey, "entity", made.ID)
	if v := get[wire.Entity](t, r.do("GET", "/v1/entity", "", as(entity)...)); v.ID != made.ID || v.Name != "Branch GmbH" {
		t.Errorf("%+v", v)
	}
	put := []string{"Content-Type", "application/json"}
	changed := get[wire.EntityReply](t, r.do("PUT", "/v1/entities?entityId="+made.ID, `{"legalName":"Branch AG"}`, put...)).Entity
	if changed.LegalName != "Branch AG" || changed.ExternalID != "" || changed.EntityType != "" || !changed.CreatedAt.Equal(*made.CreatedAt) {
		t.Errorf("%+v", changed)
	}
	one := get[wire.EntityReply](t, r.do("GET", "/v1/entities?entityId="+made.ID, "")).Entity
	list := get[wire.Page[wire.EntityRecord]](t, r.do("GET", "/v1/entities", ""))
	if len(list.Items) != 2 || list.Items[0].ID != one.ID || one.LegalName != "Branch AG" || list.Items[1].ID != "ent_sandbox" || !list.Items[1].Enrolled {
		t.Errorf("%+v in %+v", one, list)
	}
	gone := get[wire.EntityReply](t, r.do("DELETE", "/v1/entities?entityId="+made.ID, "")).Entity
	if gone.Status != wire.EntityInactive {
		t.Errorf("%+v", gone)
	}
	if c := r.do("GET", "/v1/entity", "", as(entity)...).code(t); c != fault.Unauthenticated {
		t.Errorf("the token of an entity that was removed: %s", c)
	}
	for _, a := range []answer{r.do("DELETE", "/v1/entities?entityId="+made.ID, ""), r.do("GET", "/v1/entities?entityId="+made.ID, ""), r.do("GET", "/v1/accounts?entityId="+made.ID, "")} {
		if a.code(t) != fault.Forbidden {
			t.Errorf("after the removal: %d %s", a.status, a.body)
		}
	}
	if list := get[wire.Page[wire.EntityRecord]](t, r.do("GET", "/v1/entities", "")); len(list.Items) != 1 {
		t.Errorf("%+v", list)
	}
}

// A start follows the configuration, and takes nothing from developers that they made.
func TestEntitiesOfADeveloperSurviveAStart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.token = r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox")
	made := get[wire.EntityReply](t, r.do("POST", "/v1/entities", `{"legalName":"Branch"}`)).Entity
	follow := func(all ...gateway.Principal) {
		t.Helper()
		if _, err := gateway.Follow(t.Context(), r.Store, "sandbox", r.Now(), all); err != nil {
			t.Fatal(err)
		}
	}
	follow(gateway.Principal{ID: "dev_sandbox", APIKey: gatewaytest.APIKey, Entities: []string{"ent_sandbox"}})
	if v := get[wire.EntityReply](t, r.do("GET", "/v1/entities?entityId="+made.ID, "")).Entity; v.LegalName != "Branch" {
		t.Errorf("%+v", v)
	}
	follow()
	if a := r.do("GET", "/v1/entities", ""); a.code(t) != fault.Unauthenticated {
		t.Errorf("a developer that was removed: %d %s", a.status, a.body)
	}
}

func TestBothFormsOfPaging(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.token = r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox")
	for i := range 3 {
		get[wire.EntityReply](t, r.do("POST", "/v1/entities", fmt.Sprintf(`{"legalName":"Branch %d"}`, i)))
	}
	first := get[wire.BothPage[wire.EntityRecord]](t, r.do("GET", "/v1/entities?pageSize=3", ""))
	rest := get[wire.BothPage[wire.EntityRecord]](t, r.do("GET", "/v1/entities?pageSize=3&cursor="+first.NextCursorAlso, ""))
	if !first.HasMore || len(first.Items) != 3 || rest.HasMore || len(rest.Items) != 1 || first.NextCursorAlso != first.NextCursor || rest.NextCursorAlso != "" {
		t.Errorf("%+v, then %+v", first, rest)
	}
	ours := get[wire.Page[wire.EntityRecord]](t, r.do("GET", "/v1/entities?limit=3", "")) // refuses fields that it does not know
	if ours.NextCursor != first.NextCursor {
		t.Errorf("%+v", ours)
	}
	if c := r.do("GET", "/v1/entities?cursor=req_nothing", "").code(t); c != fault.Invalid {
		t.Errorf("a cursor of another list: %s", c)
	}
}

func TestRateLimitsAreToldAndKept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if err := r.Store.Write(t.Context(), func(tx store.Tx) error {
		d, err := tx.Developer("dev_sandbox")
		if err != nil {
			return err
		}
		d.Tier = "developer"
		return tx.PutDeveloper(d)
	}); err != nil {
		t.Fatal(err)
	}
	limit := 2 * gateway.Tiers()["developer"].All // in the sandbox
	for i := range limit - 1 {
		a := r.do("GET", "/v1/orders", "")
		if a.status != http.StatusOK || a.header.Get("X-RateLimit-Limit") != strconv.Itoa(limit) || a.header.Get("X-RateLimit-Remaining") != strconv.Itoa(limit-1-i) {
			t.Fatalf("%d: %d %v", i, a.status, a.header)
		}
	}
	v := get[wire.RateLimits](t, r.do("GET", "/v1/rate_limits", ""))
	if v.Tier != "developer" || len(v.Limits) != 3 || v.Limits[0].Remaining != 0 || v.Limits[1].Remaining != v.Limits[1].Limit || !v.Limits[0].Reset.Equal(v.ServerTime.Add(time.Minute)) {
		t.Errorf("%+v", v)
	}
	a := r.do("GET", "/v1/orders", "")
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "1" || a.header.Get("X-RateLimit-Remaining") != "0" || a.code(t) != fault.Limited {
		t.Errorf("one more: %d %v %s", a.status, a.header, a.body)
	}
	if reset, err := strconv.ParseInt(a.header.Get("X-RateLimit-Reset"), 10, 64); err != nil || !time.Unix(reset, 0).Equal(r.Now().Add(time.Minute)) {
		t.Errorf("reset %v %v", a.header, err)
	}
	other := r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox")
	if a := r.do("GET", "/v1/orders?entityId=ent_sandbox", "", as(other)...); a.status != http.StatusOK {
		t.Errorf("another caller: %d %s", a.status, a.body)
	}
	r.Pass(time.Second)
	if a := r.do("GET", "/v1/orders", ""); a.status != http.StatusOK {
		t.Errorf("after the wait: %d %s", a.status, a.body)
	}
}
