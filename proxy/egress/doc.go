// Package egress opens connections to origins, directly or through upstream proxies. Within package proxy it is the only
// one that dials, which internal/archtest checks: it resolves names, checks every address against the Decision it was
// given, races the addresses, and connects to nothing else.
package egress
