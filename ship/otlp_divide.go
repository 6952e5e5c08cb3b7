package ship

import (
	"cmp"
	"context"
	"errors"
)

// divideLimit is how many requests may be refused in a row before the records are no longer taken for the cause.
const divideLimit = 40

// A division finds which items of a batch a receiver refuses.
type division struct {
	otlp     *otlp
	last     *answerError
	accepted bool // it took at least one
	requests int  // sent
	suspects []suspect
}

// A suspect is an item that was refused by itself.
type suspect struct {
	item *item
	why  *answerError
}

// divide delivers items that were refused together, in parts. One that is refused by itself is given up, so that it
// does not hold up the others for ever; but only if the receiver accepts another: one that refuses everything is
// misconfigured, and that can be corrected. It returns how many items are done with.
func (o *otlp) divide(ctx context.Context, items []item, why *answerError) (int, error) {
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

// halves delivers items, which were refused together. It returns how many of them, from the first,
// were taken, or are suspects; the error says why it did not get to the others.
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
	var answer *answerError
	switch {
	case err == nil:
		d.accepted = true
		return len(items), nil
	case errors.As(err, &answer) && answer.refused():
		d.last = answer
		return d.halves(ctx, items)
	}
	return 0, err
}
