package ship

import (
	"cmp"
	"context"
	"errors"
)

// divideLimit is how many requests may be refused in a row before it is assumed that the receiver refuses everything.
const divideLimit = 40

// A division finds which items of a batch a receiver refuses.
type division struct {
	otlp     *otlp
	last     *responseError
	accepted bool // the receiver took at least one request
	requests int  // requests sent
	suspects []suspect
}

// A suspect is an item that was refused by itself.
type suspect struct {
	item *item
	why  *responseError
}

// divide delivers items that were refused together, in parts. An item that is refused by itself is given up, so that it does
// not block the others, but only if the receiver accepts another: a receiver that refuses everything is misconfigured, which can
// be corrected. It returns how many items are delivered or given up.
func (o *otlp) divide(ctx context.Context, items []item, why *responseError) (int, error) {
	d := division{otlp: o, last: why, requests: 1}
	n, err := d.halves(ctx, items)
	if !d.accepted {
		return 0, cmp.Or(err, error(why))
	}
	for _, s := range d.suspects {
		o.refused(s.item.through, s.item.through, 1, s.why.Error())
	}
	return n, err
}

// halves delivers items that were refused together, in two parts. It returns how many of them, from the first, were accepted or
// are suspects; the error says why the others were not tried.
func (d *division) halves(ctx context.Context, items []item) (int, error) {
	if len(items) == 1 {
		d.suspects = append(d.suspects, suspect{&items[0], d.last})
		if !d.accepted && d.requests >= divideLimit {
			return 1, d.last
		}
		return 1, nil
	}
	half := len(items) / 2
	n, err := d.part(ctx, items[:half])
	if err != nil {
		return n, err
	}
	m, err := d.part(ctx, items[half:])
	return n + m, err
}

func (d *division) part(ctx context.Context, items []item) (int, error) {
	d.requests++
	err := d.otlp.post(ctx, items)
	var response *responseError
	switch {
	case err == nil:
		d.accepted = true
		return len(items), nil
	case errors.As(err, &response) && response.refused():
		d.last = response
		return d.halves(ctx, items)
	}
	return 0, err
}
