package ship

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

// Config has what a Shipper is made from.
type Config struct {
	Name    string
	Spec    ReceiverSpec // must be valid, see Check
	Log     *audit.Log   // its records are sent; losses are recorded in it
	Logger  *zap.Logger  // the operator's
	Version string       // of webproxy, for receivers; may be empty
}

// New returns the Shipper of a receiver. A new receiver begins after the last record that the log has now, or with the first,
// as Spec says; its position is written to a file. New reads the files that Spec names, and fails if they are not valid.
func New(c Config) (*Shipper, error) {
	s := &Shipper{
		name: c.Name, log: c.Log, dir: c.Log.Dir(), path: positionPath(c.Log.Dir(), c.Name),
		zap: c.Logger.With(zap.String("receiver", c.Name)), checkpoints: c.Spec.Checkpoints, pace: usualPace(),
	}
	fail := func(err error) (*Shipper, error) { return nil, fmt.Errorf("ship.%s: %w", c.Name, err) }
	var err error
	if s.where, err = audit.ParseQuery(c.Spec.Where); err != nil {
		return fail(err)
	}
	d := newDialer(&c.Spec)
	if _, err := d.tls.Config(d.files); err != nil {
		return fail(err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	if c.Spec.Syslog != "" {
		s.sink = newSyslog(&c.Spec, host)
	} else {
		if c.Spec.TokenFile != "" {
			if _, err := privatefile.ReadToken(new(smallfile.Reader), c.Spec.TokenFile); err != nil {
				return fail(fmt.Errorf("token_file: %w", err))
			}
		}
		o := newOTLP(&c.Spec, host, c.Version, s.refuse)
		s.sink = o
		if c.Spec.VictoriaLogs != "" {
			if c.Log.Site() == "" {
				return fail(errors.New("a VictoriaLogs tells logs apart by their site: set audit.site, to a name that no other proxy has"))
			}
			s.checkpoints = true
			v := newVictoriaLogs(o, &c.Spec, c.Log.Site())
			if c.Spec.readsBack() {
				o.refused = func(uint64, uint64, int64, string) {} // records that it rejects are not found
				s.readback = newReadback(s, v, c.Spec.ReadbackAfter.Or(defaultReadbackAfter))
			}
		}
	}
	if err := s.begin(c.Spec.From); err != nil {
		return fail(err)
	}
	return s, nil
}

// begin reads the position, or writes that of a new receiver.
func (s *Shipper) begin(from From) error {
	p, err := readPosition(s.path)
	if err != nil {
		return err
	}
	last := s.log.LastSeq()
	switch {
	case p != nil && p.Seq <= last:
		s.position = *p
	case p != nil:
		s.zap.Warn("the log does not reach to what was shipped: another is in its place, which is shipped from its beginning",
			zap.Uint64("shipped", p.Seq), zap.Uint64("last", last))
		s.unsaved = true
	default:
		if from == Now {
			s.position = position{Seq: last, CheckpointSize: last}
		}
		s.zap.Info("new receiver of audit records", zap.Uint64("after", s.position.Seq), zap.String("position", filepath.Base(s.path)))
		if err := s.position.write(s.path); err != nil {
			return err
		}
	}
	s.feed = newFeed(s.dir, s.position)
	s.stats.seq.Store(s.position.Seq)
	s.checkpoint = checkpointAt{s.position.CheckpointSize, s.position.CheckpointNumber}
	if s.readback != nil {
		s.readback.assumed = s.position.Sent
		s.stats.sent.Store(max(s.position.Sent, s.position.Seq))
	}
	return nil
}
