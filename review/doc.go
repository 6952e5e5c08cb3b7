// Package review has the questions that people ask about the requests of the log, and their decisions: why a request was
// allowed or refused, which requests a change would let through, what learning proposes; approving, rejecting, switching
// modes and phases. The commands and the dashboard call the same functions, so that both say the same.
//
// Each decision has the name of its author, and ends as new contents of the configuration's files: a running proxy applies
// them and records who did it. The package reads the log and the configuration, writes files in Commit, StartPhase and
// StopPhase only, prints nothing and prompts nobody. Its functions may be called concurrently; a value is for one goroutine.
//
//	found, stats, err := review.Find(dir, query, since, nil)
//	why := review.Why{Config: cfg, Dir: dir, Found: found, Back: setting.Duration(14 * 24 * time.Hour)}
//	permitted, err := why.Write(os.Stdout)
package review
