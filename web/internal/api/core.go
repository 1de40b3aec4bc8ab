package api

import "countersign/shared/fault"

// core serves the browser's core under the hash of its contents, so that a page that
// pins one gets that or a refusal, and may keep it for good.
func (a *api) core(q *question) (any, error) {
	other := fault.New(fault.NotFound, "this gateway does not serve that build of the core")
	if a.Dashboard == nil {
		return nil, other
	}
	current, file := a.Dashboard.Core()
	if current == "" || q.r.PathValue("hash") != current {
		return nil, other.With("current", current)
	}
	q.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	file.ServeHTTP(q.w, q.r)
	return raw{done: true}, nil
}
