package daemon

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/bundle"
	"webproxy/certs"
	"webproxy/config"
	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

// bundles fetches the bundles of policy.bundle. An accepted bundle becomes a file beside the configuration, and the watcher of the
// configuration reloads it. A refused one changes nothing. It is for one goroutine.
type bundles struct {
	d      *daemon
	latest func() *config.Config
	seen   policy.BundleSpec // of source
	source *bundle.Source
	files  smallfile.Reader // reads what the connection to source needs
	idle   func()           // closes idle connections of source
	// why is why the bundle that source has was not accepted, for the status; empty if it was. The configuration unacceptedBy did not
	// accept it: another one may. It is looked at again at the time again; never, if that is zero: it is refused.
	why          string
	unacceptedBy string
	again        time.Time
	// givenUp is how often in a row the bundle with the SHA-256 sum was looked at under unacceptedBy without a result.
	givenUp int
	sum     [sha256.Size]byte

	asking whatIf // a what-if that was given up and may still read the log; may be nil
}

const (
	defaultBundleEvery = time.Minute
	bundleLookAgain    = 5 * time.Second // if no bundle is configured: a reload may configure one
	bundleLeastPause   = 200 * time.Millisecond
	// longestWhatIfPause bounds the time until a what-if is tried again that could not be made: each reads days of the log.
	longestWhatIfPause = time.Hour
)

// fetchBundles fetches bundles until the returned function is called.
func (d *daemon) fetchBundles() (stop func()) {
	if d.cfg.Path == "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { (&bundles{d: d, latest: d.current.Load, idle: func() {}}).run(ctx) })
	return func() {
		cancel()
		wg.Wait()
	}
}

func (b *bundles) run(ctx context.Context) {
	defer func() { b.idle() }()
	for {
		pause := b.round(ctx)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// round fetches once, and returns how long to pause before the next round.
func (b *bundles) round(ctx context.Context) (pause time.Duration) {
	cfg := b.latest()
	spec := cfg.Policy.Bundle
	if spec == nil {
		return bundleLookAgain
	}
	every := spec.Every
	if every == 0 {
		every = defaultBundleEvery
	}
	// Sites that were started together must not fetch at the same moment.
	pause = time.Duration(float64(every) * (0.9 + 0.2*rand.Float64()))
	err := b.connect(cfg, spec)
	var data []byte
	due := !b.again.IsZero() && !time.Now().Before(b.again)
	if err == nil {
		if b.why != "" && (due || b.unacceptedBy != configKey(cfg)) {
			b.source.Forget()
		}
		data, err = b.source.Fetch(ctx)
	}
	if ctx.Err() != nil {
		return 0
	}
	if err != nil {
		b.problem(false, "not fetched: "+err.Error())
		return pause
	}
	cfg = b.latest() // do not keep an old policy in memory while a server holds the request
	if cfg.Policy.Bundle == nil {
		return bundleLookAgain
	}
	sum, key := sha256.Sum256(data), configKey(cfg)
	known := sum == b.sum && key == b.unacceptedBy
	if known && b.why != "" && !due {
		data = nil // as by a server without ETags
	}
	if data != nil {
		if !known {
			b.givenUp = 0
		}
		err := b.take(ctx, cfg, data)
		if ctx.Err() != nil {
			return 0
		}
		b.why, b.unacceptedBy, b.again, b.sum = "", key, time.Time{}, sum
		switch {
		case errors.Is(err, errWhatIf), errors.Is(err, errNotStored): // it may be taken later; another bundle is fetched meanwhile
			b.again = time.Now().Add(whatIfPause(every, b.givenUp))
			b.givenUp++
			b.why = err.Error()
			b.problem(true, b.why)
			return pause
		case err != nil:
			b.givenUp = 0
			b.why = refusal(err)
			b.refused(b.why)
			return pause
		}
		b.givenUp = 0
	}
	b.d.bundle.note(true, b.why) // it was told when it was new
	if b.source.Waits() {
		return bundleLeastPause
	}
	return pause
}

// errNotStored is an error for a bundle that passed all checks and could not be written, as when the disk is full.
var errNotStored = errors.New("not stored")

// whatIfPause is the time until a what-if is tried again that could not be made several times.
func whatIfPause(every time.Duration, times int) time.Duration {
	return max(every, min(every<<min(times, 20), longestWhatIfPause))
}

// connect makes b.source if it is not that of spec.
func (b *bundles) connect(cfg *config.Config, spec *policy.BundleSpec) error {
	if b.source != nil && sameServer(&b.seen, spec) {
		return nil
	}
	b.idle()
	source := &bundle.Source{From: spec.From}
	if file := spec.TokenFile; file != "" {
		source.Token = func() (string, error) {
			token, err := privatefile.ReadToken(&b.files, file)
			if err != nil {
				return "", fmt.Errorf("policy.bundle.token_file: %w", err)
			}
			return token, nil
		}
	}
	if strings.Contains(spec.From, "://") {
		transport, err := b.transport(spec)
		if err != nil {
			return err
		}
		source.Client = &http.Client{Transport: transport}
		b.idle = transport.CloseIdleConnections
	}
	b.seen, b.source = *spec, source
	return nil
}

// sameServer reports whether a and b fetch from the same server in the same way.
func sameServer(a, b *policy.BundleSpec) bool {
	return a.From == b.From && a.CA == b.CA && a.Cert == b.Cert && a.Key == b.Key && a.TokenFile == b.TokenFile
}

// transport returns a transport that connects as the proxy does to origins, and only to the server of spec. It reads the TLS files for
// each connection, so that a renewed certificate is used.
func (b *bundles) transport(spec *policy.BundleSpec) (*http.Transport, error) {
	target, _, _, err := policy.ParseURL(spec.From)
	if err != nil {
		return nil, fmt.Errorf("policy.bundle.from: %w", err)
	}
	// The server is the operator's choice, and may have a private address; nothing else may be dialled for it.
	set, err := policy.Compile(&policy.Spec{Rules: []policy.RuleSpec{{
		ID: "bundle", Hosts: []string{target.Host()}, Ports: []uint16{target.Port()}, Private: "allow",
		Schemes: []policy.Scheme{policy.HTTPS},
	}}}, nil, policy.Env{})
	if err != nil {
		return nil, fmt.Errorf("policy.bundle.from: %w", err)
	}
	files := certs.ClientFiles{CA: spec.CA, Cert: spec.Cert, Key: spec.Key}
	return &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			if target.Scheme() == policy.HTTPS { // it redirects to http, and the token would go there
				return nil, fmt.Errorf("%s would be asked without TLS", addr)
			}
			return dialFor(ctx, b.d.proxy.Egress, set, addr)
		},
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			tlsConfig, err := files.Config(&b.files)
			if err != nil {
				return nil, fmt.Errorf("policy.bundle.%w", err)
			}
			tlsConfig.ServerName, tlsConfig.NextProtos = target.Host(), []string{"h2", "http/1.1"}
			conn, err := dialFor(ctx, b.d.proxy.Egress, set, addr)
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			c := tls.Client(conn, tlsConfig)
			if err := c.HandshakeContext(ctx); err != nil {
				conn.Close()
				return nil, fmt.Errorf("TLS with %s: %w", addr, err)
			}
			return c, nil
		},
		ResponseHeaderTimeout: 3 * time.Minute, // a server may hold a request
		IdleConnTimeout:       3 * time.Minute,
		MaxIdleConnsPerHost:   1,
		ForceAttemptHTTP2:     true,
	}, nil
}

