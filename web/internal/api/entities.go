package api

import (
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
)

// entities lists, or gives the one that is named.
func (a *api) entities(q *question) (any, error) {
	if name := q.query.Get("entityId"); name != "" {
		return a.Gateway.EntityOf(q.r.Context(), q.caller, name)
	}
	cursor, limit, err := q.page(id.Entity)
	if err != nil {
		return nil, err
	}
	return a.Gateway.Entities(q.r.Context(), q.caller, cursor, limit)
}

func (a *api) newEntity(q *question) (any, error) {
	var in wire.EntityInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.NewEntity(q.r.Context(), q.caller, in, q.key)
}

func (a *api) changeEntity(q *question) (any, error) {
	var in wire.EntityInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	name, err := q.ofEntity()
	if err != nil {
		return nil, err
	}
	return a.Gateway.ChangeEntity(q.r.Context(), q.caller, name, in)
}

func (a *api) removeEntity(q *question) (any, error) {
	name, err := q.ofEntity()
	if err != nil {
		return nil, err
	}
	return a.Gateway.RemoveEntity(q.r.Context(), q.caller, name)
}

// ofEntity is the entity that a question must name.
func (q *question) ofEntity() (string, error) {
	name := q.query.Get("entityId")
	if name == "" {
		return "", fault.New(fault.EntityContext, "Entity context is required: add ?entityId=…")
	}
	return name, nil
}
