// Package learn turns the requests of clients into proposals for an allowlist, each with its evidence, and says how
// far the learning is.
//
// It has no state of its own: it reads the audit log, and what people decided, which is in the list
// file and in learn.yaml beside the configuration.
//
//	seen, stats, err := learn.Observe("audit", audit.ScanOptions{}, nil)
//	known, err := learn.OpenKnown(place)
//	for _, p := range seen.Group("nodes").Propose(learn.Params{Policy: set, Known: known}) {
//		fmt.Println(p.Entry, p.Evidence.Hits)
//	}
//
// The package decides nothing and admits nothing. A wildcard is never proposed at or above a public suffix, a
// registered domain, or a domain whose names belong to many owners, however much evidence there is. Requests of one
// client group are never evidence for another's proposals.
package learn
