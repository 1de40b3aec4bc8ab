package api

import "countersign/shared/fault"

// module serves a module of WebAssembly under the hash of its contents, so that a page that
// pins one gets that or a refusal, and may keep it for good.
func module(name string) func(*api, *question) (any, error) {
	return func(a *api, q *question) (any, error) {
		other := fault.New(fault.NotFound, "this gateway does not serve that build of "+name)
		if a.Dashboard == nil {
			return nil, other
		}
		current, file := a.Dashboard.Module(name)
		if current == "" || q.r.PathValue("hash") != current {
			return nil, other.With("current", current)
		}
		q.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		file.ServeHTTP(q.w, q.r)
		return raw{done: true}, nil
	}
}
