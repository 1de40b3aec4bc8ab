package sqlstore

import (
	"time"

	"countersign/web/internal/store"
)

func (x *tx) Lease(name string) (store.Lease, error) {
	l := store.Lease{Name: name}
	var until int64
	err := x.one("find lease", []any{&l.Holder, &until, &l.Says}, `SELECT holder, until, says FROM leases WHERE name = ?`, name)
	l.Until = time.UnixMilli(until).UTC()
	return l, err
}

func (x *tx) PutLease(l store.Lease) error {
	_, err := x.exec("keep lease", `INSERT INTO leases (name, holder, until, says) VALUES (?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until, says = excluded.says`,
		l.Name, l.Holder, l.Until.UnixMilli(), l.Says)
	return err
}

func (x *tx) DropLeases(holder string) error {
	_, err := x.exec("give leases back", `UPDATE leases SET until = 0 WHERE holder = ?`, holder)
	return err
}
