// Package svg makes small charts of counts: bars by the day, a strip of stacked bars by the hour, a line of bars beside a
// row. A chart is numbers; Templates draws it, without any style of its own, so that a policy that forbids inline style
// holds. Whoever draws a chart puts its numbers in a table after it.
package svg

import (
	"math"
	"time"

	"webproxy/internal/wording"
)

// Templates are definitions for html/template: "svg-bars" draws a Bars, "svg-strip" a Strip, "svg-spark" a Spark.
// Bars have the classes b-CLASS.
const Templates = `
{{define "svg-bars"}}<svg viewBox="0 0 640 160" role="img" aria-label="{{.Title}}; the table has the numbers">
{{range .Lines}}<line x1="60" x2="640" y1="{{.Y}}" y2="{{.Y}}"/><text x="55" y="{{.Y}}" text-anchor="end" dominant-baseline="middle">{{.Text}}</text>
{{end}}{{$class := .Class}}{{range .Bars}}<rect class="b-{{$class}}" x="{{.X}}" y="{{.Y}}" width="{{.Width}}" height="{{.Height}}"><title>{{.Title}}</title></rect>
{{if .Label}}<text x="{{.X}}" y="150">{{.Label}}</text>
{{end}}{{end}}</svg>{{end}}
{{define "svg-strip"}}<svg viewBox="0 0 640 160" role="img" aria-label="{{.Title}}; the table has the numbers">
{{range .Lines}}<line x1="60" x2="640" y1="{{.Y}}" y2="{{.Y}}"/><text x="55" y="{{.Y}}" text-anchor="end" dominant-baseline="middle">{{.Text}}</text>
{{end}}{{range .Bars}}<rect class="b-{{.Class}}" x="{{.X}}" y="{{.Y}}" width="{{.Width}}" height="{{.Height}}"><title>{{.Title}}</title></rect>
{{if .Label}}<text x="{{.X}}" y="150">{{.Label}}</text>
{{end}}{{end}}</svg>{{end}}
{{define "svg-spark"}}<svg class="spark" viewBox="0 0 96 20" role="img" aria-label="{{.Title}}">{{range .Bars}}<rect class="b-{{.Class}}" x="{{.X}}" y="{{.Y}}" width="{{.Width}}" height="{{.Height}}"/>{{end}}</svg>{{end}}
`

// A Bar is a rectangle, in the units of its chart.
type Bar struct {
	X, Y, Width, Height float64
	Class               string
	Title               string // what it stands for
	Label               string // under it; empty for most
}

// A Line of the scale.
type Line struct {
	Y    float64
	Text string
}

// A Chart is bars with a scale.
type Chart struct {
	Title string
	Class string
	Bars  []Bar
	Lines []Line
	Total uint64
}

const (
	width  = 640.0
	left   = 60.0 // room for the numbers of the scale
	base   = 135.0
	top    = 10.0
	labels = 8
)

// A Count is how many there were at a time.
type Count struct {
	At time.Time
	N  uint64
}

// Days is a chart of bars, one for each day. Counts are in the order of time, of days in UTC; a day that is not among them
// is a gap.
func Days(title, class string, counts []Count) Chart {
	c := Chart{Title: title, Class: class}
	if len(counts) == 0 {
		return c
	}
	most := uint64(0)
	for _, n := range counts {
		most = max(most, n.N)
		c.Total += n.N
	}
	scale := NiceScale(most)
	c.scale(scale)
	const day = 24 * time.Hour
	first := counts[0].At
	slots := int(counts[len(counts)-1].At.Sub(first)/day) + 1
	slotWidth := (width - left) / float64(slots)
	every := max(slots/labels, 1)
	for _, n := range counts {
		slot := int(n.At.Sub(first) / day)
		height := (base - top) * float64(n.N) / scale
		b := Bar{X: left + float64(slot)*slotWidth, Y: base - height, Width: max(slotWidth*0.8, 0.5), Height: height,
			Title: n.At.Format(time.DateOnly) + ": " + wording.Comma(n.N)}
		if slot%every == 0 {
			b.Label = n.At.Format("01-02")
		}
		c.Bars = append(c.Bars, b)
	}
	return c
}

// A Stack is the counts of an hour, each of the class of the same place.
type Stack struct {
	At     time.Time
	Counts []uint64
}

// Strip is a chart of one bar for each stack, in parts.
func Strip(title string, classes []string, stacks []Stack) Chart {
	c := Chart{Title: title}
	most := uint64(0)
	for _, s := range stacks {
		sum := uint64(0)
		for _, n := range s.Counts {
			sum += n
		}
		most = max(most, sum)
		c.Total += sum
	}
	if len(stacks) == 0 {
		return c
	}
	scale := NiceScale(most)
	c.scale(scale)
	slotWidth := (width - left) / float64(len(stacks))
	every := max(len(stacks)/labels, 1)
	for i, s := range stacks {
		y := base
		for k, n := range s.Counts {
			height := (base - top) * float64(n) / scale
			y -= height
			b := Bar{X: left + float64(i)*slotWidth, Y: y, Width: slotWidth * 0.8, Height: height, Class: classes[k],
				Title: s.At.Format("15:04") + ", " + classes[k] + ": " + wording.Comma(n)}
			if k == 0 && i%every == 0 {
				b.Label = s.At.Format("15:04")
			}
			c.Bars = append(c.Bars, b)
		}
	}
	return c
}

// Spark is a small chart without a scale.
func Spark(title, class string, counts []uint64) Chart {
	const width, height = 96.0, 20.0
	c := Chart{Title: title}
	most := uint64(1)
	for _, n := range counts {
		most = max(most, n)
		c.Total += n
	}
	step := width / float64(max(len(counts), 1))
	for i, n := range counts {
		if n == 0 {
			continue
		}
		h := max(height*float64(n)/float64(most), 1)
		c.Bars = append(c.Bars, Bar{X: float64(i) * step, Y: height - h, Width: step * 0.8, Height: h, Class: class})
	}
	return c
}

func (c *Chart) scale(scale float64) {
	for i := range 3 {
		v := scale / 2 * float64(i)
		c.Lines = append(c.Lines, Line{Y: base - (base-top)*v/scale, Text: wording.Comma(uint64(v))})
	}
}

// NiceScale is the least of 2, 4, 10, 20, 40, ... that is not below n.
func NiceScale(n uint64) float64 {
	if n <= 2 {
		return 2
	}
	power := math.Pow(10, math.Floor(math.Log10(float64(n))))
	for _, f := range []float64{1, 2, 4, 10} {
		if f*power >= float64(n) {
			return f * power
		}
	}
	return 10 * power
}
