package access

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Ways lists what in a folder, and in the folders in it, can be come to without the
// folder: the symbolic links, whose ends are elsewhere, and files that have another name
// elsewhere and are not their owner's alone. A folder that keeps an account out protects
// none of these; each is judged by itself. Folders to which links lead are looked through,
// too.
func Ways(folder string) (all []string, err error) {
	seen := map[string]bool{}
	var look func(folder string) error
	look = func(folder string) error {
		real, err := filepath.EvalSymlinks(folder)
		if hidden(err) || seen[real] {
			return nil
		}
		if err != nil {
			return err
		}
		seen[real] = true
		return filepath.WalkDir(real, func(path string, d fs.DirEntry, err error) error {
			switch {
			case hidden(err):
			case err != nil:
				return err
			case d.IsDir() && seen[path] && path != real:
				return fs.SkipDir
			case d.IsDir():
				seen[path] = true
			case d.Type()&fs.ModeSymlink != 0:
				all = append(all, path)
				if info, err := os.Stat(path); err == nil && info.IsDir() {
					return look(path)
				}
			case d.Type().IsRegular():
				info, err := d.Info()
				if hidden(err) {
					return nil
				}
				if err != nil {
					return err
				}
				if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 && (info.Mode().Perm()&0o077 != 0 || !ours(int(stat.Uid))) {
					all = append(all, path)
				}
			}
			return nil
		})
	}
	err = look(folder)
	return all, err
}

// hidden reports that something went meanwhile, or that the program itself cannot come to it.
func hidden(err error) bool { return os.IsNotExist(err) || os.IsPermission(err) }
