package console

import (
	"context"
	"fmt"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/history"
)

// The chart's measures, in its own units.
const (
	chartWidth          = 560
	chartLeft, chartTop = 40, 10 // room for the numbers
	plotHeight          = 190    // above the dates and the failures
	barGap              = 2      // between the bars of a week
	weekGap             = 14     // between two weeks
	gridLines           = 4      // above the ground line
)

// chart is an organization's last weeks: a picture, and the same as a table.
type chart struct {
	Weeks    []chartWeek
	Grid     []gridLine
	Ground   int
	Empty    bool
	Unread   bool // the stream could not be read
	Failures int
}

type chartWeek struct {
	history.Week
	X, Middle int
	Bars      []chartBar
	Dated     bool // every other week has its date below
}

type chartBar struct {
	Class      string
	X, Y, W, H int
}

type gridLine struct {
	Y     int
	Value int
}

func (c *Console) chart(ctx context.Context, org sponsorship.ID) chart {
	weeks, err := c.p.History.Chart(ctx, org)
	if err != nil {
		return chart{Unread: true}
	}
	return draw(weeks)
}

// draw places the bars.
func draw(weeks []history.Week) chart {
	drawn := chart{Ground: chartTop + plotHeight, Empty: true}
	most := 0
	for _, w := range weeks {
		most = max(most, w.Offered, w.Accepted, w.Withdrawn)
		drawn.Failures += w.Failed()
	}
	drawn.Empty = most == 0 && drawn.Failures == 0
	top := ceiling(most)
	for i := range gridLines + 1 {
		drawn.Grid = append(drawn.Grid, gridLine{drawn.Ground - plotHeight*i/gridLines, top * i / gridLines})
	}
	step := (chartWidth - chartLeft) / max(len(weeks), 1)
	width := (step - weekGap - 2*barGap) / 3
	for i, w := range weeks {
		at := chartWeek{Week: w, X: chartLeft + i*step + weekGap/2, Dated: (len(weeks)-1-i)%3 == 0}
		at.Middle = at.X + (step-weekGap)/2
		for j, v := range []struct {
			class string
			n     int
		}{{"offered", w.Offered}, {"accepted", w.Accepted}, {"withdrawn", w.Withdrawn}} {
			if v.n == 0 {
				continue
			}
			h := max(plotHeight*v.n/top, 2)
			at.Bars = append(at.Bars, chartBar{v.class, at.X + j*(width+barGap), drawn.Ground - h, width, h})
		}
		drawn.Weeks = append(drawn.Weeks, at)
	}
	return drawn
}

// ceiling is a round number that is not below n and can be cut in four.
func ceiling(n int) int {
	for unit := 1; ; unit *= 10 {
		for _, of := range []int{4, 8, 20} {
			if of*unit >= n {
				return of * unit
			}
		}
	}
}

// FailureWords name the codes of a week's failures.
func (w chartWeek) FailureWords() string {
	words := ""
	for _, f := range w.Failures {
		if words != "" {
			words += ", "
		}
		words += string(f.Code)
		if f.Times > 1 {
			words += fmt.Sprintf(" (%d times)", f.Times)
		}
	}
	return words
}
