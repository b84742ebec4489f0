//go:build browser

package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// patience is how long anything may take on a machine that has other things to do.
const patience = 90 * time.Second

// browser is one window of chromium.
type browser struct {
	*stack
	ctx context.Context
	t   *testing.T
}

func open(t *testing.T, s *stack) *browser {
	t.Helper()
	path := os.Getenv("CHROMIUM")
	if path == "" {
		path = "/usr/bin/chromium"
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	jobstest.Must(t, chromedp.Run(ctx)) // it lives as long as the context of the first run
	b := &browser{s, ctx, t}
	b.do(chromedp.EmulateViewport(1280, 1000))
	return b
}

// do is done within the patience, or the test ends.
func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.shoot("failed")
		b.t.Fatalf("in the browser: %v", err)
	}
}

// visit opens an address; the first visit of all only may begin with it.
func (b *browser) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url+path), chromedp.WaitVisible("#main"))
}

// waitFor waits until a condition in JavaScript holds. While a page goes away nothing
// does.
func (b *browser) waitFor(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		var holds bool
		err := chromedp.Run(ctx, chromedp.Evaluate("Boolean("+condition+")", &holds))
		switch {
		case err == nil && holds:
			return
		case ctx.Err() != nil:
			b.shoot("failed")
			b.t.Fatalf("it never came to %s: %v", condition, err)
		}
		_ = jobs.Sleep(ctx, 100*time.Millisecond) // the loop looks at ctx itself
	}
}

// see evaluates JavaScript.
func (b *browser) see(expression string) (text string) {
	b.t.Helper()
	b.do(chromedp.Evaluate("String("+expression+")", &text))
	return text
}

// shoot keeps a picture where SPONSORSYNC_BROWSER_PICTURES names a folder.
func (b *browser) shoot(name string) {
	dir := os.Getenv("SPONSORSYNC_BROWSER_PICTURES")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	var picture []byte
	if err := chromedp.Run(ctx, chromedp.CaptureScreenshot(&picture)); err == nil {
		_ = os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600)
	}
}

// look is one way to look at a page.
type look struct {
	name   string
	width  int64
	scheme string
}

var looks = []look{{"desktop", 1280, "light"}, {"dark", 1280, "dark"}, {"phone", 390, "light"}, {"phone-dark", 390, "dark"}}

// inspect looks at the page that is open in every way: nothing for axe to find, and no
// sideways scrolling.
func (b *browser) inspect(name string) {
	b.t.Helper()
	for _, l := range looks {
		b.do(chromedp.EmulateViewport(l.width, 1000),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}))
		b.shoot(name + "-" + l.name)
		for _, found := range b.axe() {
			b.t.Errorf("axe on %s, %s: %s", name, l.name, found)
		}
		if over := b.see("document.documentElement.scrollWidth - innerWidth"); over != "0" {
			b.t.Errorf("%s, %s: %s pixels beside the window", name, l.name, over)
		}
	}
	b.do(chromedp.EmulateViewport(1280, 1000), emulation.SetEmulatedMedia())
}

func (b *browser) axe() (found []string) {
	b.t.Helper()
	source := string(jobstest.Value(os.ReadFile(os.Getenv("SPONSORSYNC_AXE")))(b.t))
	var text string
	b.do(chromedp.Evaluate(source+";0", nil), chromedp.Evaluate("window.axeFound = ''; axe.run().then((r) => { window.axeFound = JSON.stringify(r.violations); }); 0", nil))
	b.waitFor("window.axeFound !== ''")
	b.do(chromedp.Evaluate("window.axeFound", &text))
	var violations []struct {
		ID, Impact string
		Nodes      []struct{ HTML, FailureSummary string }
	}
	jobstest.Must(b.t, json.Unmarshal([]byte(text), &violations))
	for _, v := range violations {
		for _, n := range v.Nodes {
			found = append(found, fmt.Sprintf("%s (%s): %s: %s", v.ID, v.Impact, n.HTML, n.FailureSummary))
		}
	}
	return found
}
