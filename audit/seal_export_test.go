package audit

import "golang.org/x/mod/sumdb/tlog"

// LeafHash lets tests forge hashes.
func LeafHash(line []byte) tlog.Hash { return (&hasher{}).leaf(line) }
