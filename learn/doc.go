// Package learn turns the requests of clients into proposals for an allowlist, each with its evidence, and says whether a
// group is ready for enforce mode.
//
// It has no state of its own: it reads the audit log, and the decisions of people, which are in the list file and in
// learn.yaml beside the configuration. It opens no sockets and writes no files. Known and PathRules are safe for concurrent
// use; all other types are for one goroutine.
//
//	seen, stats, err := learn.Observe("audit", audit.ScanOptions{}, nil)
//	known, err := learn.OpenKnown(place)
//	for _, p := range seen.Group("nodes").Propose(learn.Params{Policy: set, Known: known}) {
//		fmt.Println(p.Entry, p.Evidence.Hits)
//	}
//
// The package decides nothing and admits nothing. A wildcard is never proposed at or above a public suffix, a
// registered domain, or a domain whose names belong to many owners, however much evidence there is. Requests of one
// client group are never evidence for proposals to another group.
package learn
