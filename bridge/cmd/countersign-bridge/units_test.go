package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packaged is a file of the package.
func packaged(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../packaging", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// setting is what a unit sets.
func setting(t *testing.T, unit, name string) string {
	t.Helper()
	_, after, ok := strings.Cut(unit, "\n"+name+"=")
	value, _, _ := strings.Cut(after, "\n")
	if !ok || value == "" {
		t.Errorf("%s is not set", name)
	}
	return value
}

// TestTheBridgeOfASessionComesAndGoesWithItsDesktop: before the desktop there is no
// display for its windows, and a bridge that ends with one desktop starts with the next.
func TestTheBridgeOfASessionComesAndGoesWithItsDesktop(t *testing.T) {
	t.Parallel()
	unit := packaged(t, "countersign-bridge.service")
	for _, name := range []string{"WantedBy", "PartOf", "After"} {
		if target := setting(t, unit, name); target != "graphical-session.target" {
			t.Errorf("%s is %s", name, target)
		}
	}
}

// TestTheUnitsOfThePackageKeepSignerAndGatewayApart: two users, one group between
// them, and nothing of the signer's within the gateway's reach.
func TestTheUnitsOfThePackageKeepSignerAndGatewayApart(t *testing.T) {
	t.Parallel()
	read := func(name string) string { return packaged(t, name) }
	setting := func(unit, name string) string { return setting(t, unit, name) }
	signer, gateway, users := read("countersign-signer.service"), read("countersign-gateway.service"), read("countersign.sysusers")
	cfg, err := loadSigner("../../packaging/signer.json")
	if err != nil {
		t.Fatal(err)
	}
	if setting(signer, "User") == setting(gateway, "User") {
		t.Error("signer and gateway are one user")
	}
	if g := setting(signer, "Group"); g != cfg.SocketGroup || g != setting(gateway, "SupplementaryGroups") || setting(gateway, "Group") == g {
		t.Errorf("the socket is for %s, the signer is in %s, the gateway in %s", cfg.SocketGroup, g, setting(gateway, "SupplementaryGroups"))
	}
	if len(cfg.Peers) != 1 || cfg.Peers[0] != setting(gateway, "User") || cfg.SameUser {
		t.Errorf("served are %q", cfg.Peers)
	}
	for _, u := range []string{setting(signer, "User"), setting(gateway, "User")} {
		if !strings.Contains(users, "\nu "+u+" ") || !strings.Contains(users, "\nm "+u+" "+cfg.SocketGroup+"\n") {
			t.Errorf("the package makes no user %s in %s", u, cfg.SocketGroup)
		}
	}
	if filepath.Dir(cfg.Socket) != "/run/"+setting(signer, "RuntimeDirectory") || setting(signer, "RuntimeDirectoryMode") != "0710" {
		t.Errorf("the socket is %s", cfg.Socket)
	}
	for _, path := range []string{filepath.Dir(cfg.PINFile), cfg.StateDir} {
		if !strings.Contains(setting(gateway, "InaccessiblePaths"), "-"+path) {
			t.Errorf("the gateway may look into %s", path)
		}
	}
	if !strings.Contains(read("nfpm.yaml"), "src: countersign-signer.service") || !strings.Contains(read("nfpm.yaml"), "src: countersign-gateway.service") {
		t.Error("the package leaves out a unit")
	}
}
