// Package pagestyle is the style sheet that the dashboard's pages and the report have in common.
package pagestyle

import _ "embed"

// CSS is the style sheet. It is at most 10 KB, needs no other file, supports light, dark and print, and has no URLs.
//
//go:embed style.css
var CSS string
