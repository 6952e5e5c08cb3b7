// Package scripts tests the scripts of the build.
package scripts
