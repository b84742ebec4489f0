package console

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

// pages are the templates, by name. Each is the layout with its own content.
type pages map[string]*template.Template

func parsePages() (pages, error) {
	p := pages{}
	for _, name := range []string{"signin", "overview", "organization", "problem"} {
		t, err := template.New(name).Funcs(functions()).ParseFS(files, "pages/layout.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		p[name] = t
	}
	return p, nil
}

func functions() template.FuncMap {
	format := func(layout string) func(any) string {
		return func(v any) string { return instant(v).UTC().Format(layout) }
	}
	return template.FuncMap{
		"moment": format("2 Jan 2006, 15:04 UTC"), "day": format("2 Jan 2006"), "machine": format(time.RFC3339),
	}
}

// instant takes a time as records hold it: optional or not.
func instant(v any) time.Time {
	if t, ok := v.(*time.Time); ok {
		return *t
	}
	t, _ := v.(time.Time)
	return t
}

// frame is what the layout needs around a page's own content.
type frame struct {
	SignedIn bool
	Content  any
}

// answer is a page with its content and its HTTP status.
type answer struct {
	status  int
	page    string
	content any
}

// render makes the whole page before it sends the first byte, so that a fault
// in it cannot end up half-way down.
func (c *Console) render(w http.ResponseWriter, r *http.Request, a answer) {
	var page bytes.Buffer
	f := frame{SignedIn: c.p.Access.Check(r) == nil, Content: a.content}
	if err := c.pages[a.page].ExecuteTemplate(&page, "layout", f); err != nil {
		c.p.Log.Error().Err(err).Str("page", a.page).Msg("page failed")
		http.Error(w, "This page could not be made; the log says more.", http.StatusInternalServerError)
		return
	}
	if a.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="sponsorsync"`)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(a.status)
	_, _ = page.WriteTo(w) // fails only when the reader is gone
}
