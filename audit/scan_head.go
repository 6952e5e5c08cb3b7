package audit

// A head is the beginning of a line as Log writes it.
type head[T string | []byte] struct {
	ts  T
	seq uint64
}

const (
	headVersion = `{"v":1,"type":"`
	headTime    = `","ts":"`
	headSeq     = `","seq":`
)

// parseHead reads the beginning of a line that is in the exact form that Log writes, and checks its end. A line in
// another form may still be a record: another program may have rewritten it.
func parseHead[T string | []byte](line T) (h head[T], ok bool) {
	at := len(headVersion)
	if len(line) < at || string(line[:at]) != headVersion || line[len(line)-1] != '}' {
		return h, false
	}
	for at < len(line) && line[at] != '"' { // the type
		at++
	}
	if at == len(headVersion) || len(line) < at+len(headTime)+len(TimeLayout)+len(headSeq) || string(line[at:at+len(headTime)]) != headTime {
		return h, false
	}
	at += len(headTime)
	h.ts = line[at : at+len(TimeLayout)]
	at += len(TimeLayout)
	if line[at-1] != 'Z' || string(line[at:at+len(headSeq)]) != headSeq {
		return h, false
	}
	at += len(headSeq)
	end := min(len(line), at+19) // so that seq does not overflow
	for ; at < end && '0' <= line[at] && line[at] <= '9'; at++ {
		h.seq = h.seq*10 + uint64(line[at]-'0')
	}
	return h, h.seq > 0 && at < len(line) && (line[at] == ',' || line[at] == '}')
}
