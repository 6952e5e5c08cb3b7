package main

// orders are what the system tells a running process, whichever way it does.
type orders struct {
	stop   chan struct{} // a value: stop; a second one: at once
	reload chan struct{}
	ready  chan struct{} // closed by serve when it serves
}

func newOrders() orders {
	return orders{stop: make(chan struct{}, 2), reload: make(chan struct{}, 1), ready: make(chan struct{})}
}

// stopNow and reloadNow never wait: an order that is already given need not be given again.
func (o orders) stopNow()   { give(o.stop) }
func (o orders) reloadNow() { give(o.reload) }

func give(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
