package cli

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// redrawEvery keeps a slow terminal from slowing the work.
const redrawEvery = 50 * time.Millisecond

// bar is a progress bar, on a terminal only. The zero value shows nothing.
// Errors of drawing are ignored: the bar is for eyes.
type bar struct{ drawn *progressbar.ProgressBar }

func (b *bar) start(w io.Writer, what string, total int) {
	if !isTerminal(w) {
		return
	}
	b.drawn = progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(redrawEvery),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
}

func (b *bar) add(n int) {
	if b.drawn != nil {
		_ = b.drawn.Add(n)
	}
}

// clear makes way for a line of text; the next add draws the bar below it.
func (b *bar) clear() {
	if b.drawn != nil {
		_ = b.drawn.Clear()
	}
}

func (b *bar) finish() {
	b.clear()
	b.drawn = nil
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
