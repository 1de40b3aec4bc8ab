//go:build !unix

package secret

import "os"

func open(path string) (*os.File, error) { return os.Open(path) }

func owner(os.FileInfo) (uid int, known bool) { return 0, false }
