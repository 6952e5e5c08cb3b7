package audit

import "sync"

// inOrder does n pieces of work, up to workers at a time, and passes what they emit to take: all of piece 0 first,
// then all of piece 1, each in the order in which it was emitted. take runs on the caller's goroutine. A piece that
// runs ahead of its turn waits once it has emitted a little, so memory is bounded whatever n is.
//
// emit returns false when its piece should stop. inOrder stops at the first error of take, and returns it once all
// goroutines have ended.
func inOrder[T any](n, workers int, work func(i int, emit func(T) bool), take func(i int, v T) error) error {
	const ahead = 4
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := make(chan struct{})
	defer close(stop) // before the Wait above

	emitted := make([]chan T, n)
	for i := range emitted {
		emitted[i] = make(chan T, ahead)
	}
	slots := make(chan struct{}, max(workers, 1))
	wg.Go(func() {
		// Started in order, so the piece whose turn it is always has a slot.
		for i := range n {
			select {
			case slots <- struct{}{}:
			case <-stop:
				return
			}
			wg.Go(func() {
				defer func() { <-slots }()
				defer close(emitted[i])
				work(i, func(v T) bool {
					select {
					case emitted[i] <- v:
						return true
					case <-stop:
						return false
					}
				})
			})
		}
	})
	for i := range emitted {
		for v := range emitted[i] {
			if err := take(i, v); err != nil {
				return err
			}
		}
	}
	return nil
}
