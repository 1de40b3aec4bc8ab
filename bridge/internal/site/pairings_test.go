package site

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

const dashboard = "https://pay.example"

func TestTheLastUseOfAPairingIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pairings := OpenPairings(dir)
	start := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	if err := pairings.Add(dashboard, []byte("key"), start); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct{ after, want time.Duration }{
		{30 * time.Second, 0}, {61 * time.Second, 61 * time.Second}, {90 * time.Second, 61 * time.Second}, {3 * time.Hour, 3 * time.Hour},
		{-time.Hour, -time.Hour}, // the clock was set back
	} {
		if known, err := pairings.Use(dashboard, []byte("key"), start.Add(r.after)); !known || err != nil {
			t.Errorf("after %v: %v, %v", r.after, known, err)
		}
		list, err := pairings.List()
		if err != nil || len(list) != 1 || !list[0].LastUsed.Equal(start.Add(r.want)) || !list[0].Created.Equal(start) {
			t.Errorf("after %v: %+v, %v", r.after, list, err)
		}
	}
}

func TestAUseMakesNoPairing(t *testing.T) {
	t.Parallel()
	pairings := OpenPairings(t.TempDir())
	now := time.Now()
	if err := pairings.Add(dashboard, []byte("key"), now); err != nil {
		t.Fatal(err)
	}
	for _, who := range [][2]string{{dashboard, "other"}, {"https://other.example", "key"}} {
		if known, err := pairings.Use(who[0], []byte(who[1]), now.Add(time.Hour)); known || err != nil {
			t.Errorf("%v: %v, %v", who, known, err)
		}
	}
	if _, err := pairings.Revoke("all"); err != nil {
		t.Fatal(err)
	}
	if known, err := pairings.Use(dashboard, []byte("key"), now.Add(time.Hour)); known || err != nil {
		t.Errorf("revoked: %v, %v", known, err)
	}
	if list, err := pairings.List(); len(list) != 0 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}

func TestAUseThatCannotBeWrittenLeavesThePairing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pairings := OpenPairings(dir)
	now := time.Now()
	if err := pairings.Add(dashboard, []byte("key"), now); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "pairings.json.new"), 0o700); err != nil { // where the new list is written first
		t.Fatal(err)
	}
	if known, err := pairings.Use(dashboard, []byte("key"), now.Add(time.Hour)); !known || err == nil {
		t.Errorf("%v, %v", known, err)
	}
}
