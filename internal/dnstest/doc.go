// Package dnstest is a DNS server on loopback, for tests.
package dnstest
