// Package live keeps the current state of the audit log: it counts the log once, follows its files, and sends new requests
// to viewers. It reads files only, so it never delays a request; if it is slow, it lags behind.
//
//	f := &live.Follower{Dir: "audit"}
//	go f.Run(ctx) // the caller waits for it
//	f.View(func(v *live.View) { ... }) // v must not be kept
package live
