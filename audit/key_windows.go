package audit

import "os"

// checkPrivate does nothing: who may read a file is in its access control list, which is the
// operator's to set; see docs/audit.md.
func checkPrivate(*os.File) error { return nil }