// dialFor connects to addr as the proxy would for a client on this machine, if set permits it.
func dialFor(ctx context.Context, e *egress.Egress, set *policy.Set, addr string) (net.Conn, error) {
	target, err := policy.ParseTarget(policy.HTTPS, addr)
	if err != nil {
		return nil, err
	}
	decision := set.Decide(&policy.Request{Time: time.Now(), Client: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Method: http.MethodConnect, Target: target})
	if !decision.Permit {
		return nil, fmt.Errorf("%s is not the server of policy.bundle.from", addr)
	}
	return e.Open(ctx, &egress.Route{Decision: decision})
}

// take stores the bundle in data, to be reloaded, if it passes all checks; otherwise it returns why not.
func (b *bundles) take(ctx context.Context, cfg *config.Config, data []byte) error {
	next, err := config.VerifyBundle(cfg, data, b.d.version)
	if err != nil {
		return err
	}
	file := config.BundleFile(cfg.Path)
	store := bundle.NewStore(filepath.Dir(file))
	again, err := store.Admit(next)
	if err != nil || again {
		return err
	}
	with, err := config.LoadWith(cfg.Path, map[string][]byte{file: data})
	if err != nil {
		return fmt.Errorf("%v: %w", next, err)
	}
	if err := b.whatIf(ctx, cfg, with, next); err != nil {
		return err
	}
	if err := store.Take(next, bundle.State{Taken: time.Now().UTC()}); err != nil {
		return fmt.Errorf("%v: %w: %w", next, errNotStored, err)
	}
	b.d.log.Info("bundle taken", zap.Stringer("bundle", next), zap.String("made", next.Made.Format(time.RFC3339)), zap.String("by", next.By))
	return nil
}

// refusal is why a bundle is refused, for people.
func refusal(err error) string {
	text := err.Error()
	var problems config.Problems
	if errors.As(err, &problems) && len(problems) > 0 {
		text = problems[0].String()
	}
	return "bundle refused: " + text
}

// refused records that a bundle was refused: the last good one stays in force.
func (b *bundles) refused(text string) {
	if !b.problem(true, text) {
		return
	}
	digest := b.d.live.Load().Digest()
	b.d.record(&audit.Record{Type: audit.TypeReload, Policy: digest, PolicyOld: digest, Detail: "refused: " + text})
}

// problem stores why bundles cannot be taken, and logs it once. It reports whether it is a new problem.
func (b *bundles) problem(reached bool, text string) (other bool) {
	if !b.d.bundle.note(reached, text) {
		return false
	}
	b.d.metrics.bundleProblems.Inc()
	b.d.log.Error("policy bundle", zap.String("problem", text), zap.String("in_force", bundleName(b.latest())))
	return true
}

// bundleName is the bundle in force, for people.
func bundleName(cfg *config.Config) string {
	if cfg.Bundle == nil {
		return "none"
	}
	return cfg.Bundle.String()
}

// configKey distinguishes configurations that may accept different bundles.
func configKey(cfg *config.Config) string {
	return fmt.Sprint(cfg.Set.Digest(), *cfg.Policy.Bundle, cfg.Audit.Site)
}
