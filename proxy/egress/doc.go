// Package egress opens connections to origins, directly or through upstream proxies. Within package proxy it is the
// only one that dials, which internal/archtest checks. It resolves names, checks every address against the Decision
// that it is given, races the addresses, and connects to nothing else.
package egress
