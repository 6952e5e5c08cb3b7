//go:build linux

package main

// A bench is one run.
type bench struct {
	*options
	dir    string
	origin *origin
	peers  []*peer
	report *report
}

// works are what is measured, in this order.
var works = []struct {
	name string
	run  func(b *bench, name string) error
}{
	{"connect", workConnect},
	{"denied", workDenied},
	{"get", workGet},
	{"messages", workMessages},
	{"bulk", workBulk},
	{"large", workLarge},
	{"inspect", workInspect},
	{"idle", workIdle},
	{"names", workNames},
	{"reload", workReload},
	{"many", workMany},
	{"even", workEven},
	{"start", workStart},
}

// interleaved starts each peer that can, and then has each do its turn, round by round.
func (b *bench) interleaved(can func(*peer) bool, turn func(p *peer, proc *process) error) error {
	type runner struct {
		p    *peer
		proc *process
	}
	var all []runner
	for _, p := range b.peers {
		if !can(p) {
			continue
		}
		proc, _, err := b.start(p, 100)
		if err != nil {
			return err
		}
		defer proc.stop()
		all = append(all, runner{p, proc})
	}
	for range b.rounds {
		for _, r := range all {
			if err := turn(r.p, r.proc); err != nil {
				return err
			}
		}
	}
	return nil
}

func tunnels(p *peer) bool { return p.tunnels }
func plain(p *peer) bool   { return p.http }
