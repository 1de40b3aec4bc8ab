// Command gallery serves the gallery of all elements on this computer. `make gallery`
// runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"countersign/web/dashboard/gallery"
	"countersign/web/dashboard/loader"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "where to serve it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "gallery:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen string) error {
	mod, err := loader.GoEnv("GOMOD")
	if err != nil {
		return err
	}
	goroot, err := loader.GoEnv("GOROOT")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "countersign-gallery-")
	if err != nil {
		return fmt.Errorf("make a folder for the pictures: %w", err)
	}
	defer os.RemoveAll(dir)
	top := filepath.Dir(mod)
	if err := gallery.Pictures(ctx, top, dir); err != nil {
		return err
	}
	h, err := gallery.Handler(top, goroot, dir)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Printf("the gallery is at http://%s\n", l.Addr())
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { <-ctx.Done(); _ = s.Close() }() // Serve returns then
	if err := s.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}
