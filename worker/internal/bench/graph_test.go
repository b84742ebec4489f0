package bench_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
)

// graph is seconds against rows, both by decades.
type graph struct {
	title string
	lines []line
}

type line struct {
	name   string
	points []point
}

type point struct {
	rows    int
	seconds float64
}

func (g *graph) add(name string, rows int, seconds float64) {
	at := slices.IndexFunc(g.lines, func(l line) bool { return l.name == name })
	if at < 0 {
		at = len(g.lines)
		g.lines = append(g.lines, line{name: name})
	}
	g.lines[at].points = append(g.lines[at].points, point{rows, seconds})
}

// The picture: a decade is so many pixels, and the origin is 10^3 rows and 10^-3 seconds.
const (
	decadeX, decadeY  = 180, 70
	left, top, bottom = 70, 50, 400
)

func x(rows int) float64        { return left + (math.Log10(float64(rows))-3)*decadeX }
func y(seconds float64) float64 { return bottom - (math.Log10(max(seconds, 1e-3))+3)*decadeY }

// svg draws it, each line with its name and last figure at its end.
func (g *graph) svg() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 450" role="img" font-family="sans-serif" font-size="13">
<title>%s</title><rect width="800" height="450" fill="#fff"/><text x="%d" y="28" font-size="16">%s</text>
`, g.title, left, g.title)
	for e := range 4 {
		at := x(int(math.Pow10(3 + e)))
		fmt.Fprintf(&out, `<path d="M%.0f %dV%d" stroke="#ddd"/><text x="%.0f" y="%d" text-anchor="middle">10^%d rows</text>`+"\n", at, top, bottom, at, bottom+20, 3+e)
	}
	for e := -3; e <= 2; e++ {
		at := y(math.Pow10(e))
		fmt.Fprintf(&out, `<path d="M%d %.0fH%.0f" stroke="#ddd"/><text x="%d" y="%.0f" text-anchor="end">%g s</text>`+"\n", left, at, x(1_000_000), left-8, at+4, math.Pow10(e))
	}
	for n, l := range g.lines {
		color := []string{"#0b5cad", "#b3261e", "#2e7d32", "#6a1b9a", "#8a5a00"}[n%5]
		for i, p := range l.points {
			fmt.Fprintf(&out, "%s%.1f %.1f", map[bool]string{true: `<path fill="none" stroke-width="2" stroke="` + color + `" d="M`, false: " L"}[i == 0], x(p.rows), y(p.seconds))
		}
		last := l.points[len(l.points)-1]
		fmt.Fprintf(&out, `"/><text x="%.0f" y="%.0f" fill="%s">%s %.3g s</text>`+"\n", x(last.rows)+6, y(last.seconds)+4, color, l.name, last.seconds)
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}
