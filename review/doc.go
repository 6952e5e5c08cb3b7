// Package review is what people ask about the requests of the log, and what they decide: why a request was decided as it
// was, which requests a change would let through, what learning proposes; approving, rejecting, switching modes and
// phases. The commands and the dashboard call the same functions, so that both say the same.
//
// Whatever is decided has an actor, a name, and ends as new contents of the configuration's files: a running proxy
// applies them, and records who did it. The package prints nothing and asks nobody.
//
//	found, stats, err := review.Find(dir, query, since, nil)
//	why := review.Why{Config: cfg, Dir: dir, Found: found, Back: setting.Duration(14 * 24 * time.Hour)}
//	permitted, err := why.Write(os.Stdout)
package review
