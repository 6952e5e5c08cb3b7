// Package live knows what the audit log says, as of now: it counts the log once, follows its files, and tells those who
// watch. Nothing of it is on the way of a request: a reader that is slow is a reader that is late.
//
//	f := &live.Follower{Dir: "audit"}
//	go f.Run(ctx) // the caller waits for it
//	f.View(func(v *live.View) { ... }) // v must not be kept
package live
