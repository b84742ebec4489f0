package console

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// pages are the templates, by name. Each is the layout with its own content.
type pages map[string]*template.Template

func parsePages(c *Console) (pages, error) {
	p := pages{}
	for _, name := range []string{"signin", "overview", "organization", "sponsorship", "problem"} {
		t, err := template.New(name).Funcs(c.functions()).ParseFS(files, "pages/layout.html", "pages/parts.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		p[name] = t
	}
	return p, nil
}

func (c *Console) functions() template.FuncMap {
	format := func(layout string) func(any) string {
		return func(v any) string { return instant(v).UTC().Format(layout) }
	}
	return template.FuncMap{
		"moment": format("2 Jan 2006, 15:04 UTC"), "day": format("2 Jan 2006"), "short": format("2 Jan"), "machine": format(time.RFC3339),
		"ago":  func(v any) string { return ago(c.p.Now(), instant(v)) },
		"path": func(parts ...any) string { return c.p.Base + fmt.Sprint(asText(parts)...) },
		"word": view.Word, "meaning": view.Meaning, "advice": view.Advice, "statuses": sponsorship.Statuses,
		"connectForm": newConnectForm, "said": said,
	}
}

var stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`)

// said puts the times in a sentence of the health report into words for people.
func said(text string) string {
	return stamp.ReplaceAllStringFunc(text, func(found string) string {
		at, err := time.Parse(time.RFC3339, found)
		if err != nil {
			return found
		}
		return at.Format("2 Jan, 15:04 UTC")
	})
}

// connectForm is a form that saves a connection; the suffix keeps its ids apart from others'.
type connectForm struct{ Suffix, Cloud string }

func newConnectForm(suffix string, cloud any) connectForm {
	f := connectForm{Suffix: suffix}
	if id, known := cloud.(*sponsorship.ID); known && id != nil {
		f.Cloud = id.String()
	}
	return f
}

// asText keeps fmt.Sprint from putting spaces between what is no string.
func asText(parts []any) []any {
	texts := make([]any, len(parts))
	for i, p := range parts {
		texts[i] = fmt.Sprint(p)
	}
	return texts
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
	SignedIn, ReadOnly bool
	Content            any
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
	who, err := c.p.Access.Caller(r)
	f := frame{SignedIn: err == nil, ReadOnly: who.ReadOnly, Content: a.content}
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
